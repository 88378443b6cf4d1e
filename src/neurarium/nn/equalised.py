"""Layers of the progressive GAN: all weights learn at one pace, and no map grows out of bounds."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class EqualisedConv2d(nn.Conv2d):
    """nn.Conv2d with w c for its weights, c = gain / sqrt(inputs of a unit); Karras et al. 2017, section 4.1.

    c is the deviation of He's initialiser for the gain sqrt(2). Weights start from N(0, 1), and the division is made at
    every pass: so all weights are of one size, and steps of Adam, which do not know the size, change all layers alike.
    Biases start at 0.

    In (B, C_in, H, W), out (B, C_out, H', W').
    """

    def __init__(self, *args: Any, gain: float = math.sqrt(2), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scale = gain / math.sqrt(self.weight[0].numel())
        _start(self)

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.weight * self.scale, self.bias)


class EqualisedLinear(nn.Linear):
    """nn.Linear in the same way; in (..., in_features), out (..., out_features)."""

    def __init__(self, *args: Any, gain: float = math.sqrt(2), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scale = gain / math.sqrt(self.in_features)
        _start(self)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias)


class PixelNorm(nn.Module):
    """b = a / sqrt(mean_j a_j^2 + 1e-8) over the channels of each pixel; Karras et al. 2017, section 4.2.

    In and out (B, C, ...).
    """

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


def _start(layer: nn.Conv2d | nn.Linear) -> None:
    nn.init.normal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
