"""Resident data that can be cut anew: into folds, or to fewer items."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import torch

from neurarium.data.memory import InMemory
from neurarium.data.seeding import Purpose, numpy_generator
from neurarium.train.recipe import UserError

Rows = Mapping[str, np.ndarray]
"""Split -> numbers of its items in the whole set."""
Refit = Callable[[Rows], InMemory]
Build = Callable[[Mapping[str, Any], Rows, Refit], InMemory]
"""(items by split, rows, refit): the data of these items, with all that is fitted fitted on the training ones.

Items are NamedTuples of tensors, x among them."""
Opener = TypeVar("Opener", bound=Callable[..., Any])


def takes_fewer(open_whole: Opener) -> Opener:
    """Of `open_whole(name, seed=0, ...)`: the name NAME:N then means N of the training items of NAME."""

    @functools.wraps(open_whole)
    def open_some(name: str, **options: Any) -> Any:
        whole, _, number = name.rpartition(":")
        if whole and number.isdigit() and not Path(name).exists():
            return fewer(open_whole(whole, **options), int(number), name=whole, seed=options.get("seed", 0))
        return open_whole(name, **options)

    return cast(Opener, open_some)


def recut(parts: Mapping[str, Any], build: Build) -> InMemory:
    """The data of these parts; whatever is cut from it later is built in the same way, and can be cut again."""
    ends = np.cumsum([len(items.x) for items in parts.values()])
    rows = {name: np.arange(end - len(items.x), end) for (name, items), end in zip(parts.items(), ends, strict=True)}

    def refit(chosen: Rows) -> InMemory:
        kind = type(parts["train"])
        whole = kind(*(torch.cat(field) for field in zip(*parts.values(), strict=True)))
        cut = {name: kind(*(f[torch.from_numpy(numbers)] for f in whole)) for name, numbers in chosen.items()}
        return build(cut, chosen, refit)

    return build(parts, rows, refit)


def fewer(data: Any, num_items: int, *, name: str, seed: int) -> InMemory:
    """The same data with `num_items` of its training items; validation and test stay as they are.

    The choice is drawn from `seed`, with every class in its share, and nested: those of a smaller number are among
    those of a larger one. Raises UserError where there are fewer, or where the data does not lie in memory.
    """
    if not isinstance(data, InMemory) or data.refit is None:
        raise UserError(f"{name} is read while it is trained on and cannot be cut to {num_items} items. Leave :N out.")
    train = data.rows["train"]
    if not 1 <= num_items <= len(train):
        raise UserError(f"{name} has {len(train)} training items; received :{num_items}. Choose 1 to {len(train)}.")
    random = numpy_generator(Purpose.SPLIT, seed, 1)
    place = random.permutation(len(train)).astype(float)
    if data.spec.classes:
        labels = data.items("train")[-1].numpy()
        for label in np.unique(labels):
            members = random.permutation(np.flatnonzero(labels == label))
            place[members] = (np.arange(len(members)) + random.random()) / len(members)
    chosen = np.sort(np.argsort(place, kind="stable")[:num_items])
    return data.refit({**data.rows, "train": train[chosen]})
