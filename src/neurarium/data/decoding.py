"""Image files as uint8 tensors."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from neurarium.train.data import Finding
from neurarium.train.recipe import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
"""File endings that are taken for images, in lower or upper case."""

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""What a file of these endings may hold; PIL knows others, some of which start further programs."""

ORIENTATION = 0x0112
"""The EXIF tag that says how a picture must be turned; 1 or none: it is upright."""

MOST_PIXELS = 80_000_000
"""Of an image file. A file of some kilobytes can say that it holds any number of them."""

LARGE = 16_000_000
"""Pixels beyond which images are decoded one at a time, so that threads together need no more memory than one."""

_one_large = threading.Lock()


@dataclass(frozen=True, slots=True)
class Header:
    """What the first bytes of an image file say.

    height, width: once it is upright. grey: it has no colours. deep: it has 16 bits a pixel. turned: the value of its
    EXIF tag, 1 where it is stored upright.
    """

    height: int
    width: int
    grey: bool
    deep: bool = False
    turned: int = 1


@contextmanager
def opened(path: Path) -> Iterator[Image]:
    """An image file, its pixels not yet decoded. UserError, also for what goes wrong inside the `with`: it is no whole
    image, or an animation, or has several pages, or too many pixels."""
    from PIL import Image

    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Image.DecompressionBombError(image.width * image.height)
            # Telephones put a small second picture into a JPEG, which then is called MPO.
            if getattr(image, "is_animated", False) and image.format != "MPO":
                raise UserError(
                    f"{path}: expected one picture, found an animation or several pages, {_frames(image)} in all. "
                    "Save those that you want as files of their own."
                )
            yield image
    except UserError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        found = int("".join(re.findall(r"\d+", str(error))[:1])) / 1e6
        raise UserError(
            f"{path}: expected at most {MOST_PIXELS / 1e6:.0f} million pixels, found {found:.0f} million. "
            "Make it smaller, or cut it into pieces."
        ) from error
    except Exception as error:  # a broken file can raise anything; all of it is told
        raise UserError(_broken(path, error)) from error


def read_header(path: Path) -> Header:
    """Size and colour; UserError when this is no single image."""
    with opened(path) as image:
        width, height = image.size
        turned = image.getexif().get(ORIENTATION, 1)
        turned = turned if turned in range(1, 9) else 1
        if turned >= 5 and image.format != "TIFF":  # which PIL turns itself
            width, height = height, width
        deep = image.mode.startswith("I")
        return Header(height, width, deep or image.mode in ("1", "L", "LA", "La", "F"), deep, turned)


def decode(path: Path, *, channels: int, size: int | None) -> Tensor:
    """uint8 (channels, H, W): turned upright, grey or colour by `channels`, resized to size x size if given.

    What is transparent lies on white, as a page shows it. Resizing stretches, with antialiasing. Images of 16 bits
    keep their upper eight. UserError when the file is no single whole image, or has floating-point pixels.
    """
    from PIL import Image, ImageOps

    with opened(path) as file, _one_large if file.width * file.height > LARGE else nullcontext():
        file.load()
        image = _in_channels(path, ImageOps.exif_transpose(file), channels)
        if size is not None and image.size != (size, size):
            image = image.resize((size, size), Image.Resampling.BILINEAR)
        pixels = np.array(image)  # a copy: torch needs memory that it may write to
    tensor = torch.from_numpy(pixels)
    return tensor[None] if channels == 1 else tensor.permute(2, 0, 1).contiguous()


def too_dark(where: str, headers: Sequence[Header], largest: int) -> list[Finding]:
    """An error where images of 16 bits use so little of their range that eight bits hardly tell their greys apart.

    Cameras and scanners of 10 or 12 bits write such files. largest: of the decoded pixels.
    """
    if not headers or not all(header.deep for header in headers) or largest >= 16:
        return []
    what = (
        f"expected images of 16 bits with values up to 65,535, found at most {256 * largest + 255:,}, of which "
        f"{largest + 1} greys would be left in eight bits."
    )
    return [Finding("error", where, what, "Multiply all pixels by one number, so that the range is used.")]


def _in_channels(path: Path, image: Image, channels: int) -> Image:
    import PIL.Image

    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image)
        if values.dtype.kind == "f" or values.min() < 0 or values.max() > 0xFFFF:
            raise UserError(
                f"{path}: expected pixels of 8 or 16 bits, found {values.dtype} from {values.min():.4g} to "
                f"{values.max():.4g}. Scale all images alike to 0..65535 and save them with 16 bits."
            )
        image = PIL.Image.fromarray((values >> 8).astype(np.uint8))
    elif "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = PIL.Image.alpha_composite(PIL.Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if channels == 1 else "RGB")


def _frames(image: Image) -> int | str:
    try:
        return int(getattr(image, "n_frames", 2))
    except Exception:  # counting reads the whole file, which may be broken further on
        return "some"


def _broken(path: Path, error: Exception) -> str:
    try:
        empty = path.stat().st_size == 0
    except OSError:
        return f"{path}: expected an image, and it cannot be read: {error}. Check path and rights."
    if empty:
        return f"{path}: expected an image, found an empty file of zero bytes. Fetch it again or delete it."
    reason = (str(error).splitlines() or [type(error).__name__])[0].replace(str(path), path.name)
    return f"{path}: expected a whole image, and decoding failed: {reason}. Fetch it again or delete it."
