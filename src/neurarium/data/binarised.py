"""Images whose pixels are 0 or 1, drawn from their grey values, under a protocol that is stated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from neurarium.data.memory import InMemory
from neurarium.data.recut import Rows
from neurarium.data.seeding import Purpose, generator
from neurarium.data.sources import open_labelled
from neurarium.train.data import Data
from neurarium.train.recipe import UserError

WHITE = 255


def open_binarised(
    name: str, protocol: Literal["static", "dynamic", "threshold", "none"], *, batch_size: int, **opening: Any
) -> Data:
    """Labelled images, drawn by the protocol, or as they are: grey for "none", for others to cut at a "threshold".

    opening: further arguments of `open_labelled`.
    """
    data = open_labelled(name, batch_size=batch_size, **opening)
    if protocol == "threshold" or protocol == "none":
        return data
    return binarised(data, protocol, batch_size=batch_size, name=name)


@dataclass(frozen=True, slots=True)
class DrawPixels:
    """Each pixel of a training batch becomes white with the probability of its grey value, anew in every step."""

    def __call__(self, batch: Any, generator: torch.Generator) -> Any:
        x: Tensor = batch.x
        thresholds = torch.randint(WHITE, x.shape, dtype=torch.uint8, generator=generator, device=x.device)
        return batch._replace(x=_above(x, thresholds))


def binarised(
    data: Data, protocol: Literal["static", "dynamic"], *, batch_size: int, name: str = "data", seed: int = 0
) -> InMemory:
    """Images (N, C, H, W) uint8 in 0..255 -> the same that are 0 or 255: white with the probability grey / 255.

    static: drawn once from `seed`, so that every epoch shows the same images (Salakhutdinov, Murray 2008). dynamic:
    training images are drawn anew whenever they are shown (Burda et al. 2016), which regularises. Validation and test
    images are drawn once in both, and are the same in both, so that figures can be compared. The draw belongs to the
    item: whatever is cut from the data later has the same pixels. `spec.fitted["binarisation"]` names the protocol.
    Raises UserError for what are no images in memory.
    """
    if not isinstance(data, InMemory) or data.spec.fitted.get("kind") != "images":
        raise UserError(
            f"Only images that lie in memory can be binarised, and {name} are none. Use --binarisation none."
        )
    parts = {}
    for split in data.splits:
        items: Any = data.items(split)
        if protocol == "static" or split != "train":
            rows = torch.from_numpy(data.rows[split])
            items = items._replace(x=_above(items.x, _thresholds(rows, data.spec.shape, seed)))
        parts[split] = items
    refit = data.refit

    def again(rows: Rows) -> InMemory:
        assert refit is not None
        return binarised(refit(rows), protocol, batch_size=batch_size, name=name, seed=seed)

    return InMemory(
        parts,
        replace(data.spec, fitted={**data.spec.fitted, "binarisation": protocol}),
        batch_size=batch_size,
        augment=DrawPixels() if protocol == "dynamic" else None,
        name=name,
        rows=data.rows,
        refit=again if refit else None,
    )


def _thresholds(rows: Tensor, shape: tuple[int, ...], seed: int) -> Tensor:
    """(N, C, H, W) uint8 in 0..254 for these numbers of items: those of an item depend on its number and the seed."""
    through = int(rows.max()) + 1
    drawn = torch.randint(WHITE, (through, *shape), dtype=torch.uint8, generator=generator(Purpose.SAMPLE, seed))
    return drawn[rows]


def _above(x: Tensor, thresholds: Tensor) -> Tensor:
    """P(threshold < grey) = grey / 255, exactly."""
    return (x > thresholds).to(torch.uint8) * WHITE
