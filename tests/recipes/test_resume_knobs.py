"""Resume bit for bit with knobs that no recipe's `tiny` sets, and with what a run keeps besides its weights.

A run that was stopped in the middle of what its knob does must end as the one that was not. Where a checkpoint holds
something for the knob, a run that goes on with another value of it must not: else the comparison would prove nothing.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from neurarium.runs.run import Run
from neurarium.train import checkpoint, launch
from neurarium.train.fit import Interrupted
from tests.recipes.comparing import difference
from tests.recipes.test_every_recipe import Quiet, stop_at, tiny, train

RING: dict[str, Any] = {"steps": 6, "batch_size": 16}
CRITIC: dict[str, Any] = {**RING, "game": "wasserstein", "discriminator_steps": 5}
KNOBS: dict[str, tuple[str, dict[str, Any], dict[str, Any], tuple[str, ...]]] = {
    "five critic updates in parts, penalty, mean of weights, history": (
        "gan-ring",
        {**CRITIC, "bound": "penalty", "ema": 0.9, "history": 0.1},
        {"micro_batches": 3},
        (
            "stepper.generator.average.generator",
            "stepper.generator.history.generator",
            "stepper.discriminator.history.discriminator",
        ),
    ),
    "five critic updates of clipped weights, then three of the generator": (
        "gan-ring",
        {**CRITIC, "bound": "clip", "generator_steps": 3},
        {},
        ("stepper.discriminator.optimizer.discriminator",),
    ),
    "spectral norm, matched features": (
        "gan-ring",
        {**RING, "game": "hinge", "bound": "spectral", "match": True},
        {},
        ("task.discriminator.*.u",),
    ),
    "minibatch discrimination on a grid, equal-weight mean": (
        "gan-ring",
        {**RING, "game": "smoothed", "data": "grid", "num_kernels": 4},
        {"swa": 0.25},
        ("stepper.generator.average.generator",),
    ),
    "labels for the discriminator alone": ("ac-gan", {**RING, "told": False}, {}, ()),
    "growth, stopped while layers are faded in": (
        "progressive-gan",
        {**RING, "steps": 8, "phase_steps": 3, "ema": 0.9},
        {},
        ("task.clock", "stepper.generator.average.generator"),
    ),
    "persistent chains": (
        "rbm",
        {"chains": "persistent", "num_chains": 7, "gibbs_steps": 2},
        {},
        ("task.chains", "rank0.random.torch"),
    ),
    "chains from data that are drawn anew": (
        "rbm",
        {"chains": "data", "binarisation": "dynamic"},
        {},
        ("rank0.random.torch",),
    ),
    "a stack of machines, drawn anew": ("deep-belief-network", {"epochs": 0.8, "binarisation": "dynamic"}, {}, ()),
    "pixels drawn anew": ("vae", {"binarisation": "dynamic", "beta": 2.0}, {}, ("rank0.random.torch",)),
    "Gaussian pixels, convolutions": ("vae", {"binarisation": "none", "form": "conv", "hidden": (4, 8)}, {}, ()),
    "Gaussian pixels of codes": ("vq-vae", {"binarisation": "none"}, {}, ()),
    "pixels set to black": ("denoising-autoencoder", {"noise": "masking"}, {}, ("rank0.random.torch",)),
    "pixels set to black or white": ("denoising-autoencoder", {"noise": "salt-and-pepper"}, {}, ()),
    "price on units that are seldom at rest": ("sparse-autoencoder", {"kind": "kl"}, {}, ()),
}
"""What is tried: recipe, knobs, settings, and entries of a checkpoint on which the rest of the run depends."""

STOP = 4
"""Step after which a run is stopped; of phases of three steps the second, in which layers are faded in."""


def spoil(run: Run, kept: str) -> None:
    """Another value in the last checkpoint of what is named so, from beginning to the end that may follow a star."""
    last = run.last_checkpoint()
    assert last is not None
    state = checkpoint.load(last)
    begin, _, end = kept.partition("*")
    names = [name for name in state if name.startswith(begin) and name.endswith(end) and not name.endswith(".step")]
    assert names, f"{kept} is not among {sorted(state)}"
    for name in names:
        value = torch.as_tensor(state[name])
        if name == "rank0.random.torch":
            state[name] = torch.Generator().manual_seed(99).get_state()
        elif value.is_floating_point():
            state[name] = value.roll(1) + 0.1 * torch.ones_like(value)
        else:
            state[name] = int(value) + 3 if not isinstance(state[name], torch.Tensor) else value + 3
    checkpoint.save(last, state)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("case", KNOBS)
def test_stopped_run_ends_as_one_that_was_not(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, knobs, settings, kept = KNOBS[case]
    recipe, settings = tiny(name, **knobs), {**settings, "evaluations": 1}
    kind = type(recipe.task(recipe.open_data().spec))
    monkeypatch.setattr(kind, "pictures", lambda self, batches: {})
    whole = train(recipe, tmp_path / "whole", **settings)
    with monkeypatch.context() as patch:
        stop_at(STOP, kind, patch)
        with pytest.raises(Interrupted):
            train(recipe, tmp_path / "cut", **settings)
    run = Run.open("last", tmp_path / "cut")
    others = [Run.open(shutil.copytree(run.path, tmp_path / f"spoilt{i}" / run.name)) for i in range(len(kept))]
    launch.resume(run, recipe, Quiet())
    assert difference(whole, Run.open(run.path)) == ""
    for entry, other in zip(kept, others, strict=True):
        spoil(other, entry)
        launch.resume(other, recipe, Quiet())
        assert difference(whole, Run.open(other.path)) != "", f"nothing depends on {entry}"
