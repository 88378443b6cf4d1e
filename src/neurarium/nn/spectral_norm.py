"""Layers whose weights are divided by their largest singular value."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SpectralLinear(nn.Linear):
    """y = W x / sigma(W) + b, so that the layer stretches no distance; Miyato et al. 2018, equation 8.

    sigma(W), the largest singular value, is u^T W v, with u and v from one step of power iteration a training forward
    (algorithm 1); both are buffers, constants to the gradient (equation 12), and stay as they are in evaluation. They
    start from a random u and ten steps. Arguments and `weight` are nn.Linear's; `weight` itself is not bounded.

    In (..., in_features), out (..., out_features).
    """

    u: Tensor
    v: Tensor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        start(self)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, _normalised(self), self.bias)


class SpectralConv2d(nn.Conv2d):
    """nn.Conv2d with W / sigma(W), as SpectralLinear; W is a matrix of out_channels rows (Miyato et al. 2018, 2.1).

    This is the norm of the kernel, not of the convolution, which may stretch by up to sqrt(kernel height * width).

    In (B, C_in, H, W), out (B, C_out, H', W').
    """

    u: Tensor
    v: Tensor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        start(self)

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, _normalised(self), self.bias)


def start(layer: SpectralLinear | SpectralConv2d) -> None:
    """Singular vectors of weights that were set anew."""
    matrix = layer.weight.detach().flatten(1)
    layer.register_buffer("u", F.normalize(torch.randn_like(matrix[:, 0]), dim=0))
    layer.register_buffer("v", torch.zeros_like(matrix[0]))
    for _ in range(10):
        _iterate(layer)


@torch.no_grad()
def _iterate(layer: SpectralLinear | SpectralConv2d) -> None:
    """v = W^T u / |W^T u|, then u = W v / |W v|.

    New tensors, for an earlier forward's backward still needs the old ones; also where the layer is compiled.
    """
    matrix = layer.weight.flatten(1)
    # Products as sums, for autocast would take matrix products in half precision.
    layer.v = F.normalize((matrix * layer.u[:, None]).sum(0), dim=0)
    layer.u = F.normalize((matrix * layer.v).sum(1), dim=0)


def _normalised(layer: SpectralLinear | SpectralConv2d) -> Tensor:
    if layer.training:
        _iterate(layer)
    u, v = layer.u, layer.v
    sigma = (layer.weight.flatten(1) * v * u[:, None]).sum()
    return layer.weight / sigma.clamp(min=1e-12)
