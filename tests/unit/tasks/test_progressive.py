"""The game that grows, against the paper's losses by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from neurarium.recipes.progressive_gan import Progressive
from neurarium.runs.run import Run
from neurarium.train import launch
from neurarium.train.batches import Labelled
from neurarium.train.data import Spec
from neurarium.train.recipe import UserError
from neurarium.train.settings import Settings
from neurarium.train.stepper import Stepper
from tests.recipes.comparing import difference
from tests.recipes.test_every_recipe import Quiet, stop_at


def system(phase_steps: int = 4, side: int = 16, **knobs: Any) -> Any:
    torch.manual_seed(0)
    recipe = Progressive(width=3, latent_size=4, phase_steps=phase_steps, steps=10_000, **knobs)
    return recipe.task(Spec(shape=(1, side, side), sizes={"train": 6}, classes=("a", "b")))


def batch(items: int = 6, side: int = 16) -> Labelled:
    x = torch.randint(0, 256, (items, 1, side, side), generator=torch.Generator().manual_seed(2))
    return Labelled(x.to(torch.uint8), torch.zeros(items, dtype=torch.int64))


@pytest.mark.catalogue("progressive-gan")
def test_resolution_grows_by_the_clock() -> None:
    """4 x 4, then each doubling is faded in for as many steps as it is learned; alpha rises in a straight line to 1."""
    task = system(phase_steps=4, side=16)
    found = []
    for step in range(24):
        task.clock.fill_(step)
        task.grow()
        assert torch.equal(task.generator.stage, task.discriminator.stage)
        assert torch.equal(task.generator.alpha, task.discriminator.alpha)
        found.append((int(task.generator.stage), float(task.generator.alpha)))
    rising = [0.25, 0.5, 0.75, 1.0]
    stable = [1.0] * 4
    expected = [(0, a) for a in stable]
    for stage in (1, 2):
        expected += [(stage, a) for a in (*rising, *stable)]
    assert found == [*expected, *[(2, 1.0)] * 4]
    assert task.clock.dtype == torch.int64
    assert {"clock", "generator.stage", "generator.alpha"} <= task.state_dict().keys()


@pytest.mark.catalogue("progressive-gan")
def test_losses_are_those_of_the_paper() -> None:
    """WGAN-GP with a drift of 0.001 D(x)^2, on real images mixed as the generator's are, here a quarter faded in."""
    task = system()
    task.clock.fill_(4)
    task.grow()
    images = batch()
    torch.manual_seed(3)
    judged, fooled = task.discriminator_loss(images), task.generator_loss(images)
    torch.manual_seed(3)
    whole = images.x / 127.5 - 1
    fine = F.avg_pool2d(whole, 2)
    coarse = F.interpolate(F.avg_pool2d(fine, 2), scale_factor=2, mode="nearest")
    real = 0.25 * fine + 0.75 * coarse
    fake = task.generator(torch.randn(6, 4)).detach()
    D = task.discriminator
    share = torch.rand(6, 1, 1, 1)
    between = (share * real + (1 - share) * fake).requires_grad_()
    (slopes,) = torch.autograd.grad(D(between).sum(), between)
    torch.testing.assert_close(judged["discriminator_loss"].value, (D(fake) - D(real)).mean())
    norms = slopes.flatten(1).norm(dim=1)
    torch.testing.assert_close(judged["gradient_penalty"].value, 10 * (norms - 1).square().mean(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(judged["drift"].value, 0.001 * D(real).square().mean())
    torch.testing.assert_close(fooled["generator_loss"].value, -D(task.generator(torch.randn(6, 4))).mean())


@pytest.mark.catalogue("progressive-gan")
def test_real_images_are_as_blurred_as_generated_ones() -> None:
    task = system()
    images = torch.rand(2, 1, 16, 16)
    task.generator.alpha.fill_(0.0)
    half = F.avg_pool2d(images, 2)
    assert torch.equal(task.shown(images, 16), F.interpolate(half, scale_factor=2, mode="nearest"))
    task.generator.alpha.fill_(1.0)
    assert torch.equal(task.shown(images, 16), images)
    torch.testing.assert_close(task.shown(images, 4), F.avg_pool2d(images, 4))


class Again:
    """One batch without end."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Again:
        return self

    def __next__(self) -> Labelled:
        self.taken += 1
        return batch()


@pytest.mark.catalogue("progressive-gan")
def test_a_resolution_starts_where_the_smaller_one_ended() -> None:
    """In the first of many steps of fading in, samples are nearly those of before, twice as large."""
    task = system(phase_steps=1000)
    z = torch.randn(3, 4)
    task.clock.fill_(999)
    task.grow()
    before = F.interpolate(task.generator(z), scale_factor=2, mode="nearest")
    task.clock.fill_(1000)
    task.grow()
    after = task.generator(z)
    assert after.shape == (3, 1, 8, 8)
    assert float((after - before).detach().abs().max()) < 0.02
    assert not torch.equal(after, before)


def test_step_moves_the_clock_once_and_players_by_turns() -> None:
    task = system(phase_steps=2)
    players = task.steppers(lambda modules, descent: Stepper(task, modules, descent))
    assert (task.descents["generator"].ema, task.descents["discriminator"].ema) == (0.999, None)
    batches, sides = Again(), []
    for _ in range(10):
        task.step(batches, players)
        sides.append(4 * 2 ** int(task.generator.stage))
    assert (int(task.clock), batches.taken) == (10, 20)
    assert sides == [4, 4, 8, 8, 8, 8, 16, 16, 16, 16]


def test_samples_are_as_large_as_the_data_at_every_stage() -> None:
    task = system(phase_steps=1).eval()
    for clock, stage in ((0, 0), (2, 1), (4, 2)):
        task.clock.fill_(clock)
        task.grow()
        images = task.sample(3, seed=1)
        z = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            small = (task.generator(z) + 1) / 2
        assert small.shape[-1] == 4 * 2**stage
        scale = 16 // small.shape[-1]
        expected = small.repeat_interleave(scale, 2).repeat_interleave(scale, 3).clamp(0, 1)
        torch.testing.assert_close(images, expected)
        module, _ = task.deployed(batch())
        torch.testing.assert_close(module(z).detach(), expected)
    with pytest.raises(ValueError, match=r"have no classes to choose from"):
        task.sample(2, labels=[0, 1])


def test_evaluation_says_at_which_side_it_was() -> None:
    task = system().eval()
    task.measure = lambda real, fake, labels: {"shapes": float(real.shape == fake.shape)}
    with torch.no_grad():
        found = task.evaluate(iter([batch(3), batch(4)]))
    assert found["side"] == 4
    assert found["items"] == 7
    assert found["shapes"] == 1
    assert "distance" in found


@pytest.mark.catalogue("progressive-gan")
@pytest.mark.parametrize("stop", [2, 4])
def test_resume_across_a_growth_step_changes_nothing(stop: int, tmp_path: Path, monkeypatch: Any) -> None:
    """Stopped right before layers are added, and while they are faded in."""
    recipe = Progressive(data="digits", width=3, latent_size=4, phase_steps=3, steps=10, batch_size=16)
    settings = Settings(runs=str(tmp_path / "whole"), threads=1, precision="float32", compile="off")
    whole = launch.train(recipe, settings, Quiet())
    with monkeypatch.context() as patch:
        stop_at(stop + 1, type(recipe.task(recipe.open_data().spec)), patch)
        with pytest.raises(Exception, match=r"neurarium resume"):
            launch.train(recipe, replace(settings, runs=str(tmp_path / "cut")), Quiet())
    run = Run.open("last", tmp_path / "cut")
    launch.resume(run, recipe, Quiet())
    assert difference(whole, Run.open(run.path)) == ""


def test_what_would_never_grow_up_is_refused() -> None:
    with pytest.raises(UserError, match=r"--steps 40 end before images of 32 x 32 .* Choose more than 60 steps"):
        Progressive(steps=40, phase_steps=10).task(Spec(shape=(1, 28, 28)))
    with pytest.raises(UserError, match=r"--phase-steps must be at least 1, received 0"):
        system(phase_steps=0)
