"""Which items are learned from, chosen by and judged with: seeded, and with every class in its share."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurarium.data.seeding import Purpose, numpy_generator
from neurarium.train.recipe import UserError


def permutation_split(num_items: int, shares: Mapping[str, float], *, seed: int) -> dict[str, np.ndarray]:
    """Split name -> sorted item numbers, drawn without regard to classes. Shares add up to 1."""
    order = numpy_generator(Purpose.SPLIT, seed).permutation(num_items)
    return {name: np.sort(part) for name, part in _cut(order, shares).items()}


def stratified_split(labels: np.ndarray, shares: Mapping[str, float], *, seed: int) -> dict[str, np.ndarray]:
    """Split name -> sorted item numbers; each class of `labels` is cut by these shares, which add up to 1.

    Items of a class are shuffled, and spread evenly over the line that is then cut: the sizes of the splits and of
    the classes within them are the exact shares to within a class's rounding.
    """
    random = numpy_generator(Purpose.SPLIT, seed)
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        place[members] = (np.arange(len(members)) + random.random()) / len(members)
    order = np.argsort(place, kind="stable")
    return {name: np.sort(part) for name, part in _cut(order, shares).items()}


def check_validation(validation: int | None, *, default: int, available: int, name: str) -> int:
    """The size of the validation split; UserError unless it leaves items to train with."""
    size = default if validation is None else validation
    if not 0 <= size < available:
        raise UserError(
            f"{name} has {available} items for training and validation together; received validation={size}. "
            f"Choose 0 to {available - 1}."
        )
    return size


def _cut(order: np.ndarray, shares: Mapping[str, float]) -> dict[str, np.ndarray]:
    assert abs(sum(shares.values()) - 1) < 1e-6
    ends = np.rint(np.cumsum(list(shares.values())) * len(order)).astype(int)
    return dict(zip(shares, np.split(order, ends[:-1]), strict=True))
