"""From what a person has to what a network reads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ImageInput(nn.Module):
    """Images of any number type and size -> standardised float images of the network's size.

    (B, C, H, W) or (B, H, W), uint8 in 0..255 or float in 0..1 -> (B, C, *size) float32: (x - mean) / std.
    Images up to 4 pixels smaller are padded with the border value 0, as LeCun et al. 1998 put 28 x 28 digits into
    32 x 32 fields; others are resized by bilinear interpolation. With the size None every image keeps its own.

    mean, std: one number a channel, of pixels in 0..1. own: size of the images themselves, to which `restore` cuts what
        was padded; None: it does not.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        channels: int,
        size: tuple[int, int] | None,
        mean: Sequence[float],
        std: Sequence[float],
        own: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.size = size
        self.own = own
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(-1, 1, 1))
        self.register_buffer("std", _divisor(std).view(-1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 3:
            x = x.unsqueeze(1)
        if x.dim() != 4 or x.shape[1] != self.channels:
            raise ValueError(
                f"Expected images of shape (B, {self.channels}, H, W){' or (B, H, W)' if self.channels == 1 else ''}, "
                f"received {tuple(x.shape)}."
            )
        size = self.size or (x.shape[2], x.shape[3])
        height, width = size[0] - x.shape[2], size[1] - x.shape[3]
        pad = 0 <= height <= 4 and 0 <= width <= 4
        if pad and (height or width):
            x = F.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        x = x.float() / 255 if x.dtype == torch.uint8 else x.float()
        if not pad:
            x = F.interpolate(x, size, mode="bilinear", antialias=height < 0 or width < 0, align_corners=False)
        return (x - self.mean) / self.std

    def restore(self, x: Tensor) -> Tensor:
        """Images as a person sees them, in 0..1, from standardised ones (B, C, H, W)."""
        if self.own is not None:
            (height, width), (tall, wide) = self.own, x.shape[2:]
            if 0 <= tall - height <= 4 and 0 <= wide - width <= 4:
                top, left = (tall - height) // 2, (wide - width) // 2
                x = x[:, :, top : top + height, left : left + width]
        return (x.float() * self.std + self.mean).clamp(0, 1)


class GreyInput(nn.Module):
    """Colour or grey images of any number type and size -> their brightness (B, 1, H, W) float32 in 0..1.

    0.299 R + 0.587 G + 0.114 B (ITU-R BT.601); grey images stay as they are. images: to which size they are brought.
    (B, 3, H, W), (B, 1, H, W) or (B, H, W), uint8 in 0..255 or float in 0..1.
    """

    luma: Tensor

    def __init__(self, images: ImageInput) -> None:
        super().__init__()
        self.images = images
        shares = (0.299, 0.587, 0.114) if images.channels == 3 else (1.0,)
        self.register_buffer("luma", torch.tensor(shares).view(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x.unsqueeze(1) if x.dim() == 3 else x
        if x.shape[1] == 1:
            x = x.expand(-1, self.images.channels, -1, -1)
        return (self.images.restore(self.images(x)) * self.luma).sum(1, keepdim=True)

    def restore(self, x: Tensor) -> Tensor:
        """Grey images as a person sees them, in 0..1."""
        return x.float().clamp(0, 1)


class VectorInput(nn.Module):
    """(B, ...) of any number type -> (B, F) float32: (x - mean) / std, after uint8 was scaled to 0..1."""

    mean: Tensor
    std: Tensor

    def __init__(self, *, mean: Sequence[float] = (0.0,), std: Sequence[float] = (1.0,)) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("std", _divisor(std))

    def forward(self, x: Tensor) -> Tensor:
        x = x.float() / 255 if x.dtype == torch.uint8 else x.float()
        return (x.flatten(1) - self.mean) / self.std

    def restore(self, x: Tensor) -> Tensor:
        """The numbers (B, F) in their own units."""
        return x.float() * self.std + self.mean


class SignalInput(nn.Module):
    """(B, C, T), or (B, T) of one channel, of any number type -> (B, C, T) float32: (x - mean) / std of each channel.

    mean, std: one number a channel. Raises ValueError for another number of channels.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, *, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(-1, 1))
        self.register_buffer("std", _divisor(std).view(-1, 1))

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 2:
            x = x.unsqueeze(1)
        channels = len(self.mean)
        if x.dim() != 3 or x.shape[1] != channels:
            raise ValueError(
                f"Expected signals of shape (B, {channels}, T){' or (B, T)' if channels == 1 else ''}, received "
                f"{tuple(x.shape)}."
            )
        return (x.float() - self.mean) / self.std


def _divisor(std: Sequence[float]) -> Tensor:
    """What never varied is not divided by its deviation, 0; small units are: a deviation of 1e-9 is one."""
    deviation = torch.tensor(std, dtype=torch.float32)
    return torch.where(deviation > 0, deviation, 1.0)


def input_for(
    shape: Sequence[int], mean: Sequence[float], std: Sequence[float], size: tuple[int, int] | None = None
) -> nn.Module:
    """The input of items of this shape: images, of `size` or their own, where it has three axes; else vectors."""
    if len(shape) == 3:
        return ImageInput(channels=shape[0], size=size or (shape[1], shape[2]), mean=mean, std=std)
    return VectorInput(mean=mean, std=std)
