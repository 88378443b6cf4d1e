"""How far generated images are from those of a data set."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from neurarium.tasks.collapse import spread
from neurarium.tasks.generation_measures import class_coverage, frechet_distance
from neurarium.tasks.neighbours import density_coverage, precision_recall

SMALL = 8
"""Height and width of the images whose pixels are the features."""


class ImageMeasures:
    """Frechet distance, precision, recall, density, coverage and spread of generated beside real images.

    The features are pixels: of each image the mean over channels, brought to 8 x 8 by averaging areas, 64 numbers from
    0 to 1. They see the layout of an image and not its fine detail. The distances are therefore not the FID of the
    literature, whose features are those of an Inception network, and compare runs on one data set alone.

    judge: loads a trained classifier with `embed` and `predict`. Then the same measures come in its features too, under
        names that begin with judge, and what it says of classes: judge_modes, how many of them generated images have;
        judge_divergence, how far their shares are from even ones; judge_accuracy, the share of generated images that it
        names as the class that was asked for.
    """

    def __init__(self, judge: Callable[[], Any] | None = None) -> None:
        self.judge = cache(judge) if judge else None

    def __call__(self, real: Tensor, fake: Tensor, labels: Tensor | None) -> dict[str, float]:
        """real (N, C, H, W), fake (M, C, H, W), in 0..1; labels (M,) are the classes that were asked for."""
        pixels = small_pixels(real), small_pixels(fake)
        found = {**compared(*pixels), "spread": spread(*pixels)}
        if self.judge:
            judge = self.judge().to(fake.device).eval()
            found |= {f"judge_{name}": value for name, value in compared(judge.embed(real), judge.embed(fake)).items()}
            named = judge.predict(fake)
            found |= {f"judge_{name}": value for name, value in class_coverage(named, len(judge.classes)).items()}
            if labels is not None:
                found["judge_accuracy"] = float((named == labels.cpu()).float().mean())
        return found


def small_pixels(images: Tensor) -> Tensor:
    """(N, 64) from (N, C, H, W): grey, averaged over the areas of an 8 x 8 grid."""
    return F.adaptive_avg_pool2d(images.float().mean(1, keepdim=True), SMALL).flatten(1)


def compared(real: Tensor, fake: Tensor) -> dict[str, float]:
    """Of features (N, F) and (M, F)."""
    return {
        "frechet_distance": frechet_distance(real, fake),
        **precision_recall(real, fake),
        **density_coverage(real, fake),
    }
