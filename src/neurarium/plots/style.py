"""One look for all figures: colours, letters, axes. No global state of matplotlib is read or changed."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

PAPER, INK, MUTED, GRID = "#fefefe", "#1f2328", "#59636e", "#d9dee3"
"""Ground, letters, secondary letters, lines. No other colour has these values: a page may exchange them for its own."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f6fc9", "#8c6d31")
"""Okabe and Ito's palette in an order that keeps neighbours apart for colour-blind readers, and two more at its end."""

TEN = (*COLOURS, "#111111", "#9db800")
"""As many as there are digits, for points by class."""

TITLE, LABEL, TICK = 11.0, 9.5, 8.5
"""Sizes of letters in points."""


def colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def new_figure(width: float = 6.4, height: float = 3.8) -> tuple[Figure, Axes]:
    """A figure of width x height inches with one axes; it belongs to nobody and is freed when it is forgotten."""
    figure = Figure(figsize=(width, height), dpi=144, layout="constrained", facecolor=PAPER)
    axes = figure.add_subplot()
    axes.set_facecolor("none")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set(color=GRID, linewidth=1.0)
    axes.tick_params(length=3, width=1.0, color=GRID, labelcolor=MUTED, labelsize=TICK, which="both")
    axes.grid(visible=True, color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    return figure, axes


def bare(axes: Axes) -> None:
    """No frame, ticks or grid: for pictures."""
    axes.set_axis_off()


def title(axes: Axes, text: str, pad: float = 10) -> None:
    axes.set_title(text, fontsize=TITLE, color=INK, loc="left", pad=pad, parse_math=False)


def labels(axes: Axes, x: str = "", y: str = "") -> None:
    axes.set_xlabel(x, fontsize=LABEL, color=MUTED, parse_math=False)
    axes.set_ylabel(y, fontsize=LABEL, color=MUTED, parse_math=False)


def legend(axes: Axes, handles: list[Artist], names: list[str], **where: Any) -> None:
    """A legend without a frame; above the axes unless `where` says otherwise."""
    place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "ncols": min(len(names), 4), "borderaxespad": 0.4}
    box = axes.legend(handles, names, frameon=False, fontsize=TICK, labelcolor=INK, **(where or place))
    for text in box.get_texts():
        text.set_parse_math(False)


def number(value: float) -> str:
    """Four digits that count, thousands apart: 60,000; 0.03125 as 0.03125; 1.5e-07."""
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"


def array(values: ArrayLike, name: str, *axes: int | None) -> NDArray[Any]:
    """`values` as an array with these lengths of axes; None stands for any. ValueError for another shape."""
    found = np.asarray(values)
    if found.ndim != len(axes) or any(want not in (None, got) for want, got in zip(axes, found.shape, strict=True)):
        wanted = ", ".join("any" if length is None else str(length) for length in axes)
        raise ValueError(f"{name} must have shape ({wanted}), received {found.shape}.")
    return found
