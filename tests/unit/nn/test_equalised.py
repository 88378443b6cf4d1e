"""Equalised learning rates and pixel normalization against their formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from neurarium.nn.equalised import EqualisedConv2d, EqualisedLinear, PixelNorm


def test_weights_are_divided_at_every_pass() -> None:
    """w c, with c the deviation of He's initialiser: sqrt(2 / inputs of a unit)."""
    torch.manual_seed(0)
    conv, linear = EqualisedConv2d(3, 5, 3, padding=1), EqualisedLinear(7, 2, gain=1.0)
    x = torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(conv(x), F.conv2d(x, conv.weight * math.sqrt(2 / 27), conv.bias, padding=1))
    x = torch.randn(4, 7)
    torch.testing.assert_close(linear(x), x @ linear.weight.T / math.sqrt(7) + linear.bias)


def test_weights_start_from_a_standard_normal_whatever_the_layer() -> None:
    torch.manual_seed(0)
    for layer in (EqualisedConv2d(64, 64, 3), EqualisedLinear(64, 600)):
        assert float(layer.weight.detach().std()) == pytest.approx(1, rel=0.01)
        assert layer.bias is not None
        assert float(layer.bias.detach().abs().max()) == 0


def test_a_step_of_adam_changes_what_all_layers_give_alike() -> None:
    """Relative to their start, however many inputs they have; of plain layers the wide one changes more."""

    def change(layer: nn.Linear) -> float:
        torch.manual_seed(0)
        before, optimizer = layer.weight.detach().clone(), torch.optim.Adam(layer.parameters(), lr=0.01)
        layer(torch.randn(64, layer.in_features)).square().sum().backward()
        optimizer.step()
        return float((layer.weight.detach() - before).norm() / before.norm())

    narrow, wide = (change(EqualisedLinear(n, 8)) for n in (16, 1024))
    assert wide == pytest.approx(narrow, rel=0.1)
    narrow, wide = (change(nn.Linear(n, 8)) for n in (16, 1024))
    assert wide > 6 * narrow


def test_channels_of_each_pixel_have_mean_square_one() -> None:
    x = torch.randn(3, 4, 5, 6) * 7
    found = PixelNorm()(x)
    for item in range(3):
        pixel = x[item, :, 2, 3]
        torch.testing.assert_close(found[item, :, 2, 3], pixel / math.sqrt(float((pixel**2).mean())))
    torch.testing.assert_close(PixelNorm()(torch.randn(5, 9)).square().mean(1), torch.ones(5))
    assert PixelNorm()(torch.zeros(1, 3, 1, 1)).abs().max() == 0
