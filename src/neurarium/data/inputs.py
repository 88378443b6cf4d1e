"""What a person wants an answer for: their images, arrays or table rows, as the network was taught to read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from neurarium.data.columns import encode, numbers
from neurarium.data.decoding import ENDINGS, decode
from neurarium.data.documents import read_documents
from neurarium.data.images import resize, to_uint8, with_channels
from neurarium.data.signals import read_signals
from neurarium.data.table_files import read_table
from neurarium.train.data import Spec
from neurarium.train.recipe import UserError


def read_inputs(spec: Spec, files: Sequence[Path | str]) -> tuple[list[str], Tensor]:
    """Names (N) and inputs (N, *spec.shape) of the user's files, by `spec.fitted["kind"]`.

    images: image files of any size and mode, folders of them, and .npy arrays -> uint8. An array holds one image or
        several: (H, W), (N, H, W), (C, H, W), (H, W, C), (N, C, H, W) or (N, H, W, C), uint8 or float in 0..1.
    table: .csv, .tsv and .parquet files with the training columns; further ones are ignored -> float32.
    documents: .txt files, folders of them, and tables with a column of texts -> whole numbers, as in training.
    signals: tables with one row a signal and the training columns -> float32 (N, 1, T).
    points: the same files with as many columns of numbers as a point has coordinates, or .npy (N, F) -> float32.
    Names are file names, with "[3]" for the fourth item of an array and ":17" for the row on line 17 of a table.
    """
    if not files:
        raise UserError("Expected at least one file to answer for, received none. Name images, arrays or tables.")
    readers = {
        "images": _images,
        "table": _rows,
        "points": _points,
        "documents": read_documents,
        "signals": read_signals,
    }
    kind = spec.fitted.get("kind")
    if kind not in readers:
        raise UserError(
            f"Expected a system that learned from {', '.join(readers)}; this one learned from {kind or 'other data'}, "
            "for which files cannot be read. Use the Python interface."
        )
    names: list[str] = []
    inputs: list[Tensor] = []
    for file in files:
        more_names, more = readers[kind](spec, Path(file))
        names += more_names
        inputs.append(more)
    return names, torch.cat(inputs)


def read_images(spec: Spec, files: Sequence[Path | str]) -> Iterator[tuple[str, Tensor]]:
    """Name and pixels, uint8 (spec.shape[0], H, W), of each image in these files, each at its own size.

    files: as for `read_inputs`. Only one of them is in memory at a time.
    """
    C = spec.shape[0]
    for path in map(Path, files):
        if path.suffix.lower() == ".npy":
            images = with_channels(_image_array(path, _array(path), C), C)
            yield from zip(_numbered(path, len(images)), images, strict=True)
        else:
            yield from ((one.name, decode(one, channels=C, size=None)) for one in _image_files(path))


def _images(spec: Spec, path: Path) -> tuple[list[str], Tensor]:
    C, H, W = spec.shape
    if path.suffix.lower() == ".npy":
        images = _image_array(path, _array(path), C)
        return _numbered(path, len(images)), resize(with_channels(images, C), H, W)
    paths = _image_files(path)
    decoded = [resize(decode(one, channels=C, size=H if H == W else None)[None], H, W) for one in paths]
    return [one.name for one in paths], torch.cat(decoded)


def _image_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"{path}: expected an image, a folder of images or a .npy array, found none. Check the path.")
    paths = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in ENDINGS)
    if not paths:
        raise UserError(f"{path}: expected images in this folder, found none. Endings: {', '.join(ENDINGS)}.")
    return paths


def _image_array(path: Path, array: np.ndarray, channels: int) -> Tensor:
    """uint8 (N, 1 or 3, H, W) of an array of images in any of the usual orders of axes."""
    tensor = torch.from_numpy(array)
    if array.dtype == np.uint8:
        pass
    elif array.dtype.kind == "f" and array.size and array.min() >= 0 and array.max() <= 1:
        tensor = to_uint8(tensor.float())
    else:
        between = f" between {array.min():g} and {array.max():g}" if array.size and array.dtype.kind in "iuf" else ""
        raise UserError(
            f"{path}: expected uint8 pixels, or floats in 0..1; received {array.dtype}{between}. "
            "Scale them to 0..1, or convert them to uint8."
        )
    if tensor.ndim == 2:
        return tensor[None, None]
    if tensor.ndim == 3 and tensor.shape[-1] in (1, 3) and tensor.shape[0] not in (1, 3):
        tensor = tensor.permute(2, 0, 1)
    if tensor.ndim == 3:
        # Three axes of which the first has 1 or 3 entries are one image, unless the network reads grey images and
        # so three grey ones are meant.
        one = tensor.shape[0] in (1, 3) and (channels == 3 or tensor.shape[0] == 1)
        return tensor[None] if one else tensor[:, None]
    if tensor.ndim == 4 and tensor.shape[1] not in (1, 3) and tensor.shape[-1] in (1, 3):
        tensor = tensor.permute(0, 3, 1, 2)
    if tensor.ndim != 4 or tensor.shape[1] not in (1, 3):
        raise UserError(
            f"{path}: expected one image or several, such as (N, H, W) or (N, {channels}, H, W); received an array of "
            f"shape {tuple(array.shape)}. Reshape it."
        )
    return tensor


def _rows(spec: Spec, path: Path) -> tuple[list[str], Tensor]:
    table = read_table(path)
    x = encode(table, spec.fitted["columns"])
    return [table.mark(row) for row in range(table.num_rows)], torch.from_numpy(x)


def _points(spec: Spec, path: Path) -> tuple[list[str], Tensor]:
    if path.suffix.lower() == ".npy":
        array = _array(path)
        array = array[None] if array.ndim == 1 else array
        if array.shape[1:] != spec.shape or array.dtype.kind not in "iuf" or not np.isfinite(array).all():
            raise UserError(
                f"{path}: expected finite numbers of shape (N, {', '.join(map(str, spec.shape))}), received "
                f"{array.dtype} of shape {tuple(array.shape)}. Reshape or correct it."
            )
        return _numbered(path, len(array)), torch.from_numpy(array.astype(np.float32))
    table = read_table(path)
    if all(_is_number(name) for name in table.columns):
        raise UserError(
            f"{path}, line 1: expected names of columns, such as x,y; found the numbers {', '.join(table.columns)}, "
            "which would be lost as names. Write a line of names above them."
        )
    if len(table.columns) != spec.shape[0]:
        raise UserError(
            f"{path}: expected {spec.shape[0]} columns of numbers, found {len(table.columns)}: "
            f"{', '.join(table.columns)}. Leave the others out."
        )
    x = np.stack([numbers(table, name) for name in table.columns], axis=1)
    missing = np.isnan(x).any(1)
    if missing.any():
        row = int(np.flatnonzero(missing)[0])
        raise UserError(f"{table.place(row)}: expected {spec.shape[0]} numbers, found a missing one. Fill it in.")
    return [table.mark(row) for row in range(table.num_rows)], torch.from_numpy(x.astype(np.float32))


def _array(path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: expected a NumPy array saved with numpy.save: {error}. Save it again.") from error
    if not isinstance(array, np.ndarray) or array.size == 0 or array.ndim == 0:
        came = f"one of shape {array.shape}" if isinstance(array, np.ndarray) else "an archive of several"
        raise UserError(f"{path}: expected one array with items, received {came}. Save the items with numpy.save.")
    return array


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbered(path: Path, count: int) -> list[str]:
    return [path.name] if count == 1 else [f"{path.name}[{i}]" for i in range(count)]
