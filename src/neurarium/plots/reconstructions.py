"""What goes into an autoencoder over what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from neurarium.plots import style

_INCH = 0.75  # width of one picture
_MARKERS = "o^sD"


def reconstruction_gallery(rows: Mapping[str, ArrayLike], *, columns: Sequence[str] = ()) -> Figure:
    """One column an item, one row a kind of picture: input over output, and on demand the target below.

    rows: heading -> images (N, 1, H, W) or (N, 3, H, W), uint8 from 0 to 255 or floats from 0 to 1, what lies outside
        cut off; the same N for all rows, while grey may stand over colour. columns: N headings, or none.
    """
    shown = {name: _pictures(images, name) for name, images in rows.items()}
    num, height, width = next(iter(shown.values())).shape[:3]
    if any(images.shape[:3] != (num, height, width) for images in shown.values()):
        shapes = ", ".join(f"{name} {np.shape(images)}" for name, images in rows.items())
        raise ValueError(f"All rows must have the same number and size of images, received {shapes}.")
    tall, gap = height / width, 0.06
    head = 0.2 / _INCH if columns else 0.0
    figure, axes = style.new_figure(
        num * (1 + gap) * _INCH + 0.13 * max(map(len, shown)), (len(shown) * (tall + gap) + head) * _INCH + 0.15
    )
    style.bare(axes)
    for column, text in enumerate(columns):
        middle = column * (1 + gap) + 0.5
        axes.text(middle, -0.06, text, ha="center", va="bottom", fontsize=style.TICK, color=style.MUTED)
    for row, (name, images) in enumerate(shown.items()):
        top = row * (tall + gap)
        for column, image in enumerate(images):
            left = column * (1 + gap)
            place = (left, left + 1, top + tall, top)
            axes.imshow(image, extent=place, interpolation="nearest", vmin=0, vmax=1, gid=f"{name}-{column}")
        axes.text(-0.12, top + tall / 2, name, ha="right", va="center", fontsize=style.LABEL, color=style.MUTED)
    axes.set_xlim(0, num * (1 + gap) - gap)
    axes.set_ylim(len(shown) * (tall + gap) - gap, -head)
    axes.set_aspect("equal")
    return figure


def reconstructed_curves(inputs: ArrayLike, outputs: ArrayLike) -> Figure:
    """Inputs and outputs of one axis, both (N, F), one panel an item, as lines over the number of the value."""
    x = style.array(inputs, "inputs", None, None)
    found = style.array(outputs, "outputs", *x.shape)
    figure, axes = style.new_figure(6.4, 0.9 * len(x) + 0.4)
    span = max(float(np.ptp(np.concatenate((x, found)))), 1e-6)
    handles: list[Artist] = []
    for row, pair in enumerate(zip(x, found, strict=True)):
        for name, values, colour in zip(("input", "output"), pair, (style.MUTED, style.colour(1)), strict=True):
            middle = (np.max(x[row]) + np.min(x[row])) / 2
            handles += axes.plot((values - middle) / span - row, color=colour, linewidth=1.3, gid=f"{name}-{row}")
    axes.set_yticks([])
    style.labels(axes, "number of the value")
    style.legend(axes, handles[:2], ["input", "output"])
    return figure


def code_scatter(codes: ArrayLike, labels: ArrayLike, classes: Sequence[str]) -> Figure:
    """Codes of two numbers, (N, 2), coloured by class, with the name of each class at the median of its codes.

    labels: (N,) integers. classes: their names.
    """
    z = style.array(codes, "codes", None, 2)
    y = style.array(labels, "labels", len(z))
    figure, axes = style.new_figure(5.2, 4.8)
    size = float(np.clip(4_000 / max(len(z), 1), 3, 18))
    for label, name in enumerate(classes):
        here = z[y == label]
        if not len(here):
            continue
        marker = _MARKERS[label // len(style.TEN) % len(_MARKERS)]
        axes.scatter(
            here[:, 0],
            here[:, 1],
            s=size,
            color=style.TEN[label % len(style.TEN)],
            marker=marker,
            alpha=0.6,
            linewidths=0,
            gid=f"class-{label}",
        )
        across, up = np.median(here, axis=0)
        text = axes.text(across, up, str(name), ha="center", va="center", color=style.INK, zorder=3)
        text.set(fontsize=style.TITLE, fontweight="bold", parse_math=False, gid=f"name-{label}")
        text.set_path_effects([patheffects.withStroke(linewidth=3, foreground=style.PAPER)])
    style.labels(axes, "first number of the code", "second number of the code")
    return figure


def _pictures(images: ArrayLike, name: str) -> NDArray[np.float64]:
    """Shape (N, H, W, 3), from 0 to 1."""
    found = np.asarray(images)
    if found.ndim != 4 or found.shape[1] not in (1, 3) or not len(found):
        raise ValueError(f"{name} must have shape (N, 1, H, W) or (N, 3, H, W) with N >= 1, received {found.shape}.")
    scaled = found / 255.0 if found.dtype == np.uint8 else np.clip(found.astype(np.float64), 0.0, 1.0)
    return np.broadcast_to(scaled.transpose(0, 2, 3, 1), (*found[:, 0].shape, 3))
