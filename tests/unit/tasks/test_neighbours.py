"""Measures by nearest neighbours against loops over pairs and what theory expects."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from neurarium.tasks.neighbours import copied_share, density_coverage, nearest_training, precision_recall, radii


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def balls(items: list[list[float]], k: int) -> list[float]:
    return [sorted(math.dist(a, b) for b in items)[k] for a in items]


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_recall_density_and_coverage_by_loops_over_pairs(k: int) -> None:
    real, fake = normal(40, 3), 0.9 * normal(55, 3, seed=1) + 0.8
    x, y = real.tolist(), fake.tolist()
    reach, other = balls(x, k), balls(y, k)
    np.testing.assert_allclose(radii(real, k), reach)
    inside = [[math.dist(a, b) <= r for b, r in zip(x, reach, strict=True)] for a in y]
    found = precision_recall(real, fake, k=k) | density_coverage(real, fake, k=k)
    assert found["precision"] == pytest.approx(sum(map(any, inside)) / 55)
    recall = sum(any(math.dist(a, b) <= r for b, r in zip(y, other, strict=True)) for a in x) / 40
    assert found["recall"] == pytest.approx(recall)
    assert found["density"] == pytest.approx(sum(map(sum, inside)) / (k * 55))
    assert found["coverage"] == pytest.approx(
        sum(any(math.dist(a, b) <= r for b in y) for a, r in zip(x, reach, strict=True)) / 40
    )
    assert 0 < found["recall"] < 1
    assert 0 < found["precision"] < 1


def test_the_same_set_is_perfect_and_a_set_far_away_is_nothing() -> None:
    real = normal(50, 4)
    assert precision_recall(real, real) == {"precision": 1, "recall": 1}
    assert density_coverage(real, real)["coverage"] == 1
    assert precision_recall(real, real + 100) == {"precision": 0, "recall": 0}
    assert density_coverage(real, real + 100) == {"density": 0, "coverage": 0}
    twice = real[:5].repeat(10, 1)
    assert precision_recall(twice, twice)["precision"] == 1, "balls of no size hold what they are around"
    with pytest.raises(ValueError, match=r"at least 6 items, received 5 real"):
        density_coverage(real[:5], real)


def test_collapse_costs_recall_and_noise_costs_precision() -> None:
    real = torch.cat([normal(100, 2), normal(100, 2, seed=1) + 20])
    one_mode = normal(200, 2, seed=2)
    found = precision_recall(real, one_mode)
    assert found["precision"] > 0.9
    assert found["recall"] < 0.5
    spread = 40 * torch.rand(200, 2, generator=torch.Generator().manual_seed(0)).double() - 10
    found = precision_recall(real, spread)
    assert found["precision"] < 0.4
    assert found["recall"] > 0.9
    assert density_coverage(real, one_mode)["coverage"] < 0.5


def test_density_and_coverage_of_a_perfect_generator() -> None:
    """1, and 1 - prod_{i=1..k} (N - i) / (N + M - i), on average over draws; Naeem et al. 2020."""
    n, m, k = 300, 200, 5
    draws = [density_coverage(normal(n, 2, seed=2 * s), normal(m, 2, seed=2 * s + 1), k=k) for s in range(30)]
    expected = 1 - math.prod((n - i) / (n + m - i) for i in range(1, k + 1))
    coverage = [draw["coverage"] for draw in draws]
    assert np.mean([draw["density"] for draw in draws]) == pytest.approx(1, abs=0.03)
    assert np.mean(coverage) == pytest.approx(expected, abs=4 * np.std(coverage) / math.sqrt(30))
    assert expected == pytest.approx(0.923, abs=0.001)


def test_nearest_training_items_by_loops() -> None:
    items, training = normal(20, 3), normal(70, 3, seed=1)
    found = nearest_training(items, training, k=2)
    for row, item in enumerate(items.tolist()):
        distances = [math.dist(item, other) for other in training.tolist()]
        order = sorted(range(70), key=distances.__getitem__)[:2]
        assert found.numbers[row].tolist() == order
        assert found.distances[row].tolist() == pytest.approx([distances[n] for n in order])


def test_copies_of_the_training_set_are_found() -> None:
    training, held_out = normal(300, 4), normal(400, 4, seed=1)
    assert copied_share(training[:50], training, held_out) == 1
    assert copied_share(training[:50] + 1e-3, training, held_out) == 1
    fresh = copied_share(normal(2000, 4, seed=2), training, held_out, level=0.05)
    assert fresh == pytest.approx(0.05, abs=0.03)
    assert copied_share(normal(50, 4) + 30, training, held_out) == 0
    half = torch.cat([training[:100], normal(100, 4, seed=3) + 30])
    assert copied_share(half, training, held_out) == 0.5
    with pytest.raises(ValueError, match=r"level 0.01 of 50 held-out items"):
        copied_share(training, training, held_out[:50])
