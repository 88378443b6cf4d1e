"""Samples that have become nearly all the same, told from samples that are not yet anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from neurarium.train.task import Task

LEAST = 0.05
"""Spread below which samples count as nearly all the same.

Of points on eight Gaussians on a circle, in closed form: 0.001 where all sit on one of them, 0.15 where half are on
one and half on its neighbour. Measured, with points scaled to deviation 1: generators that wandered between them up to
0.03, one that learned 0.9. On the 8 x 8 digits `dcgan` has 0 at first, 0.05 after 60 steps of 200, 0.2 at the end.
"""

LATE = 0.75
"""Share of a run from which samples should have begun to vary. On such points of a grid of 25 Gaussians a sound run of
3,000 steps had 0.03 at its half and 0.7 at this point."""


def spread(real: Tensor, fake: Tensor) -> float:
    """How much samples (M, ...) vary, as a share of how much real items (N, ...) do: tr Cov(fake) / tr Cov(real).

    tr Cov is half of the mean squared distance between two items. 0 where all samples are one, 1 where they vary as
    the data; nothing is said of what they show. Real items that are all one give 1.
    """
    one, two = (float(items.flatten(1).double().var(0).sum()) for items in (real, fake))
    return two / one if one else 1.0


def collapse_warnings(rows: Sequence[Mapping[str, Any]], steps: int) -> list[str]:
    """What a person must be told of the last of these evaluations, of a run of so many steps.

    Samples of an untrained generator are all alike too. So a `spread` below LEAST is collapse only where an earlier one
    was twice LEAST, or where the share LATE of the run is done. So it is with a judge that sees one class of several.
    """
    now, before = rows[-1], rows[:-1]
    late = now["step"] >= LATE * steps
    found = []
    if now.get("spread", 1.0) < LEAST and (late or any(row.get("spread", 0.0) >= 2 * LEAST for row in before)):
        found.append(
            f"samples are nearly all the same: they vary less than {LEAST:.0%} as much as the data (spread). The "
            "generator has collapsed, or needs more steps; look at the pictures, and lower --lr or take another system."
        )
    one_of_several = now.get("judge_modes") == 1 and now["judge_divergence"] > 0
    if one_of_several and (late or any(row["judge_modes"] > 1 for row in before)):
        found.append("the judge sees one class alone in all samples. The generator has collapsed to it.")
    return found


class MayCollapse(Task):
    """A task of a generator, whose evaluations tell `spread` or what a judge sees."""

    def warnings(self, rows: Sequence[Mapping[str, Any]], steps: int) -> list[str]:
        return collapse_warnings(rows, steps)
