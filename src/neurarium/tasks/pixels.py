"""What a decoder's output says of pixels: p(x | z)."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor, nn

from neurarium.losses.classification import binary_cross_entropy_with_logits
from neurarium.losses.likelihood import gaussian_nll

FLOOR = 1 / 255
"""Smallest deviation of a grey value that is learned: one of the 256 steps in which images are stored."""


class PixelModel(Protocol):
    """given: the decoder's output (B, ...); x: images of that shape in [0, 1]."""

    def nll(self, given: Tensor, x: Tensor) -> Tensor:
        """-log p(x | z) in nats, summed over pixels, (B,)."""

    def mean(self, given: Tensor) -> Tensor:
        """E[x | z], in [0, 1]."""


class BernoulliPixels(nn.Module):
    """Pixels that are 0 or 1, from logits. Of grey values this would be no likelihood: it does not integrate to 1."""

    def nll(self, given: Tensor, x: Tensor) -> Tensor:
        return binary_cross_entropy_with_logits(given, x)

    def mean(self, given: Tensor) -> Tensor:
        return torch.sigmoid(given)


class GaussianPixels(nn.Module):
    """Grey values in [0, 1] with noise of one deviation s for all pixels; a density, so its log may be positive.

    std: s; None: it is learned with the rest (Rybkin, Daniilidis, Levine 2021), from 0.1 on and not below 1/255.
    """

    log_variance: Tensor

    def __init__(self, *, std: float | None = None) -> None:
        super().__init__()
        start = torch.tensor(2 * math.log(0.1 if std is None else std))
        if std is None:
            self.log_variance = nn.Parameter(start)
        else:
            self.register_buffer("log_variance", start)

    def nll(self, given: Tensor, x: Tensor) -> Tensor:
        return gaussian_nll(given, x, self.log_variance.clamp(min=2 * math.log(FLOOR)))

    def mean(self, given: Tensor) -> Tensor:
        return given.clamp(0, 1)
