"""Players that grow: from images of 4 x 4, a doubling of the side at a time."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.nn.equalised import EqualisedConv2d, EqualisedLinear, PixelNorm
from neurarium.nn.minibatch_discrimination import MinibatchDeviation

START = 4
"""Height and width of the first images."""
FULL = 32
"""Up to this side all layers have `width` maps; half as many at each doubling beyond."""


class Growing(nn.Module):
    """How far a player has grown, as buffers: part of its state, and set by whoever trains it.

    stage: s; images are of 4 * 2^s. alpha: from 0 to 1, how much of that is due to the layers that came last; between
    the two, images of stages s - 1 and s are mixed (Karras et al. 2017, figure 2).
    """

    stage: Tensor
    alpha: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("stage", torch.zeros((), dtype=torch.int64))
        self.register_buffer("alpha", torch.ones(()))

    def reached(self) -> tuple[int, bool]:
        """The stage, and whether its layers are being faded in. A number is read from the device: a point of waiting,
        once a pass."""
        stage, alpha = torch.stack([self.stage.double(), self.alpha.double()]).tolist()
        return int(stage), stage > 0 and alpha < 1


class ProgressiveGenerator(Growing):
    """Generator of images of growing size; Karras, Aila, Laine, Lehtinen 2017, section 2 and table 2.

    New in the paper: low resolutions are learned first, and layers for higher ones are added and faded in smoothly;
    equalised learning rate, and normalization of each pixel in place of that of the batch. Noise is put onto the unit
    sphere but for a factor. 3 x 3 convolutions with LeakyReLU of slope 0.2, nearest neighbours to double the side, and
    a linear 1 x 1 convolution to colours at every stage.

    size: height and width after the last stage, a power of two of at least 8. width: maps up to 32 x 32.
    In z (B, latent_size), out (B, channels, 4 * 2^stage, 4 * 2^stage).
    Parameters: 23,071,507 for size 1024, width 512, 512 numbers of noise and 3 channels, but for the convolutions to
    colours of earlier stages.
    """

    def __init__(self, *, size: int = 1024, channels: int = 3, latent_size: int = 512, width: int = 512) -> None:
        super().__init__()
        widths = stage_widths(size, width)
        # A window of 4 x 4 over one pixel, with zeros all around.
        first = EqualisedConv2d(latent_size, widths[0], START, padding=START - 1)
        column = nn.Unflatten(1, (latent_size, 1, 1))
        self.blocks = nn.ModuleList(
            [nn.Sequential(PixelNorm(), column, first, *_after(), *_convolution(widths[0], widths[0]))]
        )
        for n_in, n_out in pairwise(widths):
            self.blocks.append(nn.Sequential(Doubled(), *_convolution(n_in, n_out), *_convolution(n_out, n_out)))
        self.to_colours = nn.ModuleList(EqualisedConv2d(n, channels, 1, gain=1.0) for n in widths)

    def forward(self, z: Tensor) -> Tensor:
        stage, fading = self.reached()
        x = z
        for block in self.blocks[:stage]:
            x = block(x)
        images = self.to_colours[stage](self.blocks[stage](x))
        if not fading:
            return images
        return torch.lerp(doubled(self.to_colours[stage - 1](x)), images, self.alpha.to(images.dtype))

    def grown(self) -> nn.Sequential:
        """The layers of the stage that was reached, fully faded in."""
        stage, _ = self.reached()
        return nn.Sequential(*self.blocks[: stage + 1], self.to_colours[stage])


class ProgressiveDiscriminator(Growing):
    """The mirror image of `ProgressiveGenerator`, without normalization; Karras et al. 2017, table 2.

    Before the last convolution it sees how much the batch varies.
    In x (B, channels, 4 * 2^stage, 4 * 2^stage), out scores (B, 1).
    """

    def __init__(self, *, size: int = 1024, channels: int = 3, width: int = 512) -> None:
        super().__init__()
        widths = stage_widths(size, width)
        self.from_colours = nn.ModuleList(nn.Sequential(EqualisedConv2d(channels, n, 1), _leaky()) for n in widths)
        last = nn.Sequential(
            MinibatchDeviation(),
            EqualisedConv2d(widths[0] + 1, widths[0], 3, padding=1),
            _leaky(),
            EqualisedConv2d(widths[0], widths[0], START),
            _leaky(),
            nn.Flatten(),
            EqualisedLinear(widths[0], 1, gain=1.0),
        )
        self.blocks = nn.ModuleList([last])
        for n_out, n_in in pairwise(widths):
            convolutions = EqualisedConv2d(n_in, n_in, 3, padding=1), EqualisedConv2d(n_in, n_out, 3, padding=1)
            self.blocks.append(nn.Sequential(convolutions[0], _leaky(), convolutions[1], _leaky(), nn.AvgPool2d(2)))

    def forward(self, x: Tensor) -> Tensor:
        stage, fading = self.reached()
        h = self.from_colours[stage](x)
        if stage:
            h = self.blocks[stage](h)
        if fading:
            h = torch.lerp(self.from_colours[stage - 1](halved(x)), h, self.alpha.to(h.dtype))
        for block in reversed(self.blocks[: max(stage, 1)]):
            h = block(h)
        return h


class Doubled(nn.Module):
    """(B, C, H, W) to (B, C, 2 H, 2 W) by nearest neighbours."""

    def forward(self, x: Tensor) -> Tensor:
        return doubled(x)


def doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def halved(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 2)


def stage_widths(size: int, width: int) -> list[int]:
    """Maps of each stage. Raises ValueError for a side that is no power of two of at least 8."""
    stages = size.bit_length() - START.bit_length()
    if stages < 1 or size != START << stages:
        raise ValueError(f"Expected images whose side is a power of two of at least 8, received {size}.")
    return [max(1, min(width, width * FULL // (START << stage))) for stage in range(stages + 1)]


def _convolution(n_in: int, n_out: int) -> tuple[nn.Module, ...]:
    return EqualisedConv2d(n_in, n_out, 3, padding=1), *_after()


def _after() -> tuple[nn.Module, ...]:
    return _leaky(), PixelNorm()


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.2)
