"""The fast path is chosen by measuring, before a run that is long enough to pay for it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from neurarium.runs.atomic import atomic_write
from neurarium.train import hardware
from neurarium.train.data import Data, Shard
from neurarium.train.hardware import FastPath
from neurarium.train.recipe import Recipe
from neurarium.train.settings import Settings
from neurarium.train.training import Training, build

GAIN = 0.10
"""A path must be at least so much faster than the plain one to be taken: less is within the noise of a busy machine."""
LONG_ENOUGH = 20.0
"""Seconds that a run must last on the plain path to be worth a rehearsal."""
LONG_ENOUGH_TO_COMPILE = 120.0
TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2}
"""Largest relative difference of the first losses from the plain path's."""


@dataclass(frozen=True)
class Trial:
    """One path and what was measured: milliseconds a step (median), seconds until the first step ended, its losses."""

    path: FastPath
    milliseconds: float
    start: float
    losses: tuple[float, ...]
    verdict: str = ""


@dataclass(frozen=True)
class Rehearsal:
    """The path taken, why, and the table behind it (empty where nothing was measured now)."""

    path: FastPath
    why: str
    trials: tuple[Trial, ...] = ()


def rehearse(recipe: Recipe, data: Data, settings: Settings, steps: int, shard: Shard) -> Rehearsal:
    """Choose the fast path among those that the settings leave free.

    Short runs, `--exact` and several ranks take the plain one.
    """
    plain = hardware.plain_path(settings)
    free = settings.precision == "auto" or settings.compile == "auto" or settings.threads == 0
    if settings.exact:
        return Rehearsal(plain, "--exact")
    if shard.world > 1:
        return Rehearsal(plain, f"{shard.world} ranks take the plain path unless told otherwise")
    if not free:
        return Rehearsal(plain, "as the settings say")
    file = _cache() / f"{_key(recipe, data, settings, plain)}.json"
    try:
        kept = json.loads(file.read_text())
        return Rehearsal(FastPath(**kept["path"]), kept["why"] + ", measured before")
    except (OSError, ValueError, KeyError, TypeError):
        pass
    with hardware.generators_kept():
        rehearsal = _measure(recipe, data, settings, steps, plain)
    hardware.apply(rehearsal.path)
    if rehearsal.trials:
        _remember(file, rehearsal)
    return rehearsal


def _measure(recipe: Recipe, data: Data, settings: Settings, steps: int, plain: FastPath) -> Rehearsal:
    first = _Stage(recipe, data, settings, plain)
    # Building and three cold steps are no less than three steps: short runs need no clock to be told.
    most = steps * first.start / 3
    expected = most if most < LONG_ENOUGH else steps * first.time(least=3) / 1000
    if expected < LONG_ENOUGH and settings.compile != "on":
        return Rehearsal(plain, f"a run of about {expected:.0f} s is too short for a rehearsal")
    stages = [first] + [_Stage(recipe, data, settings, path) for path in _eager_paths(plain, settings, first)]
    trials = _race(stages)
    best = _best(trials)
    if settings.compile == "auto" and steps * best.milliseconds / 1000 > LONG_ENOUGH_TO_COMPILE:
        compiled = _Stage(recipe, data, settings, replace(best.path, compile=True))
        chosen = next(stage for stage in stages if stage.path == best.path)
        late = _race([chosen, compiled])[1]
        saved = steps * (best.milliseconds - late.milliseconds) / 1000 - late.start
        too_dear = late.milliseconds < best.milliseconds and saved <= 0
        verdict = _verdict(trials[0], late) or ("starting costs more than it saves" if too_dear else "")
        trials.append(replace(late, verdict=verdict))
        best = _best(trials)
    gain = trials[0].milliseconds / best.milliseconds
    why = f"{gain:.2f} times as fast as the plain path" if best is not trials[0] else "no other path gains 10 %"
    return Rehearsal(best.path, why, tuple(trials))


class _Stage:
    """A copy of the run on one path, made for timing and thrown away."""

    def __init__(self, recipe: Recipe, data: Data, settings: Settings, path: FastPath) -> None:
        self.path = path
        hardware.apply(path)
        started = time.perf_counter()
        self.training: Training = build(recipe, data, settings, path, Shard())
        self.losses = [self._step() for _ in range(3)]
        self.start = time.perf_counter() - started
        self.times: list[float] = []

    def _step(self) -> float:
        means = self.training.task.step(self.training.stream, self.training.steppers)
        return sum(float(mean.value) for mean in means.values())

    def time(self, least: int) -> float:
        """Milliseconds a step: the median of a few short bursts, each ended by waiting for the device."""
        hardware.apply(self.path)
        for _ in range(least):
            started, steps = time.perf_counter(), 0
            while time.perf_counter() - started < 0.15:
                self.training.task.step(self.training.stream, self.training.steppers)
                steps += 1
            _wait(self.path)
            self.times.append(1000 * (time.perf_counter() - started) / steps)
        return statistics.median(self.times)


def _race(stages: list[_Stage]) -> list[Trial]:
    """Time the stages in turn, so that a neighbour's load meets all of them."""
    for _ in range(5):
        for stage in stages:
            stage.time(least=1)
    trials = [Trial(s.path, statistics.median(s.times), s.start, tuple(s.losses)) for s in stages]
    return [replace(trial, verdict=_verdict(trials[0], trial)) for trial in trials]


def _eager_paths(plain: FastPath, settings: Settings, stage: _Stage) -> Iterator[FastPath]:
    """Every combination of what may be chosen freely and could gain here."""
    device = torch.device(plain.device)
    images = any(parameter.dim() == 4 for parameter in stage.training.task.parameters())
    lower = settings.precision == "auto" and hardware.supports_bfloat16(device)
    threads = {plain.threads} if settings.threads or device.type != "cpu" else {plain.threads, 1}
    for number in sorted(threads, reverse=True):
        for channels_last in (False, True)[: 1 + images]:
            for precision in (plain.precision, "bfloat16")[: 1 + lower]:
                path = replace(plain, threads=number, channels_last=channels_last, precision=precision)
                if path != plain:
                    yield path


def _verdict(plain: Trial, trial: Trial) -> str:
    """Why a path may not be taken; empty where it may."""
    tolerance = TOLERANCE[trial.path.precision]
    for ours, theirs in zip(trial.losses, plain.losses, strict=True):
        if not math.isclose(ours, theirs, rel_tol=tolerance, abs_tol=tolerance):
            return f"its losses differ: {ours:.4g} for {theirs:.4g}"
    return ""


def _best(trials: list[Trial]) -> Trial:
    plain = trials[0]
    fastest = min((trial for trial in trials if not trial.verdict), key=lambda trial: trial.milliseconds)
    return fastest if fastest.milliseconds <= plain.milliseconds / (1 + GAIN) else plain


def table(rehearsal: Rehearsal) -> list[str]:
    """The little table that is printed."""
    lines = []
    for trial in rehearsal.trials:
        mark = "->" if trial.path == rehearsal.path else "  "
        gain = rehearsal.trials[0].milliseconds / trial.milliseconds
        lines.append(f"{mark} {trial.milliseconds:8.2f} ms/step  {gain:5.2f}x  {trial.path}  {trial.verdict}".rstrip())
    return lines


def _wait(path: FastPath) -> None:
    if path.device.startswith("cuda"):
        torch.cuda.synchronize()
    elif path.device.startswith("mps"):
        torch.mps.synchronize()


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "neurarium-rehearsals"


def _key(recipe: Recipe, data: Data, settings: Settings, plain: FastPath) -> str:
    """What the measured speed depends on: the recipe's fields, the data's shape, the machine and the versions.

    The plain path tells how many threads this process may take, which OMP_NUM_THREADS or a container may limit.
    """
    chosen = {name: getattr(settings, name) for name in ("device", "precision", "compile", "threads", "micro_batches")}
    machine = [platform.node(), platform.machine(), plain.to_json(), torch.__version__, hardware.device_name()]
    spec = [data.spec.shape, len(data.spec.classes), len(data.spec.vocabulary)]
    text = json.dumps([type(recipe).__qualname__, asdict(recipe), spec, chosen, machine], default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _remember(file: Path, rehearsal: Rehearsal) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(file) as temporary:
            temporary.write_text(json.dumps({"path": rehearsal.path.to_json(), "why": rehearsal.why}))
    except (OSError, ValueError):  # a cache that cannot be written only costs the next rehearsal
        return
