"""What can be wrong with arrays, found before step 0: every finding says where, what and how to mend it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurarium.train.data import Batch, Finding, Spec

IMBALANCE = 20
"""A class this many times as frequent as another is warned of."""

TOLERATED = 0.001
"""Items in two splits are warned of when they are more than this share of the smaller one: any in splits of up to 1,000
items, while a few copies in a large set move no result."""

Places = Mapping[str, Sequence[str]]
NOWHERE: Places = {}


@dataclass(frozen=True, slots=True)
class _Place:
    """Names the items of a split for messages."""

    name: str
    split: str
    items: Sequence[str]

    @property
    def whole(self) -> str:
        return f"{self.name}, {self.split}"

    def of(self, item: int) -> str:
        return self.items[item] if self.items else f"{self.whole}, item {item}"


def audit_splits(splits: Mapping[str, Batch], spec: Spec, *, name: str, places: Places = NOWHERE) -> list[Finding]:
    """Checks resident splits: labels, finite numbers, constant inputs, imbalance, and items in more than one split.

    splits: name -> NamedTuple of tensors; where it has fields x and y, these are inputs and labels.
    places: split -> where each item came from, e.g. "people.csv, line 4711"; where left out, items are numbered.
    """
    findings: list[Finding] = []
    for split, items in splits.items():
        place = _Place(name, split, places.get(split, ()))
        findings += _finite(items, place)
        labels = getattr(items, "y", None)
        if isinstance(labels, Tensor):
            findings += label_findings(labels, spec, name=name, split=split, places=places)
    findings += _constant(splits["train"], where=f"{name}, train")
    digests = {split: _digests(items) for split, items in splits.items()}
    findings += across_splits(digests, name=name, places=places)
    return findings


def label_findings(labels: Tensor, spec: Spec, *, name: str, split: str, places: Places = NOWHERE) -> list[Finding]:
    """Class numbers (N,) that are out of range, and for training of one class alone, missing or very uneven."""
    classes, place = spec.classes, _Place(name, split, places.get(split, ()))
    if not classes:
        return []
    if labels.ndim != 1 or labels.is_floating_point():
        what = f"expected whole class numbers (N,), found {labels.dtype} of shape {tuple(labels.shape)}."
        return [Finding("error", place.whole, what, "Give every item one class number, int64.")]
    numbers = labels.cpu().numpy()
    wrong = np.flatnonzero((numbers < 0) | (numbers >= len(classes)))
    if len(wrong):
        first = int(wrong[0])
        what = (
            f"expected labels 0 to {len(classes) - 1}, found {len(wrong)} others, the first of them {numbers[first]}."
        )
        return [Finding("error", place.of(first), what, "Correct these labels, or name their classes.")]
    if split != "train":
        return []
    where = place.whole
    counts = np.bincount(numbers, minlength=len(classes))
    present = np.flatnonzero(counts).tolist()
    if len(present) < 2:
        only = repr(classes[present[0]]) if len(present) else "none"
        what = f"expected items of at least two classes, found {only} alone."
        return [Finding("error", where, what, "Add items of another class.")]
    findings = []
    if len(present) < len(classes):
        missing = ", ".join(repr(classes[label]) for label in np.flatnonzero(counts == 0).tolist())
        what = f"no item of {missing}, which therefore cannot be learned."
        findings.append(Finding("warning", where, what, "Add items of every class, or leave the class out."))
    most, least = int(counts.argmax()), min(present, key=lambda label: int(counts[label]))
    if counts[most] > IMBALANCE * counts[least]:
        what = f"{counts[most]} items of {classes[most]!r} and {counts[least]} of {classes[least]!r}: very uneven."
        fix = "Collect more of the rare class, and judge by a measure for every class beside the accuracy."
        findings.append(Finding("warning", where, what, fix))
    return findings


def across_splits(digests: Mapping[str, Sequence[bytes]], *, name: str, places: Places = NOWHERE) -> list[Finding]:
    """One warning for every pair of splits that share more than a few items. digests: split -> one digest an item."""
    findings = []
    seen: dict[str, dict[bytes, int]] = {}
    for split, values in digests.items():
        for other, first_places in seen.items():
            shared = [i for i, digest in enumerate(values) if digest in first_places]
            if len(shared) > TOLERATED * min(len(values), len(digests[other])):
                first = shared[0]
                twin = _Place(name, other, places.get(other, ())).of(first_places[values[first]])
                what = f"{len(shared)} of {len(values)} items of {split} are in {other} too; this one is {twin}."
                fix = f"Keep such items in one split only, else {split} flatters."
                findings.append(Finding("warning", _Place(name, split, places.get(split, ())).of(first), what, fix))
        seen[split] = {digest: i for i, digest in reversed(list(enumerate(values)))}
    return findings


def _finite(items: Batch, place: _Place) -> Iterator[Finding]:
    for field, values in zip(_names(items), items, strict=True):
        if not values.is_floating_point():
            continue
        bad = ~torch.isfinite(values).reshape(len(values), -1).all(1)
        if bool(bad.any()):
            first = int(bad.nonzero()[0])
            what = f"expected finite numbers in {field}, found NaN or infinity in {int(bad.sum())} items."
            yield Finding("error", place.of(first), what, "Correct or remove these items.")


def _constant(items: Batch, *, where: str) -> Iterator[Finding]:
    x = getattr(items, "x", None)
    if not isinstance(x, Tensor) or len(x) < 2:
        return
    if all(bool((part == x[:1]).all()) for part in x.split(1024)):  # most often settled by the first part
        yield Finding("error", where, "all inputs are alike: nothing can be told apart.", "Check how they were made.")
    elif x.ndim == 2 and x.is_floating_point():
        for column in (x == x[:1]).all(0).nonzero().flatten().tolist():
            what = f"input {column} is {x[0, column].item():g} in every item: it tells nothing."
            yield Finding("warning", where, what, "Leave it out.")


def _digests(items: Batch) -> list[bytes]:
    """One digest an item, over all fields but the labels."""
    fields = [values for name, values in zip(_names(items), items, strict=True) if name != "y"]
    rows = [np.ascontiguousarray(values.cpu().numpy()).reshape(len(values), -1).view(np.uint8) for values in fields]
    return [
        hashlib.blake2b(b"".join(part.tobytes() for part in parts), digest_size=16).digest()
        for parts in zip(*rows, strict=True)
    ]


def _names(items: Batch) -> tuple[str, ...]:
    return getattr(items, "_fields", ())
