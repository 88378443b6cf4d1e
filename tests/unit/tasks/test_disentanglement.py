"""Measures of disentanglement on codes whose worth is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from neurarium.tasks.disentanglement import _pairs, factor_score, mutual_information, mutual_information_gap

SIZES = (3, 4, 8, 5)
FACTORS = np.array(list(itertools.product(*map(range, SIZES))))  # 480 items, every combination once
RANDOM = np.random.default_rng(0)


@pytest.mark.catalogue("disentanglement")
def test_codes_that_are_the_factors_score_one_and_noise_scores_chance() -> None:
    scales = np.array([0.01, 5.0, -1.0, 30.0])
    own = FACTORS[:, [2, 0, 3, 1]] * scales  # in any order, on any scale
    assert factor_score(own, FACTORS) == 1.0
    assert mutual_information_gap(own, FACTORS) == pytest.approx(1.0)
    noise = RANDOM.normal(size=(20 * len(FACTORS), 6))
    many = np.tile(FACTORS, (20, 1))
    assert factor_score(noise, many) == pytest.approx(1 / len(SIZES), abs=0.06)  # 500 votes: three deviations
    assert mutual_information_gap(noise, many) < 0.01


@pytest.mark.catalogue("disentanglement")
def test_codes_that_mix_the_factors_score_less() -> None:
    turned = np.kron([[1, 1], [1, -1]], [[1, 1], [1, -1]]) / 2  # each number tells of all factors alike
    mixed = (FACTORS / np.array(SIZES)) @ turned
    assert mutual_information_gap(mixed, FACTORS) < 0.2
    twice = np.concatenate([FACTORS, FACTORS], 1)
    assert mutual_information_gap(twice, FACTORS) == pytest.approx(0.0, abs=1e-9)  # two numbers tell the same
    assert factor_score(twice, FACTORS) == 1.0  # which the linear classifier does not mind
    one = FACTORS[:, :1].astype(float)
    assert mutual_information_gap(one, FACTORS) == pytest.approx(1 / 4)  # one factor of four is told
    assert factor_score(one, FACTORS) < 0.6


def test_mutual_information_is_that_of_counts() -> None:
    codes = RANDOM.normal(size=(len(FACTORS), 3)) + FACTORS[:, :3]
    found = mutual_information(codes, FACTORS, bins=7)
    for j, k in itertools.product(range(3), range(4)):
        cells = np.digitize(codes[:, j], np.linspace(codes[:, j].min(), codes[:, j].max(), 8)[1:-1])
        assert found[j, k] == pytest.approx(mutual_info_score(cells, FACTORS[:, k]) / math.log(SIZES[k]), abs=1e-9)
    constant = np.zeros((len(FACTORS), 1))
    assert mutual_information(constant, FACTORS).max() == pytest.approx(0, abs=1e-12)
    assert mutual_information(codes, np.zeros((len(FACTORS), 1), dtype=int)).tolist() == [[0.0]] * 3


def test_pairs_agree_in_their_factor_and_in_nothing_else() -> None:
    values = np.array([4, 1, 1, 9, 4, 4])
    one, other = _pairs(values, 60_000, np.random.default_rng(0))
    assert np.array_equal(values[one], values[other])
    shares = np.bincount(one * 6 + other, minlength=36).reshape(6, 6) / len(one)
    same = values[:, None] == values
    assert shares == pytest.approx(same / same.sum(1, keepdims=True) / 6, abs=0.005)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"received \(4, 2\) and \(5, 2\) int64"):
        factor_score(np.zeros((4, 2)), np.zeros((5, 2), dtype=np.int64))
    with pytest.raises(ValueError, match=r"whole numbers, received \(4, 2\) and \(4, 2\) float64"):
        mutual_information_gap(np.zeros((4, 2)), np.zeros((4, 2)))
