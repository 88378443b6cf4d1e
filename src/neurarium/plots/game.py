"""Pictures of an adversarial game: densities and the judge between them, modes over time, paths of two players."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from neurarium.plots import style
from neurarium.plots.panels import panels


def density_frame(
    *,
    x: ArrayLike,
    data: ArrayLike,
    generated: ArrayLike,
    judged: ArrayLike,
    best: ArrayLike,
    arrows: tuple[ArrayLike, ArrayLike],
    heading: str = "",
) -> Figure:
    """Two densities over a line and the discriminator between them; below, where noise is sent (Goodfellow et al. 2014,
    figure 1). Frames of one x have one size and scale.

    x, data, generated, judged, best: (N,); judged is D, best the best answer to these densities; NaN where
    nothing is drawn. arrows: noise (M,)
    and the items it becomes (M,). Artists: "data", "generated", "D", "best D", "arrow-n".
    """
    at = style.array(x, "x", None)
    figure, axes = style.new_figure(6.4, 4.4)
    curves = {name: style.array(y, name, len(at)) for name, y in (
        ("data", data), ("generated", generated), ("D", judged), ("best D", best)
    )}  # fmt: skip
    axes.axhline(0.5, color=style.GRID, linewidth=1.4)
    filled = axes.fill_between(at, curves["data"], color=style.colour(0), alpha=0.25, linewidth=0, gid="data")
    handles: list[Artist] = [filled]
    handles += axes.plot(at, curves["generated"], color=style.colour(1), linewidth=1.9, gid="generated")
    handles += axes.plot(at, curves["D"], color=style.INK, linewidth=1.7, gid="D")
    handles += axes.plot(
        at, curves["best D"], color=style.MUTED, linewidth=1.1, linestyle=(0, (1.5, 1.8)), gid="best D"
    )
    noise, items = (style.array(values, "arrows", None) for values in arrows)
    for number, (z, to) in enumerate(zip(noise, items, strict=True)):
        middle = (at[0] + at[-1]) / 2
        arrow = axes.annotate(
            "",
            xy=(to, -0.06),
            xytext=(middle + z, -0.34),
            arrowprops={"arrowstyle": "-|>", "color": style.colour(1), "linewidth": 0.7, "mutation_scale": 7},
            annotation_clip=True,
        )
        arrow.set_gid(f"arrow-{number}")
    axes.axhline(-0.34, color=style.MUTED, linewidth=1.0)
    axes.axhline(0, color=style.MUTED, linewidth=1.0)
    axes.grid(visible=False)
    axes.set_xlim(at[0], at[-1])
    axes.set_ylim(-0.38, 1.06)
    axes.set_yticks([-0.34, 0, 0.5, 1], ["noise z", "0", "0.5", "1"])
    style.labels(axes, "x", "")
    style.title(axes, heading)
    style.legend(axes, handles, ["data", "generated", "D(x)", "best D(x)"])
    return figure


def mode_snapshots(snapshots: Mapping[str, ArrayLike], centers: ArrayLike, *, columns: int = 6) -> Figure:
    """Generated points (N, 2) of each moment, by title, over the places (K, 2) of the data's modes.

    Artists: "title" are the points, "title/modes" the places.
    """
    places = style.array(centers, "centers", None, 2)
    reach = 1.45 * float(np.abs(places).max())
    figure = panels(list(snapshots), columns=columns, width=1.75, height=2.25)
    for axes, (title, points) in zip(figure.axes, snapshots.items(), strict=True):
        found = style.array(points, title, None, 2)
        axes.scatter(
            places[:, 0], places[:, 1], s=90, facecolors="none", edgecolors=style.MUTED, linewidths=0.9,
            gid=f"{title}/modes",
        )  # fmt: skip
        axes.scatter(found[:, 0], found[:, 1], s=3, color=style.colour(1), alpha=0.5, linewidths=0, gid=title)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
        axes.title.set_fontsize(style.TICK)
        for spine in axes.spines.values():
            spine.set_visible(True)
    return figure


def plane_paths(paths: Mapping[str, ArrayLike], *, start: str = "", centre: str = "") -> Figure:
    """Paths (T, 2) of the moves of two players around (0, 0), by name; artists have these names."""
    figure, axes = style.new_figure(4.8, 4.8)
    handles: list[Artist] = []
    found = {name: style.array(path, name, None, 2) for name, path in paths.items()}
    for index, (name, path) in enumerate(found.items()):
        handles += axes.plot(
            path[:, 0], path[:, 1], color=style.colour(index), marker="o", markersize=2.6, linewidth=1.0, gid=name
        )
    first = next(iter(found.values()))[0]
    reach = 1.08 * max(float(np.abs(path).max()) for path in found.values())
    axes.plot(0, 0, "+", color=style.INK, markersize=11, markeredgewidth=1.6)
    axes.plot(*first, "o", color=style.INK, markersize=6)
    for text, place, off in ((centre, (0, 0), (0, -15)), (start, first, (20, -6))):
        axes.annotate(text, place, off, textcoords="offset points", fontsize=style.LABEL, color=style.INK, ha="center")
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    style.labels(axes, "x, which descends on x y", "y, which climbs")
    style.legend(axes, handles, list(found))
    return figure
