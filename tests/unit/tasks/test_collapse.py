"""Collapse is told once, and never of what is only young."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from torch import Tensor

from neurarium import api
from neurarium.networks.dcgan import DCGANGenerator
from neurarium.recipes.dcgan import DCGAN
from neurarium.recipes.gan_ring import GANRing
from neurarium.runs.run import Run
from neurarium.tasks.adversarial import Adversarial
from neurarium.tasks.collapse import LEAST, collapse_warnings, spread
from neurarium.tasks.image_measures import ImageMeasures
from neurarium.tasks.modes import ModesReached
from neurarium.train import launch
from neurarium.train.fit import Interrupted
from neurarium.train.settings import Settings
from tests.recipes.test_every_recipe import Quiet, stop_at
from tests.undrawn import undrawn

FIXED: dict[str, Any] = {"threads": 1, "precision": "float32", "compile": "off"}
SAME = "samples are nearly all the same"


def test_spread_is_the_share_of_the_mean_squared_distance_of_pairs() -> None:
    random = np.random.default_rng(0)
    real, fake = random.normal(size=(40, 3, 2)), 0.3 * random.normal(size=(25, 3, 2)) + 7
    expected = np.mean(pdist(fake.reshape(25, 6)) ** 2) / np.mean(pdist(real.reshape(40, 6)) ** 2)
    assert spread(torch.from_numpy(real), torch.from_numpy(fake)) == pytest.approx(expected)
    assert spread(torch.from_numpy(real), torch.ones(9, 3, 2)) == 0
    assert spread(torch.ones(9, 2), torch.zeros(9, 2)) == 1


@pytest.mark.catalogue("mode-collapse")
def test_what_spread_is_of_points_that_collapse() -> None:
    """The figures that LEAST rests on; in closed form for eight modes at radius 2 with deviation 0.05."""
    torch.manual_seed(0)
    angle = torch.arange(8) * torch.pi / 4
    centers = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    ring, noise = centers.repeat(250, 1) + 0.05 * torch.randn(2000, 2), 0.05 * torch.randn(2000, 2)
    judge = ModesReached(centers.tolist(), 0.05)
    assert judge(ring, ring, None)["spread"] == 1
    assert judge(ring, centers[0] + noise, None)["spread"] == pytest.approx(0.005 / 4.005, rel=0.1)
    two = judge(ring, centers[:2].repeat(1000, 1) + noise, None)["spread"]
    assert two == pytest.approx((4 * np.sin(np.pi / 8) ** 2 + 0.005) / 4.005, rel=0.05)


def test_images_that_are_all_one_have_no_spread() -> None:
    torch.manual_seed(0)
    real = torch.rand(30, 1, 8, 8)
    assert ImageMeasures()(real, real[:1].expand(20, -1, -1, -1), None)["spread"] == 0
    assert ImageMeasures()(real, real.flip(0), None)["spread"] == pytest.approx(1)


def rows(*spreads: float, **more: Any) -> list[dict[str, Any]]:
    return [{"step": i, "spread": value, **more} for i, value in enumerate(spreads, start=1)]


@pytest.mark.parametrize(
    ("spreads", "warned"),
    [
        ((0.0,), False),
        ((0.0, 0.01, 0.02), False),  # young
        ((0.0, 0.01, 0.3, 0.8), False),
        ((0.0, 0.09, 0.04), False),  # never varied
        ((0.0, 0.12, 0.04), True),  # did, and no more
        ((0.0, 0.5, 0.06), False),
        ((0.0,) * 7, False),
        ((0.0,) * 8, True),  # from three quarters of ten steps on
        ((0.0,) * 9 + (0.06,), False),
        ((0.0,) * 9 + (float("nan"),), False),
    ],
)
def test_collapse_is_a_fall_or_samples_that_never_varied(spreads: tuple[float, ...], warned: bool) -> None:
    found = collapse_warnings(rows(*spreads), 10)
    assert [text.startswith(SAME) for text in found] == [True] * warned


def test_a_judge_that_sees_one_class_of_several() -> None:
    def said(*modes: float, divergence: float = 2.3, steps: int = 10) -> list[str]:
        given = [{"step": i, "judge_modes": m, "judge_divergence": divergence} for i, m in enumerate(modes, start=1)]
        return collapse_warnings(given, steps)

    assert said(1.0, 1.0) == []
    assert said(1.0, 2.0) == []
    assert "one class alone" in said(1.0, 2.0, 1.0)[0]
    assert "one class alone" in said(1.0, 1.0, steps=2)[0]
    assert said(1.0, 1.0, steps=2, divergence=0.0) == []  # there is only one
    assert collapse_warnings([{"step": 10}], 10) == []


def one_image(self: DCGANGenerator, z: Tensor, *told: Tensor) -> Tensor:
    """The same for every z."""
    made: Tensor = _forward(self, z * 0, *told)
    return made


_forward = DCGANGenerator.forward


def said(screen: Quiet) -> list[str]:
    return [text for text in screen.said if text.startswith("Warning")]


@pytest.mark.catalogue("mode-collapse")
def test_a_generator_of_one_image_is_told_once_and_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DCGANGenerator, "forward", one_image)
    screen = Quiet()
    with undrawn(reports=True):
        trained = api.train(
            "dcgan", data="digits", steps=8, width=4, batch_size=16, evaluations=8, runs=str(tmp_path),
            screen=screen, **FIXED,
        )  # fmt: skip
    (text,) = said(screen)
    assert text.startswith(f"Warning at step 6: {SAME}")
    assert [row["spread"] for row in trained.run.rows("validation")] == pytest.approx([0.0] * 8, abs=1e-9)
    ((kept, step),) = Run.open(trained.path).header["warnings"].items()
    assert text == f"Warning at step {step}: {kept}"
    assert f"Step 6: {SAME}" in trained.report.read_text()
    assert trained.run.header["stopped"] == ""


def test_a_resumed_run_remembers_the_warning_and_what_it_rests_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Samples that vary before the stop and no more after it; a second stop comes after the warning."""
    spreads = iter([0.2, 0.2, 0.01, 0.01, 0.01, 0.01, 0.01])

    def evaluate(self: Adversarial, batches: Any) -> dict[str, float]:
        return {"quality": 0.0, "spread": next(spreads), "items": 1.0}

    monkeypatch.setattr(Adversarial, "evaluate", evaluate)
    recipe, screens = GANRing(steps=6, batch_size=8), [Quiet() for _ in range(3)]
    with monkeypatch.context() as patch:
        stop_at(2, Adversarial, patch)
        with pytest.raises(Interrupted):
            launch.train(recipe, Settings(evaluations=6, runs=str(tmp_path), **FIXED), screens[0])
    with monkeypatch.context() as patch:
        stop_at(2, Adversarial, patch)
        with pytest.raises(Interrupted):
            launch.resume(Run.open("last", tmp_path), recipe, screens[1])
    launch.resume(Run.open("last", tmp_path), recipe, screens[2])
    assert [len(said(screen)) for screen in screens] == [0, 1, 0]
    (step,) = Run.open("last", tmp_path).header["warnings"].values()
    assert step == 3


def test_two_hundred_steps_on_digits_are_not_called_collapsed(tmp_path: Path) -> None:
    screen = Quiet()
    recipe = DCGAN(data="digits", steps=200, width=16, latent_size=50)
    with undrawn():
        run = launch.train(recipe, Settings(runs=str(tmp_path), **FIXED), screen)
    assert said(screen) == []
    assert "warnings" not in run.header
    measured = [row["spread"] for row in run.rows("validation")]
    assert measured[0] < LEAST < 2 * LEAST < measured[-1]  # young at first, which is not collapse
