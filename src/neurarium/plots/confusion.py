"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from neurarium.plots import style

_NUMBERS_UP_TO = 24  # classes; beyond, counts in the cells could not be read


def count_confusions(true: ArrayLike, given: ArrayLike, num_classes: int) -> NDArray[np.int64]:
    """How often an item of class i was given class j: counts of shape (C, C) with C = num_classes.

    true, given: integer labels from 0 to C - 1, both of shape (N,). The sum off the diagonal is the number of errors.

    Raises ValueError where the lengths differ or a label is none of the classes.
    """
    labels = []
    for name, values in (("true", true), ("given", given)):
        found = style.array(values, name, None)
        if found.size and not np.issubdtype(found.dtype, np.integer):
            raise ValueError(
                f"{name} must hold integer labels, received {found.dtype}; take the argmax of scores first."
            )
        wrong = np.flatnonzero((found < 0) | (found >= num_classes))
        if wrong.size:
            at = wrong[0]
            raise ValueError(f"{name}[{at}] is {found[at]}, expected a label from 0 to {num_classes - 1}.")
        labels.append(found.astype(np.int64))
    if len(labels[0]) != len(labels[1]):
        raise ValueError(f"true and given must be of one length, received {len(labels[0])} and {len(labels[1])}.")
    places = labels[0] * num_classes + labels[1]
    return np.bincount(places, minlength=num_classes**2).reshape(num_classes, num_classes).astype(np.int64)


def confusion_matrix(counts: ArrayLike, classes: Sequence[str]) -> Figure:
    """Counts of true (rows) against given class (columns), and the number of errors above.

    counts: shape (C, C), as `count_confusions` returns it. classes: C names.

    Colours show shares of a row: blue what is right, orange what is wrong, its root rather than itself, so that one
    error in a hundred is seen. Cells of zero are empty; with more than 24 classes all cells go without numbers.
    """
    num_classes = len(classes)
    counts = style.array(counts, "counts", num_classes, num_classes)
    errors, total = int(counts.sum() - counts.trace()), int(counts.sum())
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = np.eye(num_classes, dtype=bool)
    strength = 0.9 * np.where(right, share, np.sqrt(share))

    side = float(np.clip(1.6 + 0.46 * num_classes, 3.6, 9.0))
    figure, axes = style.new_figure(side + 0.3, side)
    colours = np.where(right[..., None], to_rgba(style.COLOURS[0]), to_rgba(style.COLOURS[1]))
    colours[..., 3] = strength
    axes.imshow(colours, interpolation="nearest", gid="shares")
    if num_classes <= _NUMBERS_UP_TO:
        size = float(np.clip(9.5 - 0.12 * num_classes - 0.5 * max(0, len(f"{counts.max()}") - 4), 5.0, 9.0))
        for i, j in zip(*np.nonzero(counts), strict=True):
            ink = "#ffffff" if strength[i, j] > 0.55 else style.INK
            axes.text(j, i, str(counts[i, j]), ha="center", va="center", color=ink, fontsize=size, gid=f"cell-{i}-{j}")

    every = int(np.ceil(num_classes / 40))
    ticks, names = list(range(0, num_classes, every)), [str(name) for name in classes][::every]
    long = max(map(len, names), default=0) > 3
    size = style.TICK if num_classes <= 20 else 6.5
    axes.set_xticks(ticks, names, rotation=45 if long else 0, ha="right" if long else "center", parse_math=False)
    axes.set_yticks(ticks, names, parse_math=False)
    axes.tick_params(length=0, labelsize=size)
    for label in axes.get_xticklabels():
        label.set_rotation_mode("anchor")
    axes.grid(visible=False)
    axes.set_xticks(np.arange(-0.5, num_classes), minor=True)
    axes.set_yticks(np.arange(-0.5, num_classes), minor=True)
    axes.tick_params(which="minor", length=0)
    if num_classes <= 40:
        axes.grid(visible=True, which="minor", color=style.GRID, linewidth=0.6)
        axes.set_axisbelow(False)
    for spine in axes.spines.values():
        spine.set_visible(True)
    percent = f" ({errors / total:.2%})" if total else ""
    style.title(axes, f"{errors:,} errors of {total:,}{percent}")
    style.labels(axes, "given class", "true class")
    return figure
