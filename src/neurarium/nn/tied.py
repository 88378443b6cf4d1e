"""Layers that share their weights with another layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class TiedLinear(nn.Module):
    """The way back through a dense layer: y = W^T h + b, where W is the weight of `layer`, shared and not copied.

    Autoencoders with tied weights have half as many (Vincent et al. 2008; Rifai et al. 2011): an encoder that shrinks
    its weights to please a penalty cannot have the decoder grow its own instead.

    In (..., n_out) of the layer, out (..., n_in). Parameters of its own: n_in biases, which start at 0.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.weight = layer.weight
        self.bias = nn.Parameter(torch.zeros(layer.in_features))

    def forward(self, h: Tensor) -> Tensor:
        return F.linear(h, self.weight.T, self.bias)

    def multiply_adds(self, output: Tensor) -> int:
        return output.numel() * self.weight.shape[0]
