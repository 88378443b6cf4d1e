"""Images as uint8 tensors (..., C, H, W), values 0 to 255: scale, crop, resize, greyscale."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from neurarium.train.recipe import UserError

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in the brightness, by ITU-R BT.601; PIL's "L" uses the same."""


def to_unit(x: Tensor) -> Tensor:
    """uint8 0..255 -> float32 0..1."""
    return x.float() / 255


def to_uint8(x: Tensor) -> Tensor:
    """float 0..1 -> uint8 0..255, rounded; values outside are clipped."""
    return (x * 255).round().clamp(0, 255).to(torch.uint8)


def standardize(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """uint8 (..., C, H, W) -> float32 of zero mean and unit variance a channel.

    mean, std: (C,), of pixels on the scale 0..1, as in `Spec.fitted`.
    """
    return (to_unit(x) - mean[:, None, None]) / std[:, None, None]


def center_crop(x: Tensor, height: int, width: int) -> Tensor:
    """The middle (..., C, height, width); with an odd margin the smaller half is above and to the left."""
    H, W = x.shape[-2:]
    if not (1 <= height <= H and 1 <= width <= W):
        raise UserError(f"A crop of {height} x {width} needs an image at least as large; received {H} x {W}. Resize.")
    top, left = (H - height) // 2, (W - width) // 2
    return x[..., top : top + height, left : left + width]


def resize(x: Tensor, height: int, width: int) -> Tensor:
    """uint8 (B, C, H, W) -> uint8 (B, C, height, width), bilinear; where it shrinks, every source pixel counts."""
    if x.shape[-2:] == (height, width):
        return x
    resized = F.interpolate(x.float(), size=(height, width), mode="bilinear", align_corners=False, antialias=True)
    return resized.round().clamp(0, 255).to(torch.uint8)


def grey(x: Tensor) -> Tensor:
    """uint8 (..., 3, H, W) -> uint8 (..., 1, H, W): 0.299 R + 0.587 G + 0.114 B, rounded. Grey images stay."""
    if x.shape[-3] == 1:
        return x
    luma = torch.tensor(LUMA, device=x.device)[:, None, None]
    return (x.float() * luma).sum(-3, keepdim=True).round().to(torch.uint8)


def with_channels(x: Tensor, channels: int) -> Tensor:
    """uint8 (..., C, H, W) with C in {1, 3} -> the same with 1 (greyscale) or 3 (grey repeated) channels."""
    if channels not in (1, 3):
        raise UserError(f"Images have 1 channel (grey) or 3 (colour); received channels={channels}. Choose 1 or 3.")
    if channels == 1:
        return grey(x)
    return x if x.shape[-3] == 3 else x.expand(*x.shape[:-3], 3, *x.shape[-2:])


def channel_statistics(x: Tensor | Sequence[Tensor]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation a channel of uint8 (B, C, H, W), or of images (C, H, W) of any sizes, on the scale
    0..1: exact, in integers.

    A constant channel is given the deviation 1, so that it can be divided by.
    """
    total = torch.zeros(x[0].shape[0], dtype=torch.int64, device=x[0].device)
    squares, count = torch.zeros_like(total), 0
    for chunk in x.split(4096) if isinstance(x, Tensor) else [image[None] for image in x]:
        values = chunk.to(torch.int32)
        count += values[:, 0].numel()
        total += values.sum((0, 2, 3))
        squares += values.square().sum((0, 2, 3))
    means = [value / count / 255 for value in total.tolist()]
    variances = [(n2 * count - n1 * n1) / count**2 for n1, n2 in zip(total.tolist(), squares.tolist(), strict=True)]
    return means, [variance**0.5 / 255 if variance > 0 else 1.0 for variance in variances]
