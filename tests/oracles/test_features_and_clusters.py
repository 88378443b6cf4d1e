"""Features an expert designed beside learned ones, and groups found in each: scikit-learn's classifier and k-means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from neurarium import api
from neurarium.baselines.features import gradient_histograms
from neurarium.data.sources import open_labelled
from tests.undrawn import undrawn

QUIET: dict[str, Any] = {"threads": 1, "precision": "float32", "compile": "off"}


class Digits(NamedTuple):
    """Images uint8 (N, 1, 8, 8) and labels; 1,077 to train with, 450 to test, none of which a network has seen."""

    x: Tensor
    y: np.ndarray
    test_x: Tensor
    test_y: np.ndarray


class Learned(NamedTuple):
    """A small network, trained on the digits."""

    accuracy: float
    features: Callable[[Tensor], np.ndarray]
    """The 64 numbers before its last layer."""


@pytest.fixture(scope="module")
def digits() -> Digits:
    data = open_labelled("digits", batch_size=64)
    (x, y), (test_x, test_y) = data.items("train"), data.items("test")  # type: ignore[attr-defined]
    return Digits(x, y.numpy(), test_x, test_y.numpy())


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> list[Learned]:
    """Three runs of one recipe, which differ in their seed alone."""
    runs: Path = tmp_path_factory.mktemp("runs")
    knobs: dict[str, Any] = {"data": "digits", "filters": (16,), "hidden": 64, "epochs": 40.0}
    with undrawn():
        return [learned(api.train("small-convnet", **knobs, seed=seed, runs=str(runs), **QUIET)) for seed in range(3)]


def learned(run: api.Trained) -> Learned:
    task: Any = run.load()

    @torch.no_grad()
    def features(x: Tensor) -> np.ndarray:
        maps = task.network.features(task.inputs(x)).flatten(1)
        hidden: Tensor = task.network.classifier[:2](maps)
        return hidden.numpy()

    return Learned(run.test["accuracy"], features)


def by_hand(x: Tensor) -> np.ndarray:
    return gradient_histograms(x.numpy(), cell=2)


def pixels(x: Tensor) -> np.ndarray:
    return x.flatten(1).numpy() / 255.0


def shallow(x: np.ndarray, y: np.ndarray, test_x: np.ndarray, test_y: np.ndarray) -> float:
    """Accuracy of a linear classifier, which learns on fixed features."""
    return float(LogisticRegression(max_iter=2000).fit(x, y).score(test_x, test_y))


@pytest.mark.catalogue("hand-crafted-features")
def test_on_the_task_they_were_made_for_they_stand_beside_learned_features(
    digits: Digits, networks: list[Learned]
) -> None:
    """Measured: 0.987 on histograms, 0.973 to 0.978 end to end, 0.962 on pixels. Knowing helps where data are few."""
    x, y, test_x, test_y = digits
    crafted = shallow(by_hand(x), y, by_hand(test_x), test_y)
    raw = shallow(pixels(x), y, pixels(test_x), test_y)
    assert 0.97 < crafted < 0.995
    assert crafted > raw + 0.01
    for network in networks:
        assert 0.95 < network.accuracy < 0.99
        assert abs(crafted - network.accuracy) < 0.03
        on_top = shallow(network.features(x), y, network.features(test_x), test_y)
        assert abs(on_top - network.accuracy) < 0.02


@pytest.mark.catalogue("hand-crafted-features")
def test_what_their_expert_left_out_no_classifier_gets_back(digits: Digits, networks: list[Learned]) -> None:
    """Orientations mod pi: an image and its negative are one to them. Is the ink bright or dark? Half is guessed.

    The features that networks learned on the digits, never on a negative, still tell the two apart without error. For
    digits of either ink the same blindness is an advantage: 0.987 on histograms, 0.90 to 0.94 on learned features.
    """
    x, y, test_x, test_y = digits
    np.testing.assert_allclose(by_hand(255 - x), by_hand(x), atol=1e-12)

    dark, test_dark = (np.arange(len(images)) % 2 == 0 for images in (x, test_x))
    both, test_both = x.clone(), test_x.clone()
    both[dark], test_both[test_dark] = 255 - x[dark], 255 - test_x[test_dark]
    assert shallow(by_hand(both), dark, by_hand(test_both), test_dark) < 0.55
    either = shallow(by_hand(both), y, by_hand(test_both), test_y)
    assert either > 0.97
    for network in networks:
        seen, test_seen = network.features(both), network.features(test_both)
        assert shallow(seen, dark, test_seen, test_dark) > 0.99
        assert 0.8 < shallow(seen, y, test_seen, test_y) < either - 0.02


def purity(y: np.ndarray, groups: np.ndarray) -> float:
    """Share of items whose label is the most frequent one of their group."""
    return float(sum(np.bincount(y[groups == group]).max() for group in np.unique(groups)) / len(y))


def test_purity() -> None:
    assert purity(np.array([0, 0, 1, 1, 2, 2]), np.array([5, 5, 5, 1, 1, 1])) == pytest.approx(4 / 6)


@pytest.mark.catalogue("clustering")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_k_means_groups_learned_features_better_than_codes_and_codes_as_well_as_pixels(
    digits: Digits, networks: list[Learned], seed: int
) -> None:
    """Labels judge the groups and take no part in finding them; the learned features have seen those of other images.

    Measured over three seeds: purity 0.79 on pixels, 0.78 on ten PCA codes, 0.95 on learned features; adjusted Rand
    index 0.64 to 0.65, 0.63 to 0.64 and 0.89 to 0.90.
    """
    x, _, test_x, test_y = digits
    codes = PCA(10, random_state=0).fit(pixels(x)).transform(pixels(test_x))
    seen = {"pixels": pixels(test_x), "codes": codes, "features": networks[seed].features(test_x)}
    groups = {name: KMeans(10, n_init=10, random_state=seed).fit_predict(values) for name, values in seen.items()}
    pure = {name: purity(test_y, found) for name, found in groups.items()}
    rand = {name: adjusted_rand_score(test_y, found) for name, found in groups.items()}
    assert 0.7 < pure["pixels"] < 0.85  # ten groups drawn at random reach 0.17
    assert 0.55 < rand["pixels"] < 0.72
    assert abs(pure["codes"] - pure["pixels"]) < 0.04
    assert abs(rand["codes"] - rand["pixels"]) < 0.05
    assert pure["features"] > pure["pixels"] + 0.1
    assert rand["features"] > rand["pixels"] + 0.15
