"""LeNet-5 of 1998 written out map by map with scipy, from the text of the paper, as judge of ours."""

import numpy as np
import torch
from scipy.signal import correlate2d

from neurarium.networks.lenet import LeNet5, LeNet5_1998
from neurarium.nn.rbf import digit_prototypes


def squash(a: np.ndarray) -> np.ndarray:
    return 1.7159 * np.tanh(2 / 3 * a)


def windows(x: np.ndarray) -> np.ndarray:
    """Sums of 2 x 2 windows that do not overlap."""
    return x[0::2, 0::2] + x[0::2, 1::2] + x[1::2, 0::2] + x[1::2, 1::2]


# Table I row by row: the columns that are marked for each map of S2.
SEEN_BY = [
    [0, 4, 5, 6, 9, 10, 11, 12, 14, 15],
    [0, 1, 5, 6, 7, 10, 11, 12, 13, 15],
    [0, 1, 2, 6, 7, 8, 11, 13, 14, 15],
    [1, 2, 3, 6, 7, 8, 9, 12, 14, 15],
    [2, 3, 4, 7, 8, 9, 10, 12, 13, 15],
    [3, 4, 5, 8, 9, 10, 11, 13, 14, 15],
]


def test_lenet_of_1998_equals_the_paper_written_out() -> None:
    torch.manual_seed(0)
    network = LeNet5_1998().double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(8)  # out of the linear range of the squashing, so that its place and form matter
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    image = np.random.default_rng(0).uniform(-0.1, 1.175, size=(32, 32))

    def weights(layer: str) -> tuple[np.ndarray, np.ndarray]:
        return state[f"{layer}.weight"], state[f"{layer}.bias"]

    kernels, bias = weights("c1")
    maps = [squash(correlate2d(image, kernels[m, 0], "valid") + bias[m]) for m in range(6)]
    scale, shift = state["s2.coefficient"], state["s2.bias"]
    maps = [squash(scale[m] * windows(x) + shift[m]) for m, x in enumerate(maps)]
    kernels, bias = weights("c3")
    live = iter(kernels)
    c3 = []
    for m in range(16):
        inputs = [i for i in range(6) if m in SEEN_BY[i]]
        c3.append(squash(sum(correlate2d(maps[i], next(live), "valid") for i in inputs) + bias[m]))
    scale, shift = state["s4.coefficient"], state["s4.bias"]
    maps = [squash(scale[m] * windows(x) + shift[m]) for m, x in enumerate(c3)]
    kernels, bias = weights("c5")
    c5 = squash(np.array([(np.stack(maps) * kernels[m]).sum() + bias[m] for m in range(120)]))
    matrix, bias = weights("f6")
    f6 = squash(matrix @ c5 + bias)
    penalties = [((f6 - code) ** 2).sum() for code in digit_prototypes().numpy()]

    assert next(live, None) is None
    assert np.abs(f6).max() > 0.5
    with torch.no_grad():
        x = torch.tensor(image)[None, None]
        np.testing.assert_allclose(network.features(x)[0].numpy(), f6, rtol=1e-10)
        np.testing.assert_allclose(network(x)[0].numpy(), np.negative(penalties), rtol=1e-10)


def test_common_lenet_equals_convolutions_written_out() -> None:
    torch.manual_seed(0)
    network = LeNet5().double()
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    image = np.random.default_rng(0).normal(size=(32, 32))

    def convolve(maps: list[np.ndarray], layer: str) -> list[np.ndarray]:
        kernels, bias = state[f"{layer}.weight"], state[f"{layer}.bias"]
        return [
            np.tanh(sum(correlate2d(x, w, "valid") for x, w in zip(maps, kernel, strict=True)) + b)
            for kernel, b in zip(kernels, bias, strict=True)
        ]

    maps = [windows(x) / 4 for x in convolve([image], "c1")]
    maps = [windows(x) / 4 for x in convolve(maps, "c3")]
    c5 = np.array(convolve(maps, "c5")).ravel()
    f6 = np.tanh(state["f6.weight"] @ c5 + state["f6.bias"])
    logits = state["output.weight"] @ f6 + state["output.bias"]
    with torch.no_grad():
        np.testing.assert_allclose(network(torch.tensor(image)[None, None])[0].numpy(), logits, rtol=1e-10)
