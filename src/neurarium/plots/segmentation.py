"""Masks over their images, and what a pixel counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from neurarium.plots import style

_OPACITY = 0.45
_SIDE = 2.5  # inches of a picture
_MOST = 1200  # rows and columns that are drawn of one
_SHADES = (0.0, -0.5, 0.5, -0.75, 0.75, -0.25, 0.25, -0.9)  # of the palette's colours, to black or to white


def overlays(images: ArrayLike, truth: ArrayLike, given: ArrayLike, classes: Sequence[str]) -> Figure:
    """A row for each image: itself, the true classes in colour over it, the given ones, and where they differ.

    images: (N, 1 or 3, H, W) uint8. truth, given: (N, H, W) class numbers; pixels that are no class stay uncoloured
    and count nowhere. classes: names by number; each has one colour, whatever object it belongs to.
    """
    pictures = _pictures(images)
    num, height, width = pictures.shape[:3]
    true, found = style.array(truth, "truth", num, height, width), style.array(given, "given", num, height, width)
    known = true < len(classes)
    wrong = known & (true != found)
    figure = _figure(num, 4, height / width)
    for row in range(num):
        columns = {
            "image": pictures[row],
            "truth": _coloured(pictures[row], true[row], len(classes)),
            "given": _coloured(pictures[row], np.where(known[row], found[row], len(classes)), len(classes)),
            "errors": np.where(wrong[row, :, :, None], to_rgb(style.INK), 0.6 + 0.4 * pictures[row]),
        }
        share = wrong[row].sum() / max(1, known[row].sum())
        titles = {"image": "image", "truth": "truth", "given": "prediction", "errors": f"{share:.1%} of pixels wrong"}
        for column, (name, picture) in enumerate(columns.items()):
            axes = figure.axes[4 * row + column]
            axes.imshow(picture.clip(0, 1), interpolation="nearest", gid=f"{name}-{row}")
            if row == 0 or name == "errors":
                style.title(axes, titles[name], pad=4)
    handles: list[Artist] = [
        Patch(color=class_colour(index), alpha=_OPACITY, label=name, gid=f"class-{name}")
        for index, name in enumerate(classes)
    ]
    figure.legend(
        handles=handles, loc="outside lower left", ncols=8, frameon=False, fontsize=style.TICK, labelcolor=style.INK
    )
    return figure


def labelled(image: ArrayLike, given: ArrayLike, classes: Sequence[str]) -> Figure:
    """An image, and the classes in colour over it, with the share of its pixels that each has.

    image: (1 or 3, H, W) uint8. given: (H, W) class numbers. classes: names by number; those that occur nowhere are
    left out of the legend. Of images with more than 1,200 pixels along a side every k-th row and column is drawn.
    """
    pixels = np.asarray(image)
    mask = style.array(given, "given", *pixels.shape[1:])
    counts = np.bincount(mask.ravel(), minlength=len(classes))
    step = -(-max(mask.shape) // _MOST)
    picture, mask = _pictures(pixels[None, :, ::step, ::step])[0], mask[::step, ::step]
    tall = mask.shape[0] / mask.shape[1]
    width = min(4.0, 6.0 / tall)  # inches; tall pictures are narrow
    figure = _figure(1, 2, tall, side=width)
    coloured = _coloured(picture, mask, len(classes))
    for axes, name, shown in zip(figure.axes, ("image", "given"), (picture, coloured), strict=True):
        axes.imshow(shown.clip(0, 1), interpolation="nearest", gid=name)
    named = [(index, name, counts[index] / counts.sum()) for index, name in enumerate(classes) if counts[index]]
    handles: list[Artist] = [
        Patch(color=class_colour(index), alpha=_OPACITY, label=f"{name}  {share:.1%}", gid=f"class-{name}")
        for index, name, share in named
    ]
    longest = max(len(name) for _, name, _ in named) + 8
    columns = max(1, int(2 * width / (0.085 * longest + 0.4)))
    figure.set_figheight(figure.get_figheight() + 0.19 * ((len(named) - 1) // columns))
    legend = figure.legend(
        handles=handles,
        loc="outside lower left",
        ncols=columns,
        frameon=False,
        fontsize=style.TICK,
        labelcolor=style.INK,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    return figure


def weight_maps(images: ArrayLike, weights: ArrayLike) -> Figure:
    """A row for each image: itself, and the weights of its pixels with their scale.

    images: (N, 1 or 3, H, W) uint8. weights: (N, H, W).
    """
    pictures = _pictures(images)
    num, height, width = pictures.shape[:3]
    values = style.array(weights, "weights", num, height, width)
    figure = _figure(num, 2, height / width, beside=0.55)
    for row in range(num):
        left, right = figure.axes[2 * row], figure.axes[2 * row + 1]
        left.imshow(pictures[row], interpolation="nearest", gid=f"image-{row}")
        shown = right.imshow(values[row], cmap="magma", vmin=0, vmax=values.max(), gid=f"weights-{row}")
        if row == 0:
            style.title(left, "image", pad=4)
            style.title(right, "weight of each pixel in the loss", pad=4)
    bar = figure.colorbar(shown, ax=[figure.axes[2 * row + 1] for row in range(num)], fraction=0.05, pad=0.03)
    bar.ax.tick_params(labelsize=style.TICK, labelcolor=style.MUTED, color=style.GRID)
    bar.outline.set_edgecolor(style.GRID)
    return figure


def _figure(rows: int, columns: int, tall: float, beside: float = 0.0, side: float = _SIDE) -> Figure:
    """Axes without frames, row by row. tall: height by width of a picture. beside: inches to the right of them.
    side: inches of a picture's width."""
    figure = Figure(
        figsize=(columns * side + beside, rows * (side * tall + 0.12) + 0.45),
        dpi=144,
        layout="constrained",
        facecolor=style.PAPER,
    )
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=0.03, h_pad=0.03, wspace=0.01, hspace=0.0)
    for axes in np.atleast_1d(figure.subplots(rows, columns)).ravel():
        style.bare(axes)
    return figure


def class_colour(index: int) -> tuple[float, float, float]:
    """The palette's colours, then shades of them, so that 64 classes differ."""
    shade = _SHADES[index // len(style.COLOURS) % len(_SHADES)]
    red, green, blue = ((1 - abs(shade)) * part + max(shade, 0.0) for part in to_rgb(style.colour(index)))
    return red, green, blue


def _coloured(picture: NDArray[np.float64], mask: NDArray[np.integer], num_classes: int) -> NDArray[np.float64]:
    """(H, W, 3): grey under the colours of the classes; what is no class keeps its own."""
    colours = np.array([class_colour(index) for index in range(num_classes)])
    of_class = mask < num_classes
    grey = picture.mean(-1, keepdims=True)
    blend = (1 - _OPACITY) * grey + _OPACITY * colours[np.where(of_class, mask, 0)]
    return np.where(of_class[..., None], blend, picture)


def _pictures(images: ArrayLike) -> NDArray[np.float64]:
    """(N, H, W, 3), from 0 to 1, the brightest of each image."""
    found = np.asarray(images)
    if found.ndim != 4 or found.shape[1] not in (1, 3) or found.dtype != np.uint8:
        raise ValueError(
            f"images must be uint8 of shape (N, 1, H, W) or (N, 3, H, W), received {found.dtype} {found.shape}."
        )
    brightest = np.maximum(found.max((1, 2, 3), keepdims=True), 1)
    return np.broadcast_to((found / brightest).transpose(0, 2, 3, 1), (*found[:, 0].shape, 3))
