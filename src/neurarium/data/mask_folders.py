"""A person's own images and masks: two folders with files of the same names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurarium.data.decoding import ENDINGS, Header, decode, opened, read_header, too_dark
from neurarium.data.masks import Scenes
from neurarium.data.seeding import Purpose, numpy_generator
from neurarium.data.weight_map import IGNORED
from neurarium.train.data import Finding
from neurarium.train.recipe import UserError

FEWEST = 4  # images: one for validation, one for test, two to learn from
MOST_CLASSES = 64
SHARE = 0.15  # of the images, for validation and for test
MEMORY_LIMIT = 2 * 2**30  # bytes of decoded pixels
TOLD = 10  # problems of one message

Item = TypeVar("Item")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class _Mask:
    """Values (H, W) as the file has them, and whether they point into a palette."""

    path: Path
    values: NDArray[np.uint8]
    palette: bool


def read_folder(root: Path, *, seed: int) -> tuple[dict[str, Scenes], dict[int, str], list[Finding]]:
    """Splits, names of the classes by their values in the files, findings.

    root: a folder with images/ and masks/, files of the same stems. Images may differ in size.
    Every distinct value of the masks is a class, in rising order. In masks with a palette 255 is none: it marks
    pixels of which nothing is known. A file classes.txt beside the folders, with a line "VALUE NAME" for each class,
    names them; then any other value is an error, but for 255, which marks unknown pixels in grey masks too.
    Of the images 70 % are for training and 15 % each for validation and test, drawn from `seed`.

    Raises UserError, with a line for each file, for images without a mask, masks of another size, in colour, saved
    with loss or with values of no class, files that cannot be read, and fewer than four images. An image that its EXIF
    tag turns is turned; where the mask has no such tag and its size does not tell how it lies, that is an error too.
    """
    pairs, findings = _pairs(root)
    headers = _each(read_header, [image for image, _ in pairs])
    images = _images(root, [image for image, _ in pairs], headers)
    masks = _each(lambda row: _mask(pairs[row][1], headers[row], pairs[row][0]), range(len(pairs)))
    classes = _classes(root, masks)
    labels = _each(lambda mask: torch.from_numpy(_numbered(mask, list(classes), root)), masks)
    order = numpy_generator(Purpose.SPLIT, seed).permutation(len(pairs))
    held = max(1, round(SHARE * len(pairs)))
    cut = {"train": order[2 * held :], "validation": order[:held], "test": order[held : 2 * held]}
    parts = {}
    for split, numbers in cut.items():
        rows = np.sort(numbers).tolist()
        places = [str(pairs[row][0]) for row in rows]
        parts[split] = Scenes([images[row] for row in rows], [labels[row] for row in rows], places)
    return parts, classes, findings


def _pairs(root: Path) -> tuple[list[tuple[Path, Path]], list[Finding]]:
    listed = {}
    for part in ("images", "masks"):
        folder = root / part
        if not folder.is_dir():
            raise UserError(f"{root}: expected the folders images and masks, found no {part}. Make it.")
        files = [entry for entry in sorted(folder.iterdir()) if entry.suffix.lower() in ENDINGS]
        listed[part] = _by_stem([entry for entry in files if not entry.name.startswith(".")])
    images, masks = listed["images"], listed["masks"]
    if len(images) < FEWEST:
        raise UserError(f"{root / 'images'}: expected at least {FEWEST} images, found {len(images)}. Add some.")

    def pair(stem: str) -> tuple[Path, Path]:
        if stem not in masks:
            raise UserError(
                f"{images[stem]}: expected its mask {root / 'masks' / stem}.png, found none. Add it, or "
                "remove the image."
            )
        return images[stem], masks[stem]

    alone = [path for stem, path in masks.items() if stem not in images]
    what = "a mask without an image: it is left out."
    findings = [Finding("warning", str(path), what, "Add the image, or remove the mask.") for path in alone]
    return _each(pair, list(images)), findings


def _by_stem(files: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}

    def add(file: Path) -> None:
        if file.stem in found:
            raise UserError(
                f"{file}: expected one file of this name, found {found[file.stem].name} too. Remove one, or name it "
                "and its partner anew."
            )
        found[file.stem] = file

    _each(add, files)
    return found


def _images(root: Path, paths: Sequence[Path], headers: Sequence[Header]) -> list[Tensor]:
    """uint8 (C, H, W) of each, grey if all of them are."""
    channels = 1 if all(header.grey for header in headers) else 3
    size = sum((channels + 1) * header.height * header.width for header in headers)
    if size > MEMORY_LIMIT:
        raise UserError(
            f"{root}: expected at most {MEMORY_LIMIT / 2**30:.0f} GiB of pixels, found {size / 2**30:.1f}. "
            "Take fewer images, or make them smaller."
        )
    images = _each(lambda path: decode(path, channels=channels, size=None), paths)
    for finding in too_dark(str(root / "images"), headers, max(int(image.max()) for image in images)):
        raise UserError(str(finding))
    return images


def _mask(path: Path, like: Header, image: Path) -> _Mask:
    from PIL import ImageOps

    header = read_header(path)
    with opened(path) as file:
        mode, kind = file.mode, file.format
        if kind in ("JPEG", "MPO"):
            raise UserError(
                f"{path}: expected a mask saved without loss, found a JPEG, which blurs the values along every edge. "
                "Export it anew as PNG."
            )
        if mode not in ("1", "L", "P"):
            raise UserError(
                f"{path}: expected a mask with a palette or in grey, of one byte a pixel; found mode {mode}. Save the "
                "number of each pixel's class as a grey PNG."
            )
        file.load()
        values = np.array(ImageOps.exif_transpose(file))
    if values.shape != (like.height, like.width):
        upright = " once its EXIF tag has turned it" if like.turned >= 5 else ""
        raise UserError(
            f"{path}: expected a mask of {like.height} x {like.width} pixels as {image.name} has{upright}, found "
            f"{values.shape[0]} x {values.shape[1]}. Make them alike."
        )
    if like.turned > 1 and header.turned == 1 and (like.turned < 5 or like.height == like.width):
        raise UserError(
            f"{path}: expected a mask with the EXIF tag {like.turned} of {image.name}, which turns or mirrors that "
            "image; found none, and its size does not tell how it lies. Save the image upright and without tag."
        )
    return _Mask(path, values.astype(np.uint8), mode == "P")


def _classes(root: Path, masks: Sequence[_Mask]) -> dict[int, str]:
    """Values of the classes in rising order, and their names."""
    named = root / "classes.txt"
    if named.exists():
        return _named_classes(named)
    values = sorted({int(v) for mask in masks for v in np.unique(mask.values) if not (mask.palette and v == IGNORED)})
    if len(values) > MOST_CLASSES:
        raise UserError(
            f"{root / 'masks'}: expected at most {MOST_CLASSES} distinct values, one for each class, found "
            f"{len(values)}. Save masks without compression loss or smoothing, as PNG."
        )
    if len(values) < 2:
        raise UserError(
            f"{root / 'masks'}: expected at least two classes, found the value {values[0] if values else IGNORED} "
            "alone. Mark a second class."
        )
    return {value: str(value) for value in values}


def _named_classes(path: Path) -> dict[int, str]:
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: expected text in UTF-8, which cannot be read: {error}. Save it anew.") from None
    rows = {}
    for number, line in enumerate(lines, start=1):
        value, _, name = line.strip().partition(" ")
        if not line.strip():
            continue
        if not (value.isdecimal() and int(value) <= IGNORED and name.strip()) or int(value) in rows:
            raise UserError(f'{path}, line {number}: expected "VALUE NAME", each value once, received {line!r}.')
        rows[int(value)] = name.strip()
    if len(rows) < 2:
        raise UserError(f"{path}: expected lines for at least two classes, found {len(rows)}. Name the others.")
    return dict(sorted(rows.items()))


def _numbered(mask: _Mask, values: Sequence[int], root: Path) -> NDArray[np.uint8]:
    """Class numbers 0 .. K - 1 for the values of the file."""
    table = np.full(256, IGNORED, np.uint8)
    table[list(values)] = np.arange(len(values))
    unknown = [int(v) for v in np.unique(mask.values) if v not in values and v != IGNORED]
    if unknown:
        raise UserError(
            f"{mask.path}: expected the values {', '.join(map(str, values))} of {root / 'classes.txt'}, found "
            f"{', '.join(map(str, unknown[:5]))}. Correct the mask, or name the class."
        )
    return table[mask.values]


def _each(change: Callable[[Item], Found], items: Sequence[Item]) -> list[Found]:
    """Of every item; what is wrong with several is told together, so that it can be mended together."""
    found, problems = [], []
    for item in items:
        try:
            found.append(change(item))
        except UserError as error:
            problems.append(str(error))
    if problems:
        more = [f"... and {len(problems) - TOLD} more."] if len(problems) > TOLD else []
        raise UserError("\n".join([*problems[:TOLD], *more]))
    return found
