"""The options of gan-ring: each trains, goes on bit for bit, and learns a line; those that contradict are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from neurarium.losses.adversarial import GAMES
from neurarium.recipes.gan_ring import GANRing
from neurarium.runs.run import Run
from neurarium.tasks.adversarial import Adversarial
from neurarium.train import launch
from neurarium.train.data import Shard
from neurarium.train.fit import Interrupted
from neurarium.train.hardware import FastPath
from neurarium.train.recipe import UserError
from neurarium.train.settings import Settings
from neurarium.train.training import build
from tests.recipes.comparing import difference
from tests.recipes.test_every_recipe import Quiet, stop_at, train

TINY: dict[str, Any] = {"steps": 8, "batch_size": 16}


@pytest.mark.parametrize(
    "knobs",
    [
        {"bound": "spectral", "game": "hinge", "history": 0.1},
        {"bound": "penalty", "game": "wasserstein", "discriminator_steps": 3, "data": "grid"},
        {"bound": "clip", "game": "wasserstein", "generator_steps": 2, "data": "line"},
        {"num_kernels": 4, "match": True, "game": "smoothed"},
    ],
    ids=["spectral", "penalty", "clip", "kernels"],
)
def test_options_resume_bit_for_bit(knobs: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = GANRing(**TINY, **knobs)
    whole = train(recipe, tmp_path / "whole", micro_batches=2)
    with monkeypatch.context() as patch:
        stop_at(5, Adversarial, patch)
        with pytest.raises(Interrupted):
            train(recipe, tmp_path / "cut", micro_batches=2)
    run = Run.open("last", tmp_path / "cut")
    launch.resume(run, recipe, Quiet())
    assert difference(whole, Run.open(run.path)) == ""
    assert (run.path / "pictures").exists()


@pytest.mark.catalogue("wasserstein-gan")
def test_clipped_weights_stay_within_their_bound() -> None:
    recipe = GANRing(**TINY, bound="clip", game="wasserstein", lr=0.05, discriminator_steps=5)
    training = build(recipe, recipe.open_data(), Settings(threads=1), FastPath("cpu"), Shard())
    for _ in range(3):
        training.task.step(training.stream, training.steppers)
    task: Any = training.task
    assert {name: stepper.count for name, stepper in training.steppers.items()} == {"discriminator": 15, "generator": 3}
    assert isinstance(training.steppers["discriminator"].optimizer, torch.optim.RMSprop)
    assert max(float(p.detach().abs().max()) for p in task.discriminator.parameters()) == pytest.approx(0.1)
    assert max(float(p.detach().abs().max()) for p in task.generator.parameters()) > 0.1


def test_every_game_of_the_library_is_offered() -> None:
    for game in GAMES:
        recipe = GANRing(**TINY, game=game)  # type: ignore[arg-type]
        task = recipe.task(recipe.open_data().spec)
        assert task.game is GAMES[game]


def test_a_penalty_beside_minibatch_discrimination_is_refused() -> None:
    recipe = GANRing(bound="penalty", num_kernels=4)
    with pytest.raises(UserError, match=r"--bound penalty needs a discriminator that judges each point by itself"):
        recipe.task(recipe.open_data().spec)
    with pytest.raises(UserError, match=r"--generator-steps must be at least 1"):
        GANRing(generator_steps=0)


@pytest.mark.catalogue("gan")
def test_a_gaussian_on_the_line_is_learned(tmp_path: Path) -> None:
    recipe = GANRing(data="line", std=0.5, steps=250, batch_size=128)
    run = train(recipe, tmp_path, evaluations=1)
    (row,) = run.rows("validation")
    assert row["modes"] == 2
    assert row["quality"] > 0.7
    assert row["discriminator_accuracy"] < 0.8  # it could tell the first samples in nine cases of ten and more
