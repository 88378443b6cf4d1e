"""Search by example: the images of a folder that are most like another, by what a trained network makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from neurarium.data.decoding import ENDINGS
from neurarium.data.inputs import read_inputs
from neurarium.plots.gallery import image_grid
from neurarium.tasks.features import nearest
from neurarium.train.data import Spec
from neurarium.train.recipe import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neurarium.uses.trained import Trained

LETTERS = 16
"""Of a file's name above a picture; of longer ones the end is shown."""
ROWS = 12
"""Queries in one picture."""


@dataclass(frozen=True, slots=True)
class Found:
    """A query and the images most like it. likeness: cosines of features, the largest first; images: (1 + k, C, H, W)
    uint8, the query and what was found, as the network reads them."""

    query: str
    files: tuple[str, ...]
    likeness: tuple[float, ...]
    images: Tensor


def search(trained: Trained, files: Sequence[str | Path], folder: str | Path, *, num: int = 8) -> list[Found]:
    """For each query the `num` nearest images of the folder and of those inside it, by the cosine of the features
    which the network's last layer reads (Babenko et al. 2014). A query does not find its own file.

    files: images, folders of them, .npy arrays. Raises UserError for a run that did not learn classes of images, and
    where there is nothing to find.
    """
    task: Any = trained.load()
    spec = Spec.from_json(trained.run.header["spec"])
    if not hasattr(task, "embed") or spec.fitted.get("kind") != "images":
        raise UserError(
            f"{trained.run.name} did not learn classes of images, so it cannot search. Choose a run that did."
        )
    paths = _images_in(Path(folder).expanduser(), "**/*")
    if not paths or num < 1:
        raise UserError(f"{folder}: expected images to find, and 1 at least; found {len(paths)}, asked for {num}.")
    _, images = read_inputs(spec, paths)
    features = task.embed(images)
    found = []
    for file in files:
        names, queries = read_inputs(spec, [file])
        itself = _images_in(Path(file), "*") if Path(file).is_dir() else [Path(file)] * len(names)
        order, likeness = nearest(task.embed(queries), features, len(paths))
        for i, name in enumerate(names):
            others = [n for n in order[i].tolist() if paths[n].resolve() != itself[i].resolve()][:num]
            cosines = dict(zip(order[i].tolist(), likeness[i].tolist(), strict=True))
            found.append(
                Found(
                    query=name,
                    files=tuple(str(paths[n]) for n in others),
                    likeness=tuple(cosines[n] for n in others),
                    images=torch.cat([queries[i : i + 1], images[others]]),
                )
            )
    return found


def gallery(found: Sequence[Found]) -> Figure:
    """A row for each of the first 12 queries: the query, then what was found, with its likeness and its name."""
    shown = found[:ROWS]
    columns = max(len(row.images) for row in shown)
    images, titles = [], []
    for row in shown:
        missing = columns - len(row.images)
        images += [row.images, row.images.new_full((missing, *row.images.shape[1:]), 255)]
        titles += [f"query\n{_short(row.query)}"]
        titles += [f"{value:.3f}\n{_short(file)}" for file, value in zip(row.files, row.likeness, strict=True)]
        titles += [""] * missing
    return image_grid(torch.cat(images).numpy(), titles, columns=columns)


def _images_in(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.suffix.lower() in ENDINGS)


def _short(file: str) -> str:
    name = "/".join(Path(file).parts[-2:])
    return name if len(name) <= LETTERS else "…" + name[1 - LETTERS :]
