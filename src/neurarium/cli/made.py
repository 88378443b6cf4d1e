"""Items that a system made, as pictures and tables in a folder."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurarium.cli import pictures
from neurarium.train.recipe import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from neurarium.uses.trained import Trained

REAL = 2000
"""Points of the test split that are drawn among generated ones at most."""


def show(
    trained: Trained,
    items: Tensor,
    folder: str,
    name: str,
    *,
    figure: Any = None,
    columns: int | None = None,
    each: bool = False,
) -> list[str]:
    """Write images (N, C, H, W) in [0, 1] as one grid, points (N, F) as a table and, of one or two numbers, a drawing
    among the data's own; returns the paths. figure: of the images in place of the grid. each: every image as a file of
    its own too."""
    if items.dim() != 4:
        if each:
            raise UserError(f"{trained.run.name} makes points, not images. Leave --files out: a table holds them all.")
        table = str(Path(folder) / f"{name}.csv")
        drawn = pictures.write(folder, {name: _scatter(trained, items)} if items.shape[1] <= 2 else {})
        write_table(table, [f"x{i + 1}" for i in range(items.shape[1])], items.tolist())
        return [*drawn, table]
    from neurarium.plots.gallery import image_grid

    files = pictures.write(folder, {name: figure or image_grid(pixels(items).numpy(), columns=columns)})
    return files + (write_images(folder, [f"{name}-{i:03}" for i in range(len(items))], items) if each else [])


def write_images(folder: str, names: Sequence[str], images: Tensor) -> list[str]:
    """Write each image (N, C, H, W) in [0, 1] as a PNG of its own size; returns the paths."""
    from PIL import Image

    paths = [Path(folder) / f"{name}.png" for name in names]
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for path, image in zip(paths, pixels(images), strict=True):
            Image.fromarray((image[0] if len(image) == 1 else image.permute(1, 2, 0)).numpy()).save(path)
    except OSError as error:
        raise UserError(f"Images cannot be written to {folder}: {error.strerror}. Name another with --to.") from None
    return [str(path) for path in paths]


def write_table(file: str | Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A .csv file; numbers have nine digits that count, which float32 needs to be read back the same."""
    try:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        with open(file, "w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(header)
            writer.writerows([f"{cell:.9g}" if isinstance(cell, float) else cell for cell in row] for row in rows)
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}. Name another with --to.") from None


def write_array(file: str | Path, array: Any) -> None:
    """A .npy file."""
    import numpy as np

    try:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        np.save(file, array)
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}. Name another with --to.") from None


def pixels(images: Tensor) -> Tensor:
    """uint8 of images in [0, 1]; what lies outside is cut off."""
    import torch

    return (255 * images.clamp(0, 1)).round().to(torch.uint8)


def _scatter(trained: Trained, items: Tensor) -> Any:
    from neurarium.plots.points import sample_scatter
    from neurarium.train.data import Shard

    data = trained.recipe.open_data()
    batch = next(iter(data.split("test" if "test" in data.splits else data.splits[-1], shard=Shard())))
    return sample_scatter(batch[0][:REAL].cpu().numpy(), items.numpy())
