"""How good are generated items? Measures of two sets of features, one real and one generated.

Features are (N, F) tensors: pixels, what a trained classifier's last layer reads (`embed`), what an Inception network
gives. They are an argument because every number here depends on them: state which they were, and how many items.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

CHUNK = 1000
"""Items whose distances to all others are held at a time."""
MOST = 5000
"""Items of which an exact transport is computed; its time grows with their cube."""


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """Squared 2-Wasserstein distance of the Gaussians with the means and covariances of features (N, F) and (M, F).

    |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)); Dowson, Landau 1982; with Inception's features the FID of Heusel et al.
    2017. In float64. It is biased upwards for few items, so that only equal numbers of them compare. Raises ValueError
    for fewer than two items, or features of different sizes.
    """
    _check(real, fake, least=2)
    real, fake = real.double(), fake.double()
    return frechet_of_gaussians(real.mean(0), covariance(real), fake.mean(0), covariance(fake))


def frechet_of_gaussians(mean: Tensor, cov: Tensor, other_mean: Tensor, other_cov: Tensor) -> float:
    """The same from means (F,) and covariances (F, F).

    The trace of the root of C C' is that of the root of C^(1/2) C' C^(1/2), which is symmetric: the sum of the roots of
    its eigenvalues, none of them negative but by rounding. Singular covariances need no offset.
    """
    values, vectors = torch.linalg.eigh(cov.double())
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    inner = torch.linalg.eigvalsh(root @ other_cov.double() @ root)
    apart = (mean - other_mean).double().square().sum()
    traces = cov.double().trace() + other_cov.double().trace()
    return max(0.0, float(apart + traces - 2 * inner.clamp(min=0).sqrt().sum()))


def covariance(features: Tensor) -> Tensor:
    """(F, F) of features (N, F), with N - 1 in the denominator."""
    centred = features - features.mean(0)
    return centred.T @ centred / (len(features) - 1)


def precision_recall(real: Tensor, fake: Tensor, *, k: int = 3) -> dict[str, float]:
    """Kynkaanniemi et al. 2019: precision is the share of generated items within the manifold of real ones,
    recall the share of real items within that of generated ones. The manifold of a set is the union of balls around its
    items which reach to the k-th nearest other item of the set. Raises ValueError for sets of k items or fewer.
    """
    _check(real, fake, least=k + 1)
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
    _check(real, fake, least=k + 1)
    reach = radii(real, k)
    inside = _hits(fake, real, reach)
    nearest = torch.cat([_distances(part, fake.double()).amin(1) for part in real.double().split(CHUNK)])
    return {"density": float(inside.double().mean()) / k, "coverage": float((nearest <= reach).double().mean())}


def radii(items: Tensor, k: int) -> Tensor:
    """Distance (N,) of each of the items (N, F) to its k-th nearest other one."""
    items = items.double()
    found = [_distances(part, items).kthvalue(k + 1, dim=1).values for part in items.split(CHUNK)]
    return torch.cat(found)  # the first is the item itself, at 0


def _hits(items: Tensor, centres: Tensor, reach: Tensor) -> Tensor:
    """In how many balls each of the items (N, F) lies, (N,)."""
    centres = centres.double()
    return torch.cat([(_distances(part, centres) <= reach).sum(1) for part in items.double().split(CHUNK)])


@dataclass(frozen=True)
class Neighbours:
    """numbers (N, k) int64 of the nearest training items, the nearest first, and their distances (N, k)."""

    numbers: Tensor
    distances: Tensor


def nearest_training(items: Tensor, training: Tensor, *, k: int = 1) -> Neighbours:
    """Which training items are most like each item: what to look at before samples are called new. Both (N, F)."""
    _check(training, items, least=k)
    training = training.double()
    found = [_distances(part, training).topk(k, largest=False) for part in items.double().split(CHUNK)]
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


def class_coverage(labels: Tensor, num_classes: int) -> dict[str, float]:
    """Of the classes (N,) int64 that a judge sees in generated items: modes, how many of the classes occur; divergence,
    KL in nats of their shares from an even one, log(num_classes) where all is of one class. Metz et al. 2017.
    """
    counts = torch.bincount(labels.flatten().cpu(), minlength=num_classes).double()
    share = counts[counts > 0] / counts.sum()
    return {"modes": float((counts > 0).sum()), "divergence": float((share * (share * num_classes).log()).sum())}


def stacked_labels(predict: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """100 a + 10 b + c (N,) of images (N, 3, H, W), whose channels a classifier of digits names one by one.

    predict: from grey images (N, 1, H, W) to classes (N,) 0..9.
    """
    if images.dim() != 4 or images.shape[1] != 3:
        raise ValueError(f"Expected stacks of shape (N, 3, H, W), received {tuple(images.shape)}.")
    hundreds, tens, ones = (predict(images[:, i : i + 1]) for i in range(3))
    return 100 * hundreds + 10 * tens + ones


def wasserstein_distance(real: Tensor, fake: Tensor, *, p: int = 1) -> float:
    """W_p of two sets of as many items each, (N, F) or (N,): (mean |x - y|^p)^(1/p) under the best pairing, exact.

    In one dimension the pairing is by rank; else it is an assignment, for up to 5,000 items. Raises ValueError for sets
    of different sizes, and for more items.
    """
    from scipy.optimize import linear_sum_assignment

    one, two = (x.double().cpu().reshape(len(x), -1) for x in (real, fake))
    _check(one, two, least=1)
    if len(one) != len(two) or (one.shape[1] > 1 and len(one) > MOST):
        raise ValueError(
            f"Expected two sets of as many items, {MOST:,} at most in more than one dimension; received {len(one)} and "
            f"{len(two)}. Take fewer of the larger."
        )
    if one.shape[1] == 1:
        costs: Any = (one.sort(0).values - two.sort(0).values).abs().numpy() ** p
        return float(costs.mean() ** (1 / p))
    distances: Any = _distances(one, two).numpy() ** p
    return float(np.mean(distances[linear_sum_assignment(distances)]) ** (1 / p))


def radial_spectrum(images: Tensor) -> Tensor:
    """Mean power (R,) of images (N, C, H, W) at each whole number of waves across the smaller side, from 0 to the
    finest chequered pattern: half as many as it has pixels, times the root of 2.

    Power is |FFT|^2 / (H W), averaged over rings of frequencies, channels and images; Durall et al. 2020. White noise
    of variance s^2 has s^2 at each. Upsampling by transposed convolution shows as peaks at high ones.
    """
    height, width = images.shape[-2:]
    power = torch.fft.fft2(images.double()).abs().square().mean((0, 1)) / (height * width)
    side = min(height, width)
    y, x = (torch.fft.fftfreq(n, device=images.device, dtype=torch.float64) * side for n in (height, width))
    ring = torch.hypot(y[:, None], x[None]).round().long().flatten()
    counts = torch.bincount(ring)
    sums = torch.zeros(len(counts), dtype=torch.float64, device=images.device)
    return sums.index_add(0, ring, power.flatten()) / counts


def spectral_distance(real: Tensor, fake: Tensor) -> float:
    """Mean difference of the spectra of images in decibels, without sign: 10 |log10 S_r - log10 S_f|, of (N, C, H, W).

    Of frequencies at which neither has power (below 1e-12) nothing is said.
    """
    one, two = (radial_spectrum(images).clamp(min=1e-12) for images in (real, fake))
    return float((10 / math.log(10) * (one.log() - two.log())).abs().mean())


def _distances(items: Tensor, others: Tensor) -> Tensor:
    """(N, M), without the product of matrices that makes equal items differ by rounding."""
    return torch.cdist(items, others, compute_mode="donot_use_mm_for_euclid_dist")


def _check(real: Tensor, fake: Tensor, *, least: int) -> None:
    if real.dim() != 2 or fake.dim() != 2 or real.shape[1] != fake.shape[1] or min(len(real), len(fake)) < 1:
        raise ValueError(
            f"Expected features of shape (N, F) and (M, F), received {tuple(real.shape)} and {tuple(fake.shape)}."
        )
    if len(real) < least or (least > 1 and len(fake) < least):
        raise ValueError(f"Expected at least {least} items, received {len(real)} real and {len(fake)} generated.")
