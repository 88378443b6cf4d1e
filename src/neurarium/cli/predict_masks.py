"""neurarium predict for a run that learned the class of every pixel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurarium.cli import pictures
from neurarium.cli.arguments import emit
from neurarium.train.recipe import UserError

if TYPE_CHECKING:
    from neurarium.train.data import Spec
    from neurarium.uses.trained import Trained


def run(trained: Trained, spec: Spec, files: Sequence[str], *, to: str, json: bool) -> int:
    """Writes NAME-mask.png and NAME-overlay.png for each image, and says what share of its pixels each class has.

    A mask is as large as its image (upright, where an EXIF tag turns that) and has the values of the masks that were
    learned from. Every file is read once before anything is written.
    """
    from neurarium.data.inputs import read_images

    names = _stems([name for name, _ in read_images(spec, files)])
    _keep_inputs(files, Path(to), names)
    rows = []
    for row in _answers(trained.load(), spec, files, Path(to), names):
        rows.append(row)
        if not json:
            shares = ", ".join(f"{name} {share:.1%}" for name, share in row["shares"].items() if share)
            print(f"{row['input']}  {shares}\n  {row['mask']}\n  {row['overlay']}", flush=True)
    if json:
        emit({"run": str(trained.path), "predictions": rows})
    return 0


def _answers(task: Any, spec: Spec, files: Sequence[str], to: Path, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Images are read and answered one by one, so that many need no more memory than one."""
    import numpy as np

    from neurarium.data.inputs import read_images
    from neurarium.plots.segmentation import labelled

    values = np.array(spec.fitted.get("values", range(len(spec.classes))), np.uint8)
    for stem, (name, image) in zip(names, read_images(spec, files), strict=True):
        mask = task.predict(image[None])[0].numpy()
        counts = np.bincount(mask.ravel(), minlength=len(spec.classes))
        shares = dict(zip(spec.classes, (counts / mask.size).tolist(), strict=True))
        figure = labelled(image.numpy(), mask, spec.classes)
        (overlay,) = pictures.write(to, {f"{stem}-overlay": figure})
        yield {
            "input": name,
            "mask": _write_mask(to / f"{stem}-mask.png", values[mask]),
            "overlay": overlay,
            "size": list(mask.shape),
            "shares": shares,
        }


def _write_mask(file: Path, values: Any) -> str:
    from PIL import Image

    try:
        Image.fromarray(values).save(file)
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}. Name another folder with --to.") from None
    return str(file)


def _stems(names: Sequence[str]) -> list[str]:
    """What the pictures of each input are called: its name without ending, with a number where others have it too."""
    found: list[str] = []
    for name in names:
        item = re.fullmatch(r"(.*)\.npy\[(\d+)\]", name)
        stem = f"{item[1]}-{item[2]}" if item else Path(name).stem
        number = 2
        free = stem
        while free in found:
            free, number = f"{stem}-{number}", number + 1
        found.append(free)
    return found


def _keep_inputs(files: Sequence[str], to: Path, names: Sequence[str]) -> None:
    folders = (Path(file) for file in files)
    given = {one.resolve() for path in folders for one in (path.iterdir() if path.is_dir() else [path])}
    for written in (to / f"{stem}-{kind}.png" for stem in names for kind in ("mask", "overlay")):
        if written.resolve() in given:
            raise UserError(f"{written} is an input, and would be written over. Name another folder with --to.")
