"""Measures over time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from neurarium.plots import style

Row = Mapping[str, Any]
"""What metrics.jsonl holds: `step` (int), `split` (text), and measures (numbers)."""


def training_curves(
    rows: Iterable[Row],
    *,
    measure: str = "loss",
    stop_mark: bool = True,
    best: Literal["min", "max"] = "min",
    validation: str = "validation",
    steps_per_epoch: float | None = None,
) -> Figure:
    """Training and validation curve of a measure, with a mark where the validation curve is best: there to stop.

    measure: a key of the rows; rows without it are left out.
    stop_mark: mark the smallest (`best="max"`: the largest) value of the validation curve, the first one if several
        are equal; values that are not finite are never marked. Nothing is marked without a validation curve.
    validation: name of the split that is shown beside "train".
    steps_per_epoch: how many steps show every training item once; then the axis counts epochs, otherwise steps.

    Raises ValueError where no row of the two splits has the measure.
    """
    rows = list(rows)
    figure, axes = style.new_figure()
    unit, scale = ("epoch", 1 / steps_per_epoch) if steps_per_epoch else ("step", 1.0)
    handles: list[Artist] = []
    names = []
    for index, (split, name) in enumerate((("train", "training"), (validation, validation))):
        steps, values = series(rows, measure, split)
        if len(steps):
            handles.append(_curve(axes, steps * scale, values, style.colour(index), split))
            names.append(name)
    if not handles:
        known = sorted({key for row in rows for key in row} - {"step", "split"})
        raise ValueError(
            f"No row of train or {validation} has the measure {measure!r}; "
            f"choose one of those that were logged: {', '.join(known) or 'none'}."
        )
    steps, values = series(rows, measure, validation)
    if stop_mark and np.isfinite(values).any():
        at = best_index(values, best)
        mark = _mark(axes, steps[at] * scale, values[at])
        word = "minimum" if best == "min" else "maximum"
        handles.append(mark)
        names.append(f"{word} {values[at]:.4g} at {unit} {style.number(float(steps[at] * scale))}")
    _dress(axes, measure, unit, handles, names)
    return figure


def overlay(
    runs: Mapping[str, Iterable[Row]],
    *,
    measure: str = "loss",
    split: str = "validation",
) -> Figure:
    """The same measure of the same split of several runs, by name, over each other. ValueError where none has it."""
    figure, axes = style.new_figure()
    handles: list[Artist] = []
    names = []
    for index, (name, rows) in enumerate(runs.items()):
        steps, values = series(rows, measure, split)
        if len(steps):
            line = _curve(axes, steps, values, style.colour(index), name)
            line.set_linestyle(("solid", "dashed", "dotted", "dashdot")[index // len(style.COLOURS) % 4])
            handles.append(line)
            names.append(name)
    if not handles:
        raise ValueError(
            f"None of the runs {', '.join(runs) or '(none given)'} has {measure!r} of the split {split!r}."
        )
    _dress(axes, f"{split} {measure}", "step", handles, names)
    return figure


def series(rows: Iterable[Row], measure: str, split: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Steps and values of one curve, in order of the steps, both of shape (N,); N is 0 where there are none."""
    found = [(row["step"], row[measure]) for row in rows if row["split"] == split and _is_number(row.get(measure))]
    found.sort(key=lambda pair: pair[0])
    return np.array([step for step, _ in found], dtype=np.int64), np.array([value for _, value in found], dtype=float)


def best_index(values: NDArray[np.float64], best: Literal["min", "max"]) -> int:
    """Where the first best finite value stands; values of shape (N,), at least one of them finite."""
    worst = np.inf if best == "min" else -np.inf
    finite = np.where(np.isfinite(values), values, worst)
    return int(finite.argmin() if best == "min" else finite.argmax())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _curve(axes: Axes, x: Sequence[float] | NDArray[Any], y: NDArray[np.float64], colour: str, name: str) -> Line2D:
    few = len(x) <= 25  # with few evaluations the reader wants to see which points were measured
    (line,) = axes.plot(x, y, color=colour, linewidth=1.6, marker="o" if few else "", markersize=3.2, gid=name)
    return line


def _mark(axes: Axes, x: float, y: float) -> Line2D:
    axes.axvline(x, color=style.MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1.5, gid="stop-line")
    (mark,) = axes.plot(
        [x],
        [y],
        marker="o",
        markersize=8,
        markerfacecolor="none",
        markeredgecolor=style.INK,
        markeredgewidth=1.5,
        linestyle="none",
        zorder=4,
        gid="stop",
    )
    return mark


def _dress(axes: Axes, measure: str, unit: str, handles: list[Artist], names: list[str]) -> None:
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: style.number(value))
    style.labels(axes, unit)
    if sum(map(len, names)) < 60:  # lines of their own between title and axes: they never meet, whatever the width
        lines = math.ceil(len(names) / 4)
        columns = math.ceil(len(names) / lines)
        style.title(axes, measure, pad=10 + 16 * lines)
        place = {"loc": "lower left", "bbox_to_anchor": (-0.01, 1.0), "ncols": columns, "borderaxespad": 0.4}
        style.legend(axes, handles, names, **place)
    else:
        style.title(axes, measure)
        style.legend(axes, handles, names, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
