"""Few labels: what a deep belief network has learned without any is worth some."""

from __future__ import annotations

import statistics

import pytest

from neurarium.recipes.find import fill, find
from neurarium.train.data import Shard
from neurarium.train.hardware import FastPath
from neurarium.train.settings import Settings
from neurarium.train.training import build
from tests.recipes import greedy_pretraining


@pytest.mark.catalogue("deep-belief-network")
def test_pretrained_perceptrons_need_fewer_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty labelled digits of eight by eight pixels, three draws: the three arms differ in where they begin alone."""
    knobs = {"epochs": 60.0, "hidden": (128, 64), "binarisation": "threshold"}
    recipe = fill(find("deep-belief-network"), knobs)
    data = recipe.open_data()
    training = build(recipe, data, Settings(threads=1), FastPath("cpu"), Shard())
    for _ in range(recipe.num_steps(data.spec)):
        training.task.step(training.stream, training.steppers)
    learned = training.task.eval()
    monkeypatch.setattr(greedy_pretraining, "RATES", (3e-3,))
    monkeypatch.setattr(greedy_pretraining, "STEPS", 200)
    found = greedy_pretraining.measure("digits", 2, 3, learned)
    pretrained, sigmoid, relu = (statistics.fmean(found[arm]) for arm in greedy_pretraining.ARMS)
    assert pretrained > 0.65
    assert pretrained > max(sigmoid, relu) + 0.02
    assert min(sigmoid, relu) > 0.5, "those that begin at random learn too"
