"""Does each number of a code tell of one factor? Measures against known factors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def factor_score(
    codes: ArrayLike, factors: ArrayLike, *, pairs: int = 64, points: int = 1000, held_out: int = 500, seed: int = 0
) -> float:
    """Accuracy of a linear classifier that names the factor which pairs of items share; Higgins et al. 2017, section 3.

    A point is the mean over `pairs` pairs of |z - z'|, where both items of a pair agree in one factor and are drawn
    freely besides: a number of the code that tells of this factor alone differs least. The classifier, logistic
    regression on standardised points, learns from `points` of them and is judged by `held_out` others.

    codes: (N, d). factors: (N, K) whole numbers. 1 for codes that are the factors; 1/K, chance, for noise.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    z, y = _checked(codes, factors)
    random = np.random.default_rng(seed)
    shared = random.integers(y.shape[1], size=points + held_out)
    differences = np.empty((len(shared), z.shape[1]))
    for factor in range(y.shape[1]):
        here = shared == factor
        one, other = _pairs(y[:, factor], int(here.sum()) * pairs, random)
        differences[here] = np.abs(z[one] - z[other]).reshape(-1, pairs, z.shape[1]).mean(1)
    classifier: Any = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    classifier.fit(differences[:points], shared[:points])
    return float(classifier.score(differences[points:], shared[points:]))


def mutual_information(codes: ArrayLike, factors: ArrayLike, *, bins: int = 20) -> NDArray[np.float64]:
    """I(z_j; y_k) / H(y_k), (d, K), from 0 to 1: what share of a factor each number of the code tells by itself.

    Codes are cut into `bins` of equal width between their smallest and their largest, and pairs are counted; of few
    items this finds more than there is. codes: (N, d). factors: (N, K) whole numbers.
    """
    z, y = _checked(codes, factors)
    low, high = z.min(0), z.max(0)
    cells = np.minimum((bins * (z - low) / np.where(high > low, high - low, 1)).astype(int), bins - 1)
    found = np.empty((z.shape[1], y.shape[1]))
    for k in range(y.shape[1]):
        _, values = np.unique(y[:, k], return_inverse=True)
        of_factor = _entropy(np.bincount(values))
        for j in range(z.shape[1]):
            joint = np.bincount(cells[:, j] * (values.max() + 1) + values)
            shared = _entropy(np.bincount(cells[:, j])) + of_factor - _entropy(joint)
            found[j, k] = shared / of_factor if of_factor else 0.0
    return found


def mutual_information_gap(codes: ArrayLike, factors: ArrayLike, *, bins: int = 20) -> float:
    """Mean over factors of how much more the number of the code that tells most of a factor tells than the next one;
    Chen, Li, Grosse, Duvenaud 2018, equation 6, by counts of codes in bins instead of the paper's samples of q(z | x).

    1 for codes that are independent factors, 0 where two numbers always tell the same. Arguments as of
    `mutual_information`.
    """
    found = np.sort(mutual_information(codes, factors, bins=bins), axis=0)
    second = found[-2] if len(found) > 1 else 0.0
    return float((found[-1] - second).mean())


def _pairs(values: NDArray[Any], count: int, random: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
    """Numbers of items, (count,) each: the first drawn evenly, the second from those with the same value."""
    order = np.argsort(values, kind="stable")
    _, starts, sizes = np.unique(values[order], return_index=True, return_counts=True)
    place = random.integers(len(values), size=count)
    group = np.searchsorted(starts, place, side="right") - 1
    return order[place], order[starts[group] + (random.random(count) * sizes[group]).astype(int)]


def _entropy(counts: NDArray[Any]) -> float:
    """In nats, of counts."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _checked(codes: ArrayLike, factors: ArrayLike) -> tuple[NDArray[np.float64], NDArray[Any]]:
    z, y = np.asarray(codes, dtype=np.float64), np.asarray(factors)
    if z.ndim != 2 or y.ndim != 2 or len(z) != len(y) or not np.issubdtype(y.dtype, np.integer):
        raise ValueError(
            f"Expected codes (N, d) and factors (N, K) of whole numbers, received {z.shape} and {y.shape} {y.dtype}."
        )
    return z, y
