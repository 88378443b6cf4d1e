"""Images that grow from scale to scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from neurarium.plots import style

_INCH = 0.95  # width of one picture
_GAP, _APART = 0.06, 0.25  # between pictures of one scale, and between scales


def sampling_strip(stages: Sequence[Sequence[ArrayLike | None]]) -> Figure:
    """How images grow along a Laplacian pyramid, one image a row: the base I_K, then of each scale the upscaled image,
    the difference, and their sum; Denton et al. 2015, figure 1, from right to left.

    stages: image, upscaled, difference of each scale, the smallest first, whose last two are None; each (N, 1, H, W) or
        (N, 3, H, W), from 0 to 1. Differences are drawn around grey, with the largest of a scale black or white.
    Artists: row n of the picture headed "sum I_0" is "sum I_0/n".
    """
    last = len(stages) - 1
    shown: list[tuple[str, NDArray[np.float64]]] = [(f"base I_{last}", _pictures(stages[0][0]))]
    starts = [0.0]
    for number, (image, upscaled, difference) in enumerate(stages[1:], start=1):
        k = last - number
        change = np.asarray(difference, dtype=np.float64)
        around = 0.5 + change / (2 * max(float(np.abs(change).max()), 1e-9))
        starts.append(starts[-1] + 1 + _APART)
        starts += [starts[-1] + (1 + _GAP), starts[-1] + 2 * (1 + _GAP)]
        shown += [(f"upscaled l_{k}", _pictures(upscaled)), (f"difference h_{k}", _pictures(around))]
        shown.append((f"sum I_{k}", _pictures(image)))
    num, height, width = shown[-1][1].shape[:3]
    tall, head = height / width, 0.22 / _INCH
    across, down = starts[-1] + 1, num * (tall + _GAP) - _GAP
    figure, axes = style.new_figure(across * _INCH + 0.15, (down + head) * _INCH + 0.15)
    style.bare(axes)
    for left, (name, images) in zip(starts, shown, strict=True):
        for row, image in enumerate(images):
            top = row * (tall + _GAP)
            place = (left, left + 1, top + tall, top)
            axes.imshow(image, extent=place, interpolation="nearest", vmin=0, vmax=1, gid=f"{name}/{row}")
        words = name.rpartition(" ")
        axes.text(
            left + 0.5,
            -0.05,
            f"{words[0]} ${words[2]}$",
            ha="center",
            va="bottom",
            fontsize=style.TICK,
            color=style.MUTED,
        )
    axes.set_xlim(0, across)
    axes.set_ylim(down, -head)
    axes.set_aspect("equal")
    return figure


def _pictures(images: ArrayLike | None) -> NDArray[np.float64]:
    """Shape (N, H, W, 3), cut to 0..1. Raises ValueError for another shape."""
    found = np.asarray(images, dtype=np.float64)
    if found.ndim != 4 or found.shape[1] not in (1, 3):
        raise ValueError(f"Images of a stage must have shape (N, 1, H, W) or (N, 3, H, W), received {found.shape}.")
    cut = np.clip(found, 0.0, 1.0).transpose(0, 2, 3, 1)
    return np.broadcast_to(cut, (*cut.shape[:3], 3))
