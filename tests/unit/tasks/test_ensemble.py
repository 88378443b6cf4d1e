"""Averages of several networks: the identity, and what it gains on real data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from neurarium import api
from neurarium.data.sources import open_labelled
from neurarium.train.recipe import UserError

pytestmark = pytest.mark.usefixtures("undrawn")

QUIET: dict[str, Any] = {"threads": 1, "precision": "float32", "compile": "off"}


@pytest.mark.catalogue("model-averaging")
def test_the_average_errs_less_than_its_members_do_on_average_by_their_spread(tmp_path: Path) -> None:
    told: dict[str, Any] = {"data": "diabetes", "epochs": 60.0, "hidden": (32,), "runs": str(tmp_path)} | QUIET
    runs = [api.train("mlp", seed=seed, **told) for seed in range(4)]
    together = api.ensemble(*runs)
    data: Any = open_labelled("diabetes", batch_size=8)
    x, y = data.items("test")
    target = data.spec.fitted["target"]
    truth = y * target["std"] + target["mean"]
    members: list[Any] = [run.load() for run in runs]
    each = torch.stack([member.predict(x) for member in members])
    average = (together.predict(x) - truth).square()
    mean_error = (each - truth).square().mean(0)
    assert (average <= mean_error + 1e-2).all()  # for every item
    torch.testing.assert_close(average, mean_error - together.spread(x).square(), rtol=1e-3, atol=1e-1)
    assert average.mean() < mean_error.mean() - 1


@pytest.mark.catalogue("model-averaging")
def test_probabilities_of_classes_are_averaged(tmp_path: Path) -> None:
    told: dict[str, Any] = {"epochs": 3.0, "hidden": (16,), "runs": str(tmp_path)} | QUIET
    runs = [api.train("mlp", seed=seed, **told) for seed in range(4)]
    together = api.ensemble(*[run.path for run in runs])
    data: Any = open_labelled("digits", batch_size=8)
    x, y = data.items("test")
    chances = together.probabilities(x)
    torch.testing.assert_close(chances.sum(1), torch.ones(len(x)))
    accuracy = float((together.predict(x) == y).float().mean())
    assert accuracy > sum(run.test["accuracy"] for run in runs) / 4
    assert (together.spread(x) >= 0).all()


def test_what_cannot_be_averaged(tmp_path: Path) -> None:
    told: dict[str, Any] = {"epochs": 1.0, "hidden": (4,), "runs": str(tmp_path)} | QUIET
    digits, moons = api.train("mlp", **told), api.train("mlp", data="moons", **told)
    with pytest.raises(UserError, match="at least two"):
        api.ensemble(digits)
    with pytest.raises(UserError, match="same classes"):
        api.ensemble(digits, moons)
    gan = api.train("gan-ring", steps=2, runs=str(tmp_path), **QUIET)
    with pytest.raises(UserError, match="received Adversarial"):
        api.ensemble(gan, gan)
