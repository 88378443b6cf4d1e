"""Penalties on codes against loops, scipy and torch.func."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from neurarium.losses.code_penalties import absolute_activity, jacobian_norm, kl_sparsity, sigmoid_jacobian_norm


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


@pytest.mark.catalogue("sparse-autoencoder")
def test_activity_is_the_sum_of_sizes_of_each_item() -> None:
    code = normal(3, 5)
    expected = [sum(abs(float(h)) for h in row) for row in code]
    assert absolute_activity(code).tolist() == pytest.approx(expected)
    maps = normal(2, 3, 4, 2)
    assert absolute_activity(maps).tolist() == pytest.approx(maps.abs().sum((1, 2, 3)).tolist())


@pytest.mark.parametrize("target", [0.05, 0.5])
def test_kl_sparsity_is_the_divergence_of_bernoullis(target: float) -> None:
    code = normal(7, 4).sigmoid()
    means = code.mean(0).numpy()
    expected = sum(entropy([target, 1 - target], [mean, 1 - mean]) for mean in means)
    assert float(kl_sparsity(code, target=target)) == pytest.approx(expected)
    assert float(kl_sparsity(torch.full((6, 3), target), target=target)) == pytest.approx(0, abs=1e-6)


def test_kl_sparsity_wants_a_share() -> None:
    for target in (0.0, 1.0):
        with pytest.raises(ValueError, match=r"target in \(0, 1\), received"):
            kl_sparsity(torch.rand(2, 3), target=target)


ENCODERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "one sigmoid layer": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.Sigmoid()), (2, 3)),
    "deep": (lambda: nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3), nn.Softplus()), (5,)),
    "maps": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3, stride=2, padding=1), nn.Tanh()), (1, 4, 5)),
}


def exact(encoder: nn.Module, parameters: dict[str, Tensor], x: Tensor) -> Tensor:
    """(B,): sums of squares of whole Jacobians, as torch.func gives them."""

    def alone(item: Tensor) -> Tensor:
        return functional_call(encoder, parameters, (item[None],)).flatten()

    return vmap(jacrev(alone))(x).flatten(1).square().sum(1)


@pytest.mark.parametrize("name", ENCODERS)
def test_jacobian_norm_and_its_gradient_are_those_of_the_whole_jacobian(name: str) -> None:
    build, shape = ENCODERS[name]
    torch.manual_seed(0)
    encoder, x = build().double(), normal(4, *shape)
    parameters = dict(encoder.named_parameters())
    ours, theirs = jacobian_norm(encoder, x), exact(encoder, parameters, x)
    torch.testing.assert_close(ours, theirs)
    wanted = torch.autograd.grad((theirs * normal(4)).sum(), list(parameters.values()), allow_unused=True)
    found = torch.autograd.grad((ours * normal(4)).sum(), list(parameters.values()), allow_unused=True)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)
    with torch.no_grad():
        value = jacobian_norm(encoder, x)
    torch.testing.assert_close(value, theirs.detach())
    assert not value.requires_grad


def test_closed_form_of_one_sigmoid_layer_and_its_gradient() -> None:
    torch.manual_seed(0)
    layer, x = nn.Linear(6, 4).double(), normal(5, 6)
    encoder = nn.Sequential(layer, nn.Sigmoid())
    ours = sigmoid_jacobian_norm(encoder(x), layer.weight)
    theirs = exact(encoder, dict(encoder.named_parameters()), x)
    torch.testing.assert_close(ours, theirs)
    wanted = torch.autograd.grad(theirs.sum(), [layer.weight, layer.bias])
    for one, other in zip(torch.autograd.grad(ours.sum(), [layer.weight, layer.bias]), wanted, strict=True):
        torch.testing.assert_close(one, other)
    with pytest.raises(ValueError, match=r"one shape, received \(4,\) and \(3,\)"):
        sigmoid_jacobian_norm(encoder(x), normal(3, 6))


def test_jacobian_norm_of_a_linear_map_is_that_of_its_matrix() -> None:
    matrix = normal(3, 5)
    norms = jacobian_norm(lambda x: x @ matrix.T, normal(4, 5))
    assert norms.tolist() == pytest.approx([np.linalg.norm(matrix.numpy(), "fro") ** 2] * 4)
