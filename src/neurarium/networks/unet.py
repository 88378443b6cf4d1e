"""U-Net: down for content, up for place, with a copy of every level handed across."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from neurarium.nn.dropout import Dropout


class UNet(nn.Module):
    """Ronneberger, Fischer, Brox 2015, "U-Net: Convolutional networks for biomedical image segmentation", figure 1.

    Contracting path: two 3 x 3 convolutions with ReLU a level, 2 x 2 max pooling between levels. Expanding path: a
    2 x 2 transposed convolution with stride 2 that halves the channels, concatenation with the map of the same level
    cropped about its middle, two 3 x 3 convolutions with ReLU. A 1 x 1 convolution ends it. Weights start from
    N(0, 2 / N), N being the inputs of one unit; biases at 0.

    With the defaults, 23 convolutions and 31,030,658 parameters; images of 572 x 572 give 388 x 388 pixels.

    channels: of each level, from the top. padding: "valid" as in the paper, where the output is smaller than the
    input, or "same", where zeros stand outside the image and the output is as large as the input.
    dropout: probability, after each of the two lowest levels. The paper has dropout "at the end of the contracting
    path" and gives neither places nor rate.
    margin: pixels that the output is smaller by on every side. stride: of the lowest level, in pixels. overlap: further
    pixels around a part of the image that begins at a multiple of the stride, on which the output there depends.

    In (B, in_channels, H, W), out logits (B, num_classes, H - 2 margin, W - 2 margin). Raises ValueError for sizes
    that are not halved evenly at every pooling, or of which nothing is left.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        num_classes: int = 2,
        channels: Sequence[int] = (64, 128, 256, 512, 1024),
        padding: str = "valid",
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if padding not in ("valid", "same"):
            raise ValueError(f'U-Net expects padding "valid" or "same", received {padding!r}.')
        if len(channels) < 2 or min(channels) < 1:
            raise ValueError(f"U-Net expects the channels of at least two levels, received {tuple(channels)}.")
        pad = int(padding == "same")
        depth = len(channels) - 1
        self.stride = 2**depth
        # Two convolutions take 2 pixels from every side at each level on both ways, once at the lowest.
        lost = 2 * (2 * self.stride - 1) + 2 * (self.stride - 1)
        self.margin = 0 if pad else lost
        # A pixel sees 2 more where the halves of a pooling do not begin with it.
        self.overlap = math.ceil((lost + 2) / self.stride) * self.stride if pad else 0
        self.down = nn.ModuleList(
            _block(n_in, n_out, pad, dropout if level >= depth - 1 else 0.0)
            for level, (n_in, n_out) in enumerate(pairwise([in_channels, *channels]))
        )
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(below, here, kernel_size=2, stride=2)
            for here, below in zip(channels[-2::-1], channels[:0:-1], strict=True)
        )
        self.merge = nn.ModuleList(_block(2 * here, here, pad, 0.0) for here in channels[-2::-1])
        self.head = nn.Conv2d(channels[0], num_classes, kernel_size=1)
        self.apply(_start)

    def forward(self, x: Tensor) -> Tensor:
        self.check_size(x.shape[-2], x.shape[-1])
        skips = []
        for block in self.down[:-1]:
            x = block(x)
            skips.append(x)
            x = self.pool(x)
        x = self.down[-1](x)
        for up, merge, skip in zip(self.up, self.merge, reversed(skips), strict=True):
            x = up(x)
            x = merge(torch.cat((_crop(skip, x.shape[-2], x.shape[-1]), x), dim=1))
        logits: Tensor = self.head(x)
        return logits

    def check_size(self, height: int, width: int) -> None:
        """ValueError unless images of this size can be read."""
        if any(self.input_size(side - 2 * self.margin) != side for side in (height, width)):
            near = [self.input_size(max(1, side - 2 * self.margin)) for side in (height, width)]
            raise ValueError(
                f"This U-Net halves its maps {len(self.up)} times, each time evenly; images of {height} x {width} "
                f"pixels do not fit. Use {near[0]} x {near[1]}, or any side of {self.input_size(1)} + "
                f"{self.stride} k pixels."
            )

    def input_size(self, output: int) -> int:
        """The shortest side of an image whose output has at least this side, which is 1 at least."""
        lowest = self.margin and 2 * (self.stride - 1)  # what the expanding path takes from every side
        side = math.ceil((max(output, 1) + 2 * lowest) / self.stride) * self.stride
        return side - 2 * lowest + 2 * self.margin


def _block(n_in: int, n_out: int, pad: int, dropout: float) -> nn.Sequential:
    layers = [nn.Conv2d(n_in, n_out, 3, padding=pad), nn.ReLU(), nn.Conv2d(n_out, n_out, 3, padding=pad), nn.ReLU()]
    return nn.Sequential(*layers, *([Dropout(dropout)] if dropout else []))


def _crop(x: Tensor, height: int, width: int) -> Tensor:
    top, left = (x.shape[-2] - height) // 2, (x.shape[-1] - width) // 2
    return x[..., top : top + height, left : left + width]


def _start(layer: nn.Module) -> None:
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        # With a stride as long as the filter a unit of the transposed convolution sees one pixel of every channel.
        pixels = 1 if isinstance(layer, nn.ConvTranspose2d) else math.prod(layer.kernel_size)
        nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / (layer.in_channels * pixels)))
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
