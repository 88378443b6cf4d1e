"""Normalization: local response normalization by one matrix product, and whose statistics batch normalization uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm


class LocalResponseNorm(nn.LocalResponseNorm):
    """b_i = a_i / (k + alpha / n sum_j a_j^2)^beta over the n channels j nearest to i; Krizhevsky et al. 2012.

    As torch's, also in that alpha is divided by n, which the paper does not: its alpha of 1e-4 is 5e-4 here. torch sums
    by pooling over five axes; a 1 x 1 convolution with a band of ones takes half to a quarter of the time on a CPU,
    forward and backward (docs/decisions.md).

    In and out (B, C, H, W).
    """

    def forward(self, x: Tensor) -> Tensor:
        channel = torch.arange(x.shape[1], device=x.device)
        away = channel - channel[:, None]
        # Of an even number of neighbours torch has one more before than after.
        band = (away >= -(self.size // 2)) & (away <= (self.size - 1) // 2)
        energy = F.conv2d(x.square(), band.to(x.dtype)[:, :, None, None])
        return x * (self.k + self.alpha / self.size * energy) ** -self.beta


@contextmanager
def batch_statistics(network: nn.Module) -> Iterator[None]:
    """Batch normalization by the statistics of each batch, as in training, while its running averages stay as they are.

    A discriminator sees batches of real and batches of generated images; averages over both describe neither.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
    modes = [layer.training for layer in layers]
    for layer in layers:
        layer.training, layer.track_running_stats = True, False
    try:
        yield
    finally:
        for layer, mode in zip(layers, modes, strict=True):
            layer.training, layer.track_running_stats = mode, True
