"""Pictures of what a generator makes: over time, between two codes, of sums of codes, and a quiz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from neurarium.plots import style
from neurarium.plots.gallery import image_grid
from neurarium.plots.latents import image_tables


def progress_strip(images: ArrayLike, steps: Sequence[int], accuracy: Sequence[float]) -> Figure:
    """Samples from the same codes after more and more steps, one column a moment, under what the discriminator knows.

    images: (T, N, 1, H, W) or (T, N, 3, H, W), floats from 0 to 1. steps: of the T moments. accuracy: share of real and
        generated images that the discriminator told apart then; 0.5 is what a guess reaches.
    Artists: the n-th sample of moment t is "0/n-t"; the heading of a column holds step and accuracy.
    """
    shown = np.asarray(images)
    if not len(shown) == len(steps) == len(accuracy):
        raise ValueError(
            f"Every moment has a step and an accuracy; received {len(shown)} moments, {len(steps)} steps and "
            f"{len(accuracy)} accuracies."
        )
    columns = [f"{step:,}\n{share:.0%}" for step, share in zip(steps, accuracy, strict=True)]
    rows = [f"sample {n + 1}" for n in range(shown.shape[1])]
    figure = image_tables({"": shown.swapaxes(0, 1)}, rows=rows, columns=columns)
    figure.axes[0].text(-0.1, -0.1, "step\naccuracy", ha="right", va="bottom", fontsize=style.TICK, color=style.MUTED)
    return figure


def interpolation_strip(ways: ArrayLike, *, titles: Sequence[str] = ()) -> Figure:
    """Images on the way between two codes, one way a row, under the share of the way.

    ways: (R, T, 1, H, W) or (R, T, 3, H, W), floats from 0 to 1. titles: of the rows, or none.
    Artists: the image at place t of way r is "0/r-t".
    """
    shown = np.asarray(ways)
    share = np.linspace(0, 1, shown.shape[1])
    return image_tables({"": shown}, rows=titles, columns=[f"{value:.2g}" for value in share])


def arithmetic_picture(exemplars: Mapping[str, ArrayLike], means: ArrayLike, result: ArrayLike, name: str) -> Figure:
    """first - second + third = result, a row each: the exemplars of a term, and at the end what their mean code makes.

    exemplars: by name of the three terms, images (N, C, H, W) of the codes that are averaged, N the same for all.
    means: (3, C, H, W), of the mean codes. result: (N + 1, C, H, W), of codes near the sum, and of the sum, last.
    name: of the result. Artists: image n of row k is "0/k-n".
    """
    if len(exemplars) != 3:
        raise ValueError(f"first - second + third: expected exemplars of three terms, received {len(exemplars)}.")
    ends = zip(exemplars.values(), np.asarray(means), strict=True)
    table = [*(np.concatenate([np.asarray(images), mean[None]]) for images, mean in ends), np.asarray(result)]
    rows = [f"{sign}{title}" for sign, title in zip(("", "\N{MINUS SIGN} ", "+ "), exemplars, strict=True)]
    columns = [*(str(n) for n in range(1, len(table[0]))), "mean"]
    return image_tables({"": np.stack(table)}, rows=[*rows, f"= {name}"], columns=columns)


def quiz_sheet(images: ArrayLike, *, columns: int = 6) -> Figure:
    """Numbered pictures (N, C, H, W), floats from 0 to 1, of which it is not said which are real. The answers belong in
    another file."""
    shown = (255 * np.clip(np.asarray(images), 0, 1)).round().astype(np.uint8)
    numbers = [str(number) for number in range(1, len(shown) + 1)]
    return image_grid(shown, numbers, columns=columns, heading="Real or generated?")
