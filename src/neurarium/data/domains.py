"""Images of two domains, of which nobody says which belong together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from neurarium.data.memory import InMemory
from neurarium.data.seeding import Purpose, generator
from neurarium.data.sources import open_labelled
from neurarium.train.recipe import UserError


class Domains(NamedTuple):
    """x: images (B, C, H, W) uint8. other: images of the other domain. y: classes (B,) int64 of x."""

    x: Tensor
    other: Tensor
    y: Tensor


def edges(images: Tensor) -> Tensor:
    """Outlines: the largest of each pixel's 3 x 3 neighbours, minus the pixel. (B, C, H, W), uint8 or from 0 to 1."""
    grown = F.max_pool2d(images.float(), 3, stride=1, padding=1)
    return (grown - images.float()).to(images.dtype)


def negative(images: Tensor) -> Tensor:
    """White for black. (B, C, H, W), uint8 or from 0 to 1."""
    return (255 if images.dtype == torch.uint8 else 1) - images


DOMAINS: dict[str, Callable[[Tensor], Tensor]] = {"edges": edges, "negative": negative}
"""What the images of the other domain are, of those of the first; Liu, Tuzel 2016, section 4, tasks A and B."""


def open_domains(name: str, other: str, *, batch_size: int, seed: int = 0, **settings: Any) -> InMemory:
    """Labelled images as the first domain, and of others their edges or negatives as the second, without labels.

    Training images are cut into two halves at random, one for each domain: no image is there in both, so no pair is
    ever seen, and the classes are those of the first alone. A held-out split has each image in both domains, so that
    what was learned can be measured: there x and other are pairs, and y the classes of both.

    name, settings: as for `open_labelled`. other: one of `DOMAINS`. seed: draws the halves.
    Raises UserError for data that are no images in memory.
    """
    data = open_labelled(name, batch_size=batch_size, **settings)
    if not isinstance(data, InMemory) or data.spec.fitted.get("kind") != "images":
        raise UserError(f"Only images that lie in memory can be cut into two domains, and {name} are none.")
    change = DOMAINS[other]
    parts = {}
    for split in data.splits:
        items: Any = data.items(split)
        x, y = items.x, items.y
        if split == "train":
            order = torch.randperm(len(x), generator=generator(Purpose.SPLIT, seed))
            half = len(x) // 2
            first, second = order[:half].sort().values, order[half : 2 * half].sort().values
            # Shuffled, for both halves are in the order of the files.
            second = second[torch.randperm(half, generator=generator(Purpose.SPLIT, seed, 1))]
            parts[split] = Domains(x[first], _changed(x[second], change), y[first])
        else:
            parts[split] = Domains(x, _changed(x, change), y)
    sizes = {split: len(part.x) for split, part in parts.items()}
    return InMemory(parts, replace(data.spec, sizes=sizes), batch_size=batch_size, name=f"{name} and their {other}")


def _changed(images: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.cat([change(part) for part in images.split(1000)])
