"""Runs side by side: how they learned, and what their networks cost."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from numpy.typing import ArrayLike

from neurarium.plots import style

Curve = tuple[ArrayLike, ArrayLike]
"""Steps (N,) and values (N,)."""

DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))


def learning_curves(train: Mapping[str, Curve], validation: Mapping[str, Curve], measure: str) -> Figure:
    """One measure of several runs over the share of their steps: on training batches and on the validation split."""
    figure, first = style.new_figure(9.0, 3.9)
    first.remove()
    left, right = figure.subplots(1, 2, sharey=True)
    names = list(dict.fromkeys([*train, *validation]))
    handles: dict[str, Artist] = {}
    for axes, curves, text in ((left, train, "training batches"), (right, validation, "validation split")):
        style.title(axes, text)
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set(color=style.GRID)
        axes.tick_params(labelcolor=style.MUTED, labelsize=style.TICK, color=style.GRID)
        axes.grid(visible=True, color=style.GRID, linewidth=0.7)
        for name, (steps, values) in curves.items():
            x, y = style.array(steps, name, None), style.array(values, name, len(np.asarray(steps)))
            look = DASHES[names.index(name) % len(DASHES)]
            colour = style.colour(names.index(name))
            (handles[name],) = axes.plot(
                x / x[-1], y, color=colour, linestyle=look, linewidth=1.7, gid=f"{text.split()[0]}-{name}"
            )
        style.labels(axes, "share of the run", measure if axes is left else "")
    style.legend(right, list(handles.values()), list(handles), loc="best")
    return figure


def score_by_cost(costs: Mapping[str, float], scores: Mapping[str, float], *, cost: str, score: str) -> Figure:
    """A point for each run: what it reached over what it cost, on a logarithmic scale, with its name beside it."""
    figure, axes = style.new_figure(6.8, 4.4)
    axes.set_xscale("log")
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    for index, (name, value) in enumerate(ranked):
        axes.scatter([costs[name]], [value], s=42, color=style.colour(index), zorder=3, gid=f"run-{name}")
    axes.margins(x=0.25, y=0.12)
    style.labels(axes, cost, score)
    _name_points(axes, {name: (costs[name], value) for name, value in ranked})
    return figure


def _name_points(axes: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """Each name where it covers no other name and no point: to the right, to the left, then higher and lower."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.canvas.draw()  # places in pixels are known only then
    taken = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in axes.transData.transform(list(points.values()))]
    for name, point in points.items():
        for up, side in product((0, 11, -11, 22, -22, 33, -33), (8, -8)):
            label = axes.annotate(
                name, point, xytext=(side, up), textcoords="offset points", fontsize=style.TICK, color=style.INK,
                ha="left" if side > 0 else "right", va="center",
            )  # fmt: skip
            box = label.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                break
            label.remove()
        else:
            axes.add_artist(label)  # nowhere is free: better above another name than nowhere
        taken.append(box)
