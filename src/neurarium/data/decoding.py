"""Image files as uint8 tensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from neurarium.train.recipe import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
"""File endings that are taken for images, in lower or upper case."""

ORIENTATION = 0x0112  # the EXIF tag; values from 5 on mean that height and width are exchanged


@dataclass(frozen=True, slots=True)
class Header:
    """What the first bytes of an image file say: its upright height and width, and whether it is grey."""

    height: int
    width: int
    grey: bool


def read_header(path: Path) -> Header:
    """Height, width and colour without decoding the pixels; UserError when this is no image."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            width, height = image.size
            if image.getexif().get(ORIENTATION, 1) >= 5:
                width, height = height, width
            return Header(height, width, image.mode in ("1", "L", "LA", "La") or image.mode.startswith(("I", "F")))
    except Exception as error:  # a broken file can raise anything; all of it is told
        raise UserError(_broken(path, error)) from error


def decode(path: Path, *, channels: int, size: int | None) -> Tensor:
    """uint8 (channels, H, W): turned upright, grey or colour by `channels`, resized to size x size if given.

    Resizing stretches, with antialiasing. Images of 16 bits keep their upper eight. UserError when the file is no
    whole image.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as file:
            file.load()
            image = _in_channels(ImageOps.exif_transpose(file), channels)
        if size is not None and image.size != (size, size):
            image = image.resize((size, size), Image.Resampling.BILINEAR)
        pixels = np.array(image)  # a copy: torch needs memory that it may write to
    except Exception as error:  # a broken file can raise anything; all of it is told
        raise UserError(_broken(path, error)) from error
    tensor = torch.from_numpy(pixels)
    return tensor[None] if channels == 1 else tensor.permute(2, 0, 1).contiguous()


def _in_channels(image: Image, channels: int) -> Image:
    if image.mode.startswith("I"):
        from PIL.Image import fromarray

        image = fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    elif image.mode == "P":
        image = image.convert("RGBA")  # a palette may hold transparency
    return image.convert("L" if channels == 1 else "RGB")


def _broken(path: Path, error: Exception) -> str:
    try:
        empty = path.stat().st_size == 0
    except OSError:
        return f"{path}: expected an image, and it cannot be read: {error}. Check path and rights."
    if empty:
        return f"{path}: expected an image, found an empty file of zero bytes. Fetch it again or delete it."
    reason = (str(error).splitlines() or [type(error).__name__])[0].replace(str(path), path.name)
    return f"{path}: expected a whole image, and decoding failed: {reason}. Fetch it again or delete it."
