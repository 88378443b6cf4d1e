"""What lies near? Measures of generated items by their nearest neighbours among the real ones, in features (N, F)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

CHUNK = 1000
"""Items whose distances to all others are held at a time."""


def precision_recall(real: Tensor, fake: Tensor, *, k: int = 3) -> dict[str, float]:
    """Kynkaanniemi et al. 2019: precision is the share of generated items within the manifold of real ones,
    recall the share of real items within that of generated ones. The manifold of a set is the union of balls around its
    items which reach to the k-th nearest other item of the set. Raises ValueError for sets of k items or fewer.
    """
    check(real, fake, least=k + 1)
    return {
        "precision": float(_hits(fake, real, radii(real, k)).gt(0).double().mean()),
        "recall": float(_hits(real, fake, radii(fake, k)).gt(0).double().mean()),
    }


def density_coverage(real: Tensor, fake: Tensor, *, k: int = 5) -> dict[str, float]:
    """Naeem et al. 2020: density is the number of real items' balls that a generated item lies in, over k, on average;
    it may exceed 1. Coverage is the share of real items with a generated one in their ball. Both have balls around real
    items alone, so that one stray generated item does not count for many. Where generated items are as the real ones,
    density is 1 on average and coverage 1 - prod_{i=1..k} (N - i) / (N + M - i). Raises ValueError as above.
    """
    check(real, fake, least=k + 1)
    reach = radii(real, k)
    inside = _hits(fake, real, reach)
    nearest = torch.cat([distances(part, fake.double()).amin(1) for part in real.double().split(CHUNK)])
    return {"density": float(inside.double().mean()) / k, "coverage": float((nearest <= reach).double().mean())}


def radii(items: Tensor, k: int) -> Tensor:
    """Distance (N,) of each of the items (N, F) to its k-th nearest other one."""
    items = items.double()
    found = [distances(part, items).kthvalue(k + 1, dim=1).values for part in items.split(CHUNK)]
    return torch.cat(found)  # the first is the item itself, at 0


def _hits(items: Tensor, centres: Tensor, reach: Tensor) -> Tensor:
    """In how many balls each of the items (N, F) lies, (N,)."""
    centres = centres.double()
    return torch.cat([(distances(part, centres) <= reach).sum(1) for part in items.double().split(CHUNK)])


@dataclass(frozen=True)
class Neighbours:
    """numbers (N, k) int64 of the nearest training items, the nearest first, and their distances (N, k)."""

    numbers: Tensor
    distances: Tensor


def nearest_training(items: Tensor, training: Tensor, *, k: int = 1) -> Neighbours:
    """Which training items are most like each item: what to look at before samples are called new. Both (N, F)."""
    check(training, items, least=k)
    training = training.double()
    found = [distances(part, training).topk(k, largest=False) for part in items.double().split(CHUNK)]
    return Neighbours(torch.cat([f.indices for f in found]), torch.cat([f.values for f in found]))


def copied_share(fake: Tensor, training: Tensor, held_out: Tensor, *, level: float = 0.01) -> float:
    """Share of generated items that lie nearer to a training item than all but `level` of the held-out items do.

    About `level` for a perfect generator, 1 for one that repeats what it was trained on; far below it for one whose
    items are unlike any. Raises ValueError for a level outside 0..1, or too few held-out items for it.
    """
    if not 0 < level < 1 or len(held_out) * level < 1:
        raise ValueError(
            f"The level {level} of {len(held_out)} held-out items is less than one item or not within 0..1. "
            "Give more of them, or a higher level."
        )
    usual = nearest_training(held_out, training).distances[:, 0]
    limit = usual.quantile(level)
    return float((nearest_training(fake, training).distances[:, 0] < limit).double().mean())


def distances(items: Tensor, others: Tensor) -> Tensor:
    """(N, M), without the product of matrices that makes equal items differ by rounding."""
    return torch.cdist(items, others, compute_mode="donot_use_mm_for_euclid_dist")


def check(real: Tensor, fake: Tensor, *, least: int) -> None:
    """Raises ValueError unless both are features of one size, and of so many items."""
    if real.dim() != 2 or fake.dim() != 2 or real.shape[1] != fake.shape[1] or min(len(real), len(fake)) < 1:
        raise ValueError(
            f"Expected features of shape (N, F) and (M, F), received {tuple(real.shape)} and {tuple(fake.shape)}."
        )
    if len(real) < least or (least > 1 and len(fake) < least):
        raise ValueError(f"Expected at least {least} items, received {len(real)} real and {len(fake)} generated.")
