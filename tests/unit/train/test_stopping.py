"""A run that ends when a measure says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neurarium import api
from neurarium.recipes.gan_ring import GANRing
from neurarium.runs.run import Run
from neurarium.tasks.adversarial import Adversarial
from neurarium.train import launch
from neurarium.train.fit import Interrupted
from neurarium.train.recipe import UserError
from neurarium.train.settings import Settings
from neurarium.train.stopping import StopWhen
from tests.recipes.comparing import difference
from tests.recipes.test_every_recipe import Quiet, stop_at, tiny, train

QUIET: dict[str, Any] = {"threads": 1, "precision": "float32", "compile": "off"}


def test_words_become_a_condition() -> None:
    rule = StopWhen.parse("discriminator_accuracy<0.55:3")
    assert rule == StopWhen("discriminator_accuracy", True, 0.55, 3)
    assert str(rule) == "discriminator_accuracy was below 0.55 at 3 evaluations in a row"
    assert StopWhen.parse(" loss > -1e-3 ") == StopWhen("loss", False, -1e-3, 1)
    assert str(StopWhen.parse("loss>2")) == "loss was above 2"
    assert [rule.holds({"discriminator_accuracy": value}) for value in (0.5, 0.55, float("nan"))] == [
        True,
        False,
        False,
    ]
    assert [StopWhen.parse("loss>2").holds({"loss": value}) for value in (2.0, 2.5, float("nan"))] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("text", ["loss", "loss=3", "<0.5", "loss<", "loss<1e", "loss<0.5:0", "loss<0.5:x", "a b<1"])
def test_other_words_are_refused_before_anything_begins(text: str) -> None:
    with pytest.raises(UserError, match=r"--stop-when expects MEASURE<VALUE or MEASURE>VALUE.*received"):
        Settings(stop_when=text)


def accuracies(monkeypatch: pytest.MonkeyPatch, values: list[float]) -> None:
    """In place of what the discriminator would reach; what is tried before the first step is not counted."""
    given = iter([0.0, *values])

    def evaluate(self: Adversarial, batches: Any) -> dict[str, float]:
        return {"quality": 0.0, "discriminator_accuracy": next(given), "items": 1.0}

    monkeypatch.setattr(Adversarial, "evaluate", evaluate)


@pytest.mark.catalogue("gan-stopping")
def test_stops_when_the_discriminator_has_lost_three_times_in_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accuracies(monkeypatch, [0.5, 0.52, 0.6, 0.54, 0.5, 0.51, 0.5, 0.5])
    run = api.train(
        "gan-ring", steps=8, batch_size=8, evaluations=8, stop_when="discriminator_accuracy<0.55:3",
        runs=str(tmp_path), **QUIET,
    )  # fmt: skip
    header = Run.open(run.path).header
    assert header["stopped"] == "validation discriminator_accuracy was below 0.55 at 3 evaluations in a row"
    assert header["finished"] is True
    assert Run.open(run.path).rows("validation")[-1]["step"] == 6


def test_the_row_is_counted_over_an_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accuracies(monkeypatch, [0.5] * 9)
    recipe = GANRing(steps=8, batch_size=8)
    settings = Settings(evaluations=8, stop_when="discriminator_accuracy<0.55:3", runs=str(tmp_path), **QUIET)
    with monkeypatch.context() as patch:
        stop_at(2, Adversarial, patch)
        with pytest.raises(Interrupted):
            launch.train(recipe, settings, Quiet())
    run = Run.open("last", tmp_path)
    launch.resume(run, recipe, Quiet())
    assert Run.open(run.path).rows("validation")[-1]["step"] == 3


def test_a_measure_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    wanted = (
        r"--stop-when names 'discriminator_acuracy', which is none of the measures. Did you mean 'discriminator_acc"
    )
    with pytest.raises(UserError, match=wanted):
        api.train("gan-ring", steps=2, batch_size=8, stop_when="discriminator_acuracy<1", runs=str(tmp_path), **QUIET)
    assert Run.open("last", tmp_path).rows() == []  # not one step was taken


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", ["gan-ring", "dcgan", "rbm"])
def test_a_condition_that_is_never_met_changes_nothing(name: str, tmp_path: Path) -> None:
    """What is tried before the first step leaves weights, statistics, chains and generators as they were."""
    recipe = tiny(name, **({"steps": 6} if name != "rbm" else {"epochs": 0.4}))
    plain = train(recipe, tmp_path / "plain", evaluations=2)
    measure = recipe.goal.measure
    ruled = train(recipe, tmp_path / "ruled", evaluations=2, stop_when=f"{measure}<-1e9")
    assert difference(plain, ruled) == ""
