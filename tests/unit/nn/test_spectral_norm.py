"""Spectral normalisation against torch's own, and against all singular values."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from neurarium.export import to_onnx
from neurarium.nn.spectral_norm import SpectralConv2d, SpectralLinear
from neurarium.nn.summary import summarise


def layers() -> list[tuple[Any, torch.Tensor]]:
    torch.manual_seed(0)
    x = torch.randn(4, 7), torch.randn(4, 2, 6, 6)
    return [(SpectralLinear(7, 5), x[0]), (SpectralConv2d(2, 5, 3, stride=2, padding=1), x[1])]


BOTH = pytest.mark.parametrize("which", [0, 1], ids=["linear", "convolution"])


@BOTH
def test_weights_are_divided_by_their_largest_singular_value(which: int) -> None:
    layer, x = layers()[which]
    for _ in range(300):
        layer(x)
    largest = torch.linalg.svdvals(layer.weight.detach().flatten(1))[0]
    plain = copy.deepcopy(layer)
    plain.__class__ = nn.Linear if which == 0 else nn.Conv2d
    plain.weight = nn.Parameter(layer.weight.detach() / largest)
    torch.testing.assert_close(layer(x), plain(x), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(layer.eval()(x), plain(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_each_forward_is_torchs_with_the_matrix_turned(steps: int) -> None:
    """torch takes u before v; of the transposed matrix that is v before u, so every single step can be compared."""
    (ours, x), _ = layers()
    theirs: Any = nn.Linear(7, 5)
    theirs.load_state_dict({"weight": ours.weight.detach(), "bias": ours.bias.detach()})
    parametrizations.spectral_norm(theirs, dim=1)
    state = theirs.parametrizations.weight[0]
    state._u.copy_(ours.v)
    state._v.copy_(ours.u)
    for _ in range(steps):
        mine, judge = ours(x), theirs(x)
        torch.testing.assert_close(mine, judge)
    mine.square().sum().backward(), judge.square().sum().backward()
    torch.testing.assert_close(ours.weight.grad, theirs.parametrizations.weight.original.grad)
    torch.testing.assert_close(ours.bias.grad, theirs.bias.grad)


@BOTH
def test_one_step_a_training_forward_and_none_in_evaluation(which: int) -> None:
    layer, x = layers()[which]
    matrix, u = layer.weight.detach().flatten(1), layer.u.clone()
    layer(x)
    v = matrix.T @ u / (matrix.T @ u).norm()
    torch.testing.assert_close(layer.v, v)
    torch.testing.assert_close(layer.u, matrix @ v / (matrix @ v).norm())
    kept = copy.deepcopy(layer.state_dict())
    assert sorted(kept) == ["bias", "u", "v", "weight"]
    layer.eval()(x)
    assert all(torch.equal(kept[name], tensor) for name, tensor in layer.state_dict().items())


@BOTH
def test_two_batches_before_one_backward(which: int) -> None:
    """Real and generated samples go through before the gradient comes back: the second must not spoil the first."""
    layer, x = layers()[which]
    twin = copy.deepcopy(layer)
    (layer(x).sum() - layer(2 * x).square().sum()).backward()
    twin(x).sum().backward()
    (-twin(2 * x).square().sum()).backward()
    torch.testing.assert_close(layer.weight.grad, twin.weight.grad)


@pytest.mark.slow
def test_a_compiled_layer_is_the_plain_one() -> None:
    """Two batches before one backward; a compiler may keep for the backward what the next forward moves."""
    layer, x = layers()[0]
    twin = copy.deepcopy(layer)
    compiled = nn.Sequential(layer, nn.Flatten())
    compiled.compile(dynamic=False)
    for _ in range(3):
        (compiled(x).sum() - compiled(2 * x).square().sum()).backward()
        (twin(x).sum() - twin(2 * x).square().sum()).backward()
    torch.testing.assert_close(layer.weight.grad, twin.weight.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(layer.u, twin.u)


@BOTH
def test_state_goes_on_bit_for_bit(which: int) -> None:
    straight, x = layers()[which]
    straight(x)
    again, _ = layers()[which]
    again.load_state_dict(straight.state_dict())
    for _ in range(3):
        assert torch.equal(straight(x), again(x))


@BOTH
def test_half_precision_does_not_reach_the_singular_value(which: int) -> None:
    layer, x = layers()[which]
    twin = copy.deepcopy(layer)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
    twin(x)
    assert torch.equal(layer.u, twin.u)


def test_weights_of_zero_give_zero() -> None:
    (layer, x), _ = layers()
    nn.init.zeros_(layer.weight), nn.init.zeros_(layer.bias)
    assert layer(x).eq(0).all()
    assert layer.weight.isfinite().all()


def test_a_critic_of_such_layers_is_1_lipschitz() -> None:
    torch.manual_seed(0)
    critic = nn.Sequential(
        SpectralLinear(2, 32), nn.LeakyReLU(0.2), SpectralLinear(32, 32), nn.ReLU(), SpectralLinear(32, 1)
    )
    nn.init.normal_(critic[0].weight, std=5.0)
    for _ in range(200):
        critic(torch.zeros(1, 2))
    x, y = 10 * torch.randn(2, 5000, 2)
    slopes = (critic(x) - critic(y)).abs()[:, 0] / (x - y).norm(dim=1)
    assert 0.01 < slopes.max() <= 1 + 1e-3


def test_a_convolution_stretches_by_the_root_of_its_window_at_most() -> None:
    """A 3 x 3 mean filter has the norm 1 when its weights are 1 / 3; away from the border it triples a constant."""
    layer = SpectralConv2d(1, 1, 3, bias=False)
    nn.init.ones_(layer.weight)
    torch.testing.assert_close(layer(torch.ones(1, 1, 5, 5)), torch.full((1, 1, 3, 3), 3.0))


@BOTH
def test_exported_and_counted_as_the_plain_layer(which: int, tmp_path: Path) -> None:
    layer, x = layers()[which]
    layer(x)
    to_onnx(layer, (x,), tmp_path / "layer.onnx")
    plain = nn.Linear(7, 5) if which == 0 else nn.Conv2d(2, 5, 3, stride=2, padding=1)
    ours, theirs = summarise(layer, x)[-1], summarise(plain, x)[-1]
    assert (ours.parameters, ours.multiply_adds) == (theirs.parameters, theirs.multiply_adds)
