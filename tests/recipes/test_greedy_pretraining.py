"""Few labels: what a deep belief network has learned without any is worth some."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from neurarium.recipes.find import fill, find
from neurarium.train import launch
from neurarium.train.settings import Settings
from tests.recipes import greedy_pretraining
from tests.recipes.test_every_recipe import Quiet


@pytest.mark.catalogue("deep-belief-network")
def test_pretrained_perceptrons_need_fewer_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty labelled digits of eight by eight pixels, three draws: the three arms differ in where they begin alone."""
    knobs = {"epochs": 60.0, "hidden": (128, 64), "binarisation": "threshold"}
    recipe = fill(find("deep-belief-network"), knobs)
    settings = Settings(runs=str(tmp_path), threads=1, precision="float32", compile="off", evaluations=1)
    learned = launch.load_task(launch.train(recipe, settings, Quiet()), recipe)
    monkeypatch.setattr(greedy_pretraining, "RATES", (3e-3,))
    monkeypatch.setattr(greedy_pretraining, "STEPS", 200)
    found = greedy_pretraining.measure("digits", 2, 3, learned)
    pretrained, sigmoid, relu = (statistics.fmean(found[arm]) for arm in greedy_pretraining.ARMS)
    assert pretrained > 0.65
    assert pretrained > max(sigmoid, relu) + 0.02
    assert min(sigmoid, relu) > 0.5, "those that begin at random learn too"
