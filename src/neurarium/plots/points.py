"""Points in the plane: what a classifier makes of it, what a generator puts there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from neurarium.plots import style

_MARKERS = "os^Dv<>P"


def plane(x: ArrayLike, *, resolution: int = 200, margin: float = 0.1) -> tuple[NDArray[np.float64], ...]:
    """A grid over the points x of shape (N, 2), wider by `margin` on every side, for `decision_regions`.

    Returns grid_x (R,), grid_y (R,) and all their points (R * R, 2), the first coordinate running fastest, R being
    the resolution: predictions for the points, reshaped to (R, R), are what `decision_regions` takes.
    """
    x = style.array(x, "x", None, 2).astype(float)
    low, high = x.min(axis=0), x.max(axis=0)
    wide = np.maximum(high - low, 1e-6) * margin
    grid_x, grid_y = (np.linspace(low[i] - wide[i], high[i] + wide[i], resolution) for i in (0, 1))
    return grid_x, grid_y, np.stack(np.meshgrid(grid_x, grid_y), axis=-1).reshape(-1, 2)


def decision_regions(
    x: ArrayLike,
    y: ArrayLike,
    grid_x: ArrayLike,
    grid_y: ArrayLike,
    grid_predictions: ArrayLike,
    classes: Sequence[str] = (),
) -> Figure:
    """Points of a two-dimensional set over the regions in which a classifier gives each class.

    x: (N, 2). y: integer labels (N,). grid_x: (W,), grid_y: (H,), both evenly spaced.
    grid_predictions: (H, W), integer labels; or floats, the probability of class 1 of two: then shades show it and a
    line the border at one half.
    """
    x, grid_x, grid_y = (
        style.array(x, "x", None, 2),
        style.array(grid_x, "grid_x", None),
        style.array(grid_y, "grid_y", None),
    )
    y = style.array(y, "y", len(x))
    grid = style.array(grid_predictions, "grid_predictions", len(grid_y), len(grid_x))
    figure, axes = style.new_figure(4.8, 4.4)
    half_x, half_y = (grid_x[1] - grid_x[0]) / 2, (grid_y[1] - grid_y[0]) / 2
    extent = (grid_x[0] - half_x, grid_x[-1] + half_x, grid_y[0] - half_y, grid_y[-1] + half_y)
    if np.issubdtype(grid.dtype, np.integer):
        present = range(int(max(grid.max(), y.max(initial=0))) + 1)
        shades = np.array([to_rgba(style.colour(label), 0.22) for label in present])[grid]
        border = [label - 0.5 for label in present[1:]]
    else:
        present = range(2)
        colours = np.array([to_rgba(style.colour(label)) for label in present])
        shades = colours[(grid >= 0.5).astype(int)]
        shades[..., 3] = 0.04 + 0.7 * np.abs(grid - 0.5)
        border = [0.5]
    axes.imshow(shades, extent=extent, origin="lower", interpolation="nearest", aspect="auto", gid="regions")
    if grid.dtype.kind == "f" and grid.min() < 0.5 < grid.max():
        axes.contour(grid_x, grid_y, grid, border, colors=style.INK, linewidths=1.2)
    handles: list[Artist] = []
    for label in present:
        here = x[y == label]
        handles.append(
            axes.scatter(
                here[:, 0],
                here[:, 1],
                s=22,
                color=style.colour(label),
                marker=_MARKERS[label % len(_MARKERS)],
                edgecolors=style.PAPER,
                linewidths=0.6,
                gid=f"class-{label}",
            )
        )
    axes.grid(visible=False)
    axes.set_xlim(extent[:2])
    axes.set_ylim(extent[2:])
    style.labels(axes, "x₁", "x₂")
    if len(handles) > 1:
        style.legend(axes, handles, [str(classes[i]) if i < len(classes) else f"class {i}" for i in present])
    return figure


def sample_scatter(real: ArrayLike, generated: ArrayLike) -> Figure:
    """What a generator makes beside what it learns from; both of shape (N, 2), the numbers may differ.

    Of numbers on a line, (N, 1), histograms show how densely they lie.
    """
    if np.ndim(real) == 2 and np.shape(real)[1] == 1:
        return _histograms(style.array(real, "real", None, 1), style.array(generated, "generated", None, 1))
    figure, axes = style.new_figure(4.6, 4.6)
    handles: list[Artist] = []
    for index, (name, points) in enumerate((("real", real), ("generated", generated))):
        found = style.array(points, name, None, 2)
        size = float(np.clip(2_000 / max(len(found), 1), 3, 18))
        handles.append(
            axes.scatter(
                found[:, 0],
                found[:, 1],
                s=size,
                color=style.colour(index),
                alpha=0.55,
                linewidths=0,
                marker="o" if index == 0 else "^",
                gid=name,
            )
        )
    axes.set_aspect("equal", adjustable="datalim")
    style.legend(
        axes, handles, ["real", "generated"], markerscale=1.8, loc="lower right", bbox_to_anchor=(1, 1), ncols=2
    )
    return figure


def _histograms(real: NDArray[np.float64], generated: NDArray[np.float64]) -> Figure:
    figure, axes = style.new_figure(5.4, 3.4)
    both = np.concatenate([real, generated])
    bins = np.linspace(both.min(), both.max(), 61)
    handles: list[Artist] = []
    for index, (name, numbers) in enumerate((("real", real), ("generated", generated))):
        density, _ = np.histogram(numbers, bins, density=True)
        steps = axes.stairs(density, bins, color=style.colour(index), fill=index == 0, linewidth=1.8, gid=name)
        steps.set_alpha(0.35 if index == 0 else 1.0)
        handles.append(steps)
    style.labels(axes, "x", "density")
    style.legend(axes, handles, ["real", "generated"])
    return figure


def true_against_predicted(true: ArrayLike, predicted: ArrayLike) -> Figure:
    """Predictions over the true numbers, both of shape (N,); perfect ones lie on the diagonal."""
    true = style.array(true, "true", None).astype(float)
    predicted = style.array(predicted, "predicted", len(true)).astype(float)
    figure, axes = style.new_figure(4.6, 4.6)
    low, high = min(true.min(), predicted.min()), max(true.max(), predicted.max())
    axes.plot([low, high], [low, high], color=style.MUTED, linewidth=1.0, linestyle=(0, (4, 3)), gid="diagonal")
    axes.scatter(true, predicted, s=10, color=style.colour(0), alpha=0.5, linewidths=0, gid="predictions")
    style.labels(axes, "true", "predicted")
    return figure
