"""Replay some steps of a run and compare every tensor."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurarium.runs.run import Run
from neurarium.train import checkpoint, hardware
from neurarium.train.data import Shard, Spec, State
from neurarium.train.fit import Screen
from neurarium.train.hardware import FastPath
from neurarium.train.launch import from_json, open_audited
from neurarium.train.recipe import Recipe, UserError
from neurarium.train.settings import Settings
from neurarium.train.training import build

TIMED = ("seconds", "log.")
"""Entries of a checkpoint that no replay can or need repeat: the clock, and rows that were written before."""


@dataclass(frozen=True)
class Proof:
    """Steps that were replayed, and the first entry that differs ("" where all are bit-identical)."""

    first: int
    last: int
    differs: str
    compared: int


def prove(run: Run, recipe: Recipe, screen: Screen) -> Proof:
    """Replay from the checkpoint before the last one (from step 0 where there is one alone) to the last.

    Raises UserError where the run has no checkpoint or was trained by several processes.
    """
    found = run.checkpoints()
    if not found:
        raise UserError(f"{run.name} has no checkpoint to compare with: it was stopped before its first. Use resume.")
    if run.header["world"] != 1:
        raise UserError(
            f"{run.name} was trained by {run.header['world']} processes; prove replays runs of one process."
        )
    settings = from_json(Settings, run.header["settings"])
    path = FastPath(**run.header["path"])
    hardware.apply(path)
    data = open_audited(recipe, screen)
    data.to(torch.device(path.device))
    start = Run.open(settings.from_run) if settings.from_run and len(found) == 1 else None
    training = build(recipe, data, settings, path, Shard(), start=start)
    if Spec.from_json(data.spec.to_json()) != Spec.from_json(run.header["spec"]):
        raise UserError(f"The data of {run.name} has changed since it was trained, so its steps cannot be replayed.")
    goal = checkpoint.load(found[-1])
    if len(found) > 1:
        training.restore(checkpoint.load(found[-2]))
    first = training.step
    while training.step < int(goal["step"]):
        training.task.step(training.stream, training.steppers)
        training.step += 1
    return Proof(first, training.step, first_difference(training.state(), goal), len(goal))


def first_difference(ours: State, theirs: State) -> str:
    """The first entry whose bits differ, with by how much; "" where there is none."""
    decided = {"stale", "met", "stopped", "record"}  # set by evaluations, which a replay leaves out
    for name in dict.fromkeys([*theirs, *ours]):
        if name.startswith(TIMED) or name in decided:
            continue
        a, b = ours.get(name), theirs.get(name)
        if isinstance(a, Tensor) and isinstance(b, Tensor):
            a, b = a.detach().cpu(), b.detach().cpu()
            if a.shape != b.shape or a.dtype != b.dtype:
                return f"{name}: {tuple(a.shape)} {a.dtype} for {tuple(b.shape)} {b.dtype}"
            if not torch.equal(_bits(a), _bits(b)):
                return f"{name}: by up to {float((a.double() - b.double()).abs().max()):.3g}"
        elif _scalar(a) != _scalar(b):
            return f"{name}: {a!r} for {b!r}"
    return ""


def _bits(tensor: Tensor) -> Tensor:
    """The bytes, so that NaN equals NaN and -0 differs from 0."""
    return tensor.contiguous().reshape(-1).view(torch.uint8) if tensor.numel() else tensor


def _scalar(value: object) -> object:
    return value.item() if isinstance(value, Tensor) and value.numel() == 1 else value
