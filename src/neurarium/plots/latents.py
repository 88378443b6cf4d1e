"""What codes decode to, and where codes lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import ArrayLike

from neurarium.plots import style

_INCH = 0.62  # width of one picture
_GAP = 0.06  # between neighbours, in widths


def image_tables(
    tables: Mapping[str, ArrayLike], *, rows: Sequence[str] = (), columns: Sequence[str] = (), gap: float = _GAP
) -> Figure:
    """Tables of images side by side, each under its title: decoded grids of codes, traversals, styles by class.

    tables: title -> images (R, C, 1, H, W) or (R, C, 3, H, W), floats from 0 to 1, what lies outside cut off; the same
        R and C for all, and one title at least. rows, columns: headings, or none. gap: between neighbours, in widths of
        an image.
    Artists: the image in row r and column c of the n-th table is "n/r-c".
    """
    shown = {title: _pictures(images, title) for title, images in tables.items()}
    if len({images.shape[:4] for images in shown.values()}) > 1:
        shapes = ", ".join(f"{title} {np.shape(images)}" for title, images in tables.items())
        raise ValueError(f"All tables must have the same number and size of images, received {shapes}.")
    num_rows, num_columns, height, width = next(iter(shown.values())).shape[:4]
    tall = height / width
    table_width, table_height = num_columns * (1 + gap) - gap, num_rows * (tall + gap) - gap
    inch = min(_INCH, max(0.25, 7 / (num_columns * len(shown))))
    across = len(shown) * table_width + 0.6 * (len(shown) - 1)
    head = (0.3 if any(tables) else 0.0) / inch + (0.25 if columns else 0.0) / inch
    side = 0.09 * max(map(len, rows), default=0) / inch
    figure, axes = style.new_figure((across + side) * inch + 0.15, (table_height + head) * inch + 0.15)
    style.bare(axes)
    for number, (title, images) in enumerate(shown.items()):
        start = number * (table_width + 0.6)
        for row, column in np.ndindex(num_rows, num_columns):
            left, top = start + column * (1 + gap), row * (tall + gap)
            place = (left, left + 1, top + tall, top)
            axes.imshow(
                images[row, column],
                extent=place,
                interpolation="nearest",
                vmin=0,
                vmax=1,
                gid=f"{number}/{row}-{column}",
            )
        for column, name in enumerate(columns):
            middle = start + column * (1 + gap) + 0.5
            axes.text(middle, -0.06 / inch, name, ha="center", va="bottom", fontsize=style.TICK, color=style.MUTED)
        if title:
            above = -(0.31 if columns else 0.08) / inch
            axes.text(start, above, title, va="bottom", fontsize=style.LABEL, color=style.INK, parse_math=False)
    for row, name in enumerate(rows):
        middle = row * (tall + gap) + tall / 2
        axes.text(-0.06 / inch, middle, name, ha="right", va="center", fontsize=style.TICK, color=style.MUTED)
    axes.set_xlim(-side, across)
    axes.set_ylim(table_height, -head)
    axes.set_aspect("equal")
    return figure


def code_clouds(panels: Mapping[str, ArrayLike], labels: ArrayLike, classes: Sequence[str]) -> Figure:
    """Codes of two numbers by class, one panel a model, each on its own scale: how regular the space of codes is.

    panels: title -> codes (N, 2). labels: (N,) integers. classes: their names. The circle holds 95 % of a standard
    normal, from which new codes are drawn.
    """
    y = style.array(labels, "labels", None)
    figure, first = style.new_figure(4.3 * len(panels), 4.4)
    first.remove()
    handles: list[Artist] = []
    for number, (title, codes) in enumerate(panels.items()):
        z = style.array(codes, title, len(y), 2)
        axes = figure.add_subplot(1, len(panels), number + 1)
        axes.set_facecolor("none")
        axes.tick_params(length=3, width=1.0, color=style.GRID, labelcolor=style.MUTED, labelsize=style.TICK)
        for spine in axes.spines.values():
            spine.set(color=style.GRID)
        size = float(np.clip(4_000 / max(len(z), 1), 3, 14))
        handles = [
            axes.scatter(
                z[y == label, 0],
                z[y == label, 1],
                s=size,
                color=style.TEN[label % len(style.TEN)],
                marker="o^sD"[label // len(style.TEN) % 4],
                alpha=0.6,
                linewidths=0,
                gid=f"{title}-class-{label}",
            )
            for label in range(len(classes))
        ]
        radius = float(np.sqrt(-2 * np.log(0.05)))  # chi-square of two degrees of freedom
        axes.add_patch(Circle((0, 0), radius, fill=False, edgecolor=style.INK, linewidth=1.3, gid=f"{title}-prior"))
        reach = 1.08 * max(radius, float(np.abs(z).max()))
        axes.set_xlim(-reach, reach)
        axes.set_ylim(-reach, reach)
        axes.set_aspect("equal")
        style.title(axes, title)
    figure.legend(
        handles,
        [str(name) for name in classes],
        loc="outside lower center",
        ncols=min(10, len(classes)),
        frameon=False,
        fontsize=style.TICK,
        markerscale=1.8,
        handletextpad=0.1,
        columnspacing=1.0,
    )
    return figure


def _pictures(images: ArrayLike, title: str) -> np.ndarray:
    """(R, C, H, W, 3), from 0 to 1."""
    found = np.asarray(images)
    if found.ndim != 5 or found.shape[2] not in (1, 3) or not found.size:
        raise ValueError(f"{title or 'images'} must have shape (R, C, 1 or 3, H, W), received {found.shape}.")
    scaled = np.clip(found.astype(np.float64), 0.0, 1.0)
    return np.broadcast_to(scaled.transpose(0, 1, 3, 4, 2), (*found.shape[:2], *found.shape[3:], 3))
