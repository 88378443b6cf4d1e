"""How far apart are two sets of items, one real and one generated: as distributions, in spectra, in classes.

Features are (N, F) tensors: pixels, what a trained classifier's last layer reads (`embed`), what an Inception network
gives. They are an argument because every number here depends on them: state which they were, and how many items.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurarium.tasks.neighbours import check, distances

MOST = 5000
"""Items of which an exact transport is computed; its time grows with their cube."""


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """Squared 2-Wasserstein distance of the Gaussians with the means and covariances of features (N, F) and (M, F).

    |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)); Dowson, Landau 1982; with Inception's features the FID of Heusel et al.
    2017. In float64. It is biased upwards for few items, so that only equal numbers of them compare. Raises ValueError
    for fewer than two items, or features of different sizes.
    """
    check(real, fake, least=2)
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
    check(one, two, least=1)
    if len(one) != len(two) or (one.shape[1] > 1 and len(one) > MOST):
        raise ValueError(
            f"Expected two sets of as many items, {MOST:,} at most in more than one dimension; received {len(one)} and "
            f"{len(two)}. Take fewer of the larger."
        )
    if one.shape[1] == 1:
        costs: Any = (one.sort(0).values - two.sort(0).values).abs().numpy() ** p
        return float(costs.mean() ** (1 / p))
    costs = distances(one, two).numpy() ** p
    return float(np.mean(costs[linear_sum_assignment(costs)]) ** (1 / p))


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
