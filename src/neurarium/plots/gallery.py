"""Pictures in rows, each with a line of words."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from neurarium.plots import style

_INCH = 0.82  # width of one picture


def image_grid(
    images: ArrayLike, titles: Sequence[str] = (), *, columns: int | None = None, heading: str = ""
) -> Figure:
    """Pictures in rows from left to right.

    images: shape (N, H, W), (N, 1, H, W) or (N, 3, H, W); uint8 from 0 to 255, or floats of any range, of which the
        smallest of all is shown black and the largest white.
    titles: N texts to stand above the pictures, or none.
    """
    pictures = _pictures(images)
    num, height, width = pictures.shape[:3]
    if titles and len(titles) != num:
        raise ValueError(f"There must be one title for each image, received {len(titles)} for {num} images.")
    longest = max((len(line) for title in titles for line in title.split("\n")), default=0)
    inch = max(_INCH, 0.075 * longest)
    columns = min(num, columns or max(4, min(int(9 / inch), math.ceil(math.sqrt(1.6 * num))))) or 1
    rows = math.ceil(num / columns)

    tall = height / width
    lines = max((title.count("\n") + 1 for title in titles), default=0)
    gap, head = 0.08, 0.08 + lines * 0.15 / inch  # in widths of a picture
    figure, axes = style.new_figure(
        columns * (1 + gap) * inch + 0.2, rows * (tall + head) * inch + (0.5 if heading else 0.2)
    )
    style.bare(axes)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        left, top = column * (1 + gap), row * (tall + head) + head
        axes.imshow(picture, extent=(left, left + 1, top + tall, top), interpolation="nearest", vmin=0, vmax=1)
        if titles:
            axes.text(
                left + 0.5,
                top - 0.04,
                titles[index],
                ha="center",
                va="bottom",
                fontsize=7.5,
                color=style.INK,
                linespacing=1.05,
                parse_math=False,
            )
    axes.set_xlim(0, columns * (1 + gap) - gap)
    axes.set_ylim(rows * (tall + head), 0)
    axes.set_aspect("equal")
    if heading:
        style.title(axes, heading)
    return figure


def error_gallery(
    images: ArrayLike,
    true: ArrayLike,
    given: ArrayLike,
    classes: Sequence[str],
    *,
    max_items: int = 82,
) -> Figure:
    """The pictures that were read wrongly, in their order, each titled "true->given" (LeCun et al. 1998, figure 8).

    images: as in `image_grid`. true, given: integer labels of shape (N,). classes: names by label.
    max_items: how many errors are shown at most; the heading says how many there are.
    """
    shown = np.asarray(images)
    right_labels, labels = style.array(true, "true", len(shown)), style.array(given, "given", len(shown))
    wrong = np.flatnonzero(right_labels != labels)
    first = wrong[:max_items]
    heading = f"{len(wrong):,} errors of {len(shown):,}"
    if len(first) < len(wrong):
        heading += f", the first {len(first)}"
    if not len(wrong):
        figure, axes = style.new_figure(4.5, 1.0)
        style.bare(axes)
        style.title(axes, f"No errors among {len(shown):,} images")
        return figure
    pairs = [(str(classes[right_labels[at]]), str(classes[labels[at]])) for at in first]
    break_line = "\n" if max(len(one) + len(other) for one, other in pairs) > 12 else ""
    return image_grid(shown[first], [f"{one}{break_line}->{other}" for one, other in pairs], heading=heading)


def _pictures(images: ArrayLike) -> NDArray[np.float64]:
    """Shape (N, H, W, 3), from 0 to 1."""
    found = np.asarray(images)
    if found.ndim == 3:
        found = found[:, None]
    if found.ndim != 4 or found.shape[1] not in (1, 3):
        raise ValueError(f"images must have shape (N, H, W), (N, 1, H, W) or (N, 3, H, W), received {found.shape}.")
    if found.dtype == np.uint8:
        scaled = found / 255.0
    else:
        scaled = found.astype(np.float64)
        finite = scaled[np.isfinite(scaled)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
        scaled = np.clip(np.nan_to_num((scaled - low) / (high - low if high > low else 1.0)), 0.0, 1.0)
    return np.repeat(scaled, 3, axis=1).transpose(0, 2, 3, 1) if scaled.shape[1] == 1 else scaled.transpose(0, 2, 3, 1)
