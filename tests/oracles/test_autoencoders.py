"""What autoencoders learn on handwritten digits, beside principal components and beside each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from neurarium.losses.code_penalties import jacobian_norm
from neurarium.losses.regression import squared_error
from neurarium.networks.autoencoder import DenseAutoencoder
from neurarium.networks.conv_autoencoder import ConvAutoencoder
from neurarium.nn.inputs import GreyInput, ImageInput
from neurarium.tasks.autoencoder import Autoencoder
from neurarium.train.batches import Labelled
from tests.oracles.learned_autoencoders import items, learned, measured


def pixels(x: Tensor) -> np.ndarray:
    return x.flatten(1).double().numpy() / 255


@pytest.mark.catalogue("undercomplete-autoencoder", "dimensionality-reduction")
def test_linear_with_squared_error_spans_the_subspace_of_principal_components() -> None:
    train = pixels(items("digits", "train")[0])
    x = torch.from_numpy(train)
    torch.manual_seed(0)
    network = DenseAutoencoder(shape=(64,), hidden=(), code_size=5).double()
    optimizer = torch.optim.LBFGS(network.parameters(), max_iter=500, history_size=20, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = squared_error(network(x), x).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    judge = PCA(5).fit(train)
    (weight,) = [p.detach().numpy() for p in network.decoder.parameters() if p.dim() == 2]
    assert np.degrees(subspace_angles(weight, judge.components_.T).max()) < 0.5
    best = ((judge.inverse_transform(judge.transform(train)) - train) ** 2).sum(1).mean()
    assert best < closure().item() < 1.0001 * best


@pytest.mark.catalogue("undercomplete-autoencoder", "dimensionality-reduction", "autoencoder-dimensionality-reduction")
def test_smaller_codes_reconstruct_worse_and_two_numbers_tell_more_than_two_components() -> None:
    (x, y), (tested, labels) = items("digits", "train"), items("digits", "test")
    errors = {}
    for size in (2, 8):
        task = learned("autoencoder", hidden=(128, 64), code_size=size, epochs=60.0)
        errors[size] = float(task.reconstruction_errors(tested).mean())
        judge = PCA(size).fit(pixels(x))
        linear = judge.transform(pixels(tested))
        assert errors[size] < 0.9 * float(((judge.inverse_transform(linear) - pixels(tested)) ** 2).mean())
        if size == 2:
            neighbours = KNeighborsClassifier(5)
            ours = neighbours.fit(task.encode(x), y).score(task.encode(tested), labels)
            theirs = neighbours.fit(judge.transform(pixels(x)), y).score(linear, labels)
            assert ours > theirs + 0.1, (ours, theirs)
    constant = float(((pixels(tested) - pixels(x).mean(0)) ** 2).mean())
    assert errors[8] < 0.5 * errors[2] < errors[2] < 0.7 * constant


def few_labels(task: Autoencoder) -> float:
    """Accuracy of a linear classifier on the code that saw five labels of each class; mean of ten choices."""
    (x, y), (tested, labels) = items("digits", "train"), items("digits", "test")
    codes, test_codes = task.encode(x).numpy(), task.encode(tested).numpy()
    return linear_probe(codes, y.numpy(), test_codes, labels.numpy())


def linear_probe(x: np.ndarray, y: np.ndarray, tested: np.ndarray, labels: np.ndarray) -> float:
    scores = []
    for seed in range(10):
        random = np.random.default_rng(seed)
        rows = np.concatenate([random.permutation(np.flatnonzero(y == label))[:5] for label in range(10)])
        unit = x[rows].std(0).mean()
        scores.append(LogisticRegression(max_iter=500).fit(x[rows] / unit, y[rows]).score(tested / unit, labels))
    return float(np.mean(scores))


@pytest.mark.catalogue("identity-risk", "diff-autoencoder-sizes", "sparse-autoencoder")
def test_a_wide_code_copies_and_learns_nothing_where_the_remedies_do_not_copy() -> None:
    """256 numbers for 64 pixels. Copying shows on images that are none of digits: noise comes back as noise."""
    noise = torch.rand((300, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    (x, y), (tested, labels) = items("digits", "train"), items("digits", "test")
    raw = linear_probe(pixels(x), y.numpy(), pixels(tested), labels.numpy())

    wide = learned("autoencoder", hidden=(), code_size=256, epochs=100.0, lr=4e-3)
    copied = float(wide.reconstruction_errors(tested).mean())
    of_noise = float(wide.reconstruction_errors(noise).mean())
    assert copied < 0.0005
    assert few_labels(wide) < raw + 0.01  # its code is the image, turned

    remedies = {
        "undercomplete": learned("autoencoder", hidden=(), code_size=8, epochs=40.0),
        "sparse": learned("sparse-autoencoder", code_size=256, weight=0.1, epochs=40.0),
        "denoising": learned("denoising-autoencoder", hidden=(), code_size=256, amount=0.5, epochs=40.0),
        "contractive": learned("contractive-autoencoder", code_size=256, weight=0.3, epochs=40.0),
    }
    for name, task in remedies.items():
        assert float(task.reconstruction_errors(tested).mean()) > 10 * copied, name
        assert float(task.reconstruction_errors(noise).mean()) > 1.5 * of_noise, name
    assert few_labels(remedies["sparse"]) > few_labels(wide) + 0.01

    # Few units of the sparse code are active for an image, and without the penalty most are.
    free = learned("sparse-autoencoder", code_size=256, weight=0.0, epochs=40.0)
    active = float((remedies["sparse"].encode(tested) > 0).float().mean())
    assert active < 0.35
    assert float((free.encode(tested) > 0).float().mean()) > 2 * active


@pytest.mark.catalogue("sparse-autoencoder")
def test_kl_sparsity_brings_units_near_the_wanted_activity() -> None:
    task = learned("sparse-autoencoder", kind="kl", weight=0.3, target=0.05, epochs=100.0)
    x, _ = items("digits", "train")
    free = learned("sparse-autoencoder", kind="kl", weight=0.0, epochs=10.0)
    assert float(task.encode(x).mean()) == pytest.approx(0.05, abs=0.03)
    assert float(free.encode(x).mean()) > 0.2


def test_contraction_makes_codes_move_less() -> None:
    """Rifai et al. 2011: a small Jacobian is a code that hardly moves when the image does."""
    x = items("digits", "test")[0].float() / 255
    pushed = x + 0.05 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    free = learned("contractive-autoencoder", weight=0.0, epochs=40.0)
    task = learned("contractive-autoencoder", weight=1.0, epochs=40.0)
    norms = [float(jacobian_norm(t.encoder, x).mean().detach()) for t in (free, task)]
    moves = [float((t.encode(pushed) - t.encode(x)).norm(dim=1).mean()) for t in (free, task)]
    assert norms[1] < 0.6 * norms[0]
    assert moves[1] < 0.8 * moves[0]


@pytest.mark.catalogue("denoising-autoencoder", "image-reconstruction")
def test_denoising_restores_what_a_plain_one_copies() -> None:
    task = learned("denoising-autoencoder", epochs=50.0)
    plain = learned("autoencoder", hidden=(256,), code_size=128, epochs=50.0)
    plain.corrupt = task.corrupt
    ours, theirs = measured(task, "digits"), measured(plain, "digits")
    assert ours["spoiled_error"] == pytest.approx(0.3**2, rel=0.02) == theirs["spoiled_error"]
    assert ours["restored_error"] < 0.25 * ours["spoiled_error"]
    assert theirs["restored_error"] > 2 * ours["restored_error"]


@pytest.mark.catalogue("watermark-removal-autoencoder", "denoise-colorize-watermark-gallery")
def test_error_inside_the_mark_falls() -> None:
    task = learned("watermark-autoencoder", data="digits", channels=(16,), epochs=40.0)
    found = measured(task, "digits")
    assert found["restored_error"] < 0.45 * found["spoiled_error"]
    assert found["reconstruction_error"] < 0.01  # and an image without a mark is left alone
    assert texts(task) == ["input", "output", "target"]


@pytest.mark.catalogue("colorization-autoencoder", "denoise-colorize-watermark-gallery")
def test_colours_that_brightness_tells_are_found() -> None:
    """Bright things are orange and dark ones blue: the grey image says all."""
    torch.manual_seed(0)
    bright = torch.rand(200, 1, 4, 4).repeat_interleave(2, 2).repeat_interleave(2, 3)
    colours = torch.tensor([[1.0, 0.6, 0.1], [0.1, 0.2, 0.9]])[:, :, None, None]
    x = (255 * (bright * colours[0] + (1 - bright) * 0.6 * colours[1])).to(torch.uint8)
    images = ImageInput(channels=3, size=(8, 8), mean=[0.0] * 3, std=[1.0] * 3)
    network = ConvAutoencoder(size=(8, 8), in_channels=1, out_channels=3, channels=(16,), code_size=0)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    seen, target = GreyInput(images)(x), images(x)
    for _ in range(200):
        optimizer.zero_grad()
        squared_error(network(seen[:150]), target[:150]).mean().backward()
        optimizer.step()
    with torch.no_grad():
        error = (network(seen[150:]) - target[150:]).square().mean()
    grey = (seen[150:] - target[150:]).square().mean()
    assert error < 0.05 * grey


def texts(task: Autoencoder) -> list[str]:
    x, y = items("digits", "test")
    figure = task.pictures([Labelled(x[:20], y[:20])])["reconstructions"]
    return [text.get_text() for text in figure.axes[0].texts]
