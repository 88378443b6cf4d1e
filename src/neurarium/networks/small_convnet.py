"""Convolution, pooling, convolution, pooling, dense: the ConvNet of every first lesson."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from neurarium.nn.dropout import Dropout


class SmallConvNet(nn.Module):
    """Blocks of convolution, ReLU and 2 x 2 max pooling, then one hidden dense layer; no padding.

    With the defaults, on 28 x 28 x 1: sides 26, 13, 11, 5, so 1,600 numbers go into the dense layers;
    320 + 18,496 + 1,639,424 + 10,250 = 1,668,490 parameters.

    filters: of each block. kernel_size, stride: of every convolution. hidden: units of the dense layer.
    size: height and width of the images. In (B, in_channels, *size), out logits (B, num_classes).
    Raises ValueError where the images are too small for so many blocks.
    """

    def __init__(
        self,
        *,
        num_classes: int = 10,
        in_channels: int = 1,
        size: tuple[int, int] = (28, 28),
        filters: Sequence[int] = (32, 64),
        kernel_size: int = 3,
        stride: int = 1,
        hidden: int = 1024,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        height, width = size
        for n_in, n_out in pairwise([in_channels, *filters]):
            layers += [nn.Conv2d(n_in, n_out, kernel_size, stride), nn.ReLU(), nn.MaxPool2d(2, 2)]
            height, width = (((side - kernel_size) // stride + 1) // 2 for side in (height, width))
            if min(height, width) < 1:
                raise ValueError(
                    f"{len(filters)} blocks of {kernel_size} x {kernel_size} filters with stride {stride} leave "
                    f"nothing of images of {size[0]} x {size[1]} pixels. Use larger images, fewer blocks or smaller "
                    "filters."
                )
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(height * width * filters[-1], hidden),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(hidden, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.features(x), 1))
