"""Small grids of numbers, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from neurarium.plots import style

Box = tuple[int, int, int, int]
"""Row and column of the upper left cell, number of rows and of columns."""

_CELL = 0.36  # inches
_GAP = 1.0  # cells between two grids
_LETTER = 0.195  # cells that one letter of a title takes


def number_grids(
    rows: Sequence[Mapping[str, ArrayLike]],
    *,
    boxes: Mapping[str, Sequence[Box]] | None = None,
    windows: Mapping[str, int] | None = None,
) -> Figure:
    """Rows of grids by title, in columns; each grid (H, W) has its numbers written on its cells, where they are finite.

    Cells are shaded by value, blue above 0 and orange below; in a grid named in `windows`, by the window of so many
    rows and columns that the cell lies in, so that a pooled grid (windows of 1) has the colours of what it came from.
    boxes: frames around some cells of a grid, by title.
    Artists: the cells of a grid are "title", a number is "title/row-column", a frame "title/box-index". Raises
    ValueError where two grids have one title.
    """
    if len(titles := [title for row in rows for title in row]) > len(set(titles)):
        raise ValueError(f"Every grid needs a title of its own, received {titles}.")
    shown = [{title: style.array(grid, title, None, None).astype(float) for title, grid in row.items()} for row in rows]
    widths = [0.0] * max(map(len, shown))
    for row in shown:
        for column, (title, grid) in enumerate(row.items()):
            widths[column] = max(widths[column], grid.shape[1], _LETTER * len(title))
    heights = [max(len(grid) for grid in row.values()) + 1.5 for row in shown]
    across, down = sum(widths) + _GAP * (len(widths) - 1), sum(heights)
    figure, axes = style.new_figure(across * _CELL + 0.2, down * _CELL + 0.2)
    style.bare(axes)
    top = 0.0
    for row, height in zip(shown, heights, strict=True):
        left = 0.0
        for (title, grid), width in zip(row.items(), widths, strict=False):  # rows may be shorter
            colours = _by_window(grid, windows[title]) if windows and title in windows else _by_value(grid)
            axes.imshow(colours, extent=(left, left + grid.shape[1], top + 1.2 + len(grid), top + 1.2), gid=title)
            axes.text(left, top + 0.95, title, fontsize=8.5, color=style.INK, va="bottom", parse_math=False)
            for (r, c), value in np.ndenumerate(grid):
                corner = (left + c, top + 1.2 + r)
                axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=style.GRID, linewidth=0.8))
                if np.isfinite(value):
                    axes.text(
                        corner[0] + 0.5, corner[1] + 0.52, f"{value:.3g}".replace("-", "\N{MINUS SIGN}"),
                        ha="center", va="center", fontsize=8, color=style.INK, gid=f"{title}/{r}-{c}",
                    )  # fmt: skip
            for number, (r, c, high, wide) in enumerate((boxes or {}).get(title, ())):
                frame = Rectangle((left + c, top + 1.2 + r), wide, high, fill=False, edgecolor=style.INK, linewidth=2.0)
                frame.set_gid(f"{title}/box-{number}")
                frame.set_zorder(4)
                axes.add_patch(frame)
            left += width + _GAP
        top += height
    axes.set_xlim(-0.1, across + 0.1)
    axes.set_ylim(down + 0.1, 0)
    axes.set_aspect("equal")
    return figure


def _by_value(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """(H, W, 3): white for 0, at most half of a colour for the largest."""
    known = np.nan_to_num(grid)
    share = 0.5 * np.abs(known) / max(float(np.abs(known).max()), 1e-300)
    colour = np.where((known >= 0)[..., None], to_rgb(style.colour(0)), to_rgb(style.colour(1)))
    return 1 + share[..., None] * (colour - 1)


def _by_window(grid: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    r, c = np.indices(grid.shape) // window
    index = r * -(-grid.shape[1] // window) + c
    return np.asarray(1 + 0.35 * (np.array([to_rgb(style.colour(int(i))) for i in index.flat]) - 1)).reshape(
        *grid.shape, 3
    )
