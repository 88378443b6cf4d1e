"""From a recipe and settings to a finished run, and from an unfinished run to its end."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from neurarium.runs.run import Run
from neurarium.train import checkpoint, hardware, ranks, rehearsal
from neurarium.train.batch_size import largest_batch
from neurarium.train.data import Data, Shard, Spec
from neurarium.train.fit import Plan, Screen, fit
from neurarium.train.hardware import FastPath
from neurarium.train.recipe import Recipe, UserError
from neurarium.train.settings import Settings
from neurarium.train.task import Task
from neurarium.train.training import build, load_weights
from neurarium.train.transfer import weights

PACKAGES = ("neurarium", "torch", "numpy", "safetensors")


def train(recipe: Recipe, settings: Settings, screen: Screen, *, source: str = "") -> Run:
    """Open and audit the data, choose the fast path, make the run's folder, train, and measure on the test split.

    source: "file.py:Class" of a recipe of one's own, by which the run finds it again.
    Raises UserError before step 0 for anything in the data or settings that would fail later.
    """
    shard = ranks.start(hardware.choose_device(settings.device))
    if settings.from_run:
        start = Run.open(settings.from_run, settings.runs).path.resolve()
        settings = replace(settings, from_run=str(start))
    data = open_audited(recipe, screen)
    if settings.auto_batch:
        # The size becomes a field of the recipe, so that the run keeps it and `resume` takes it again.
        recipe = replace(recipe, **{"batch_size": largest_batch(recipe, data, settings, shard)})
        screen.say(f"Batches of {recipe.batch_size:,} items fit.")  # type: ignore[attr-defined]
        data = recipe.open_data()
    steps = recipe.num_steps(data.spec)
    plan = Plan.of(steps, recipe.goal, recipe.evaluations, settings)
    hardware.apply(plain := hardware.plain_path(settings))
    data.to(torch.device(plain.device))
    chosen = rehearsal.rehearse(recipe, data, settings, steps, shard)
    for line in rehearsal.table(chosen):
        screen.say(line)
    screen.say(f"Fast path: {chosen.path}; {chosen.why}.")
    header = {
        "name": recipe.name,
        "source": source,
        "fields": asdict(recipe),
        "settings": asdict(settings),
        "spec": data.spec.to_json(),
        "path": chosen.path.to_json(),
        "steps": steps,
        "world": shard.world,
        **environment(),
    }
    path = Run.create(settings.runs, recipe.name, header).path if shard.rank == 0 else None
    run = Run.open(ranks.from_first(path))
    return _continue(recipe, settings, data, run, chosen.path, plan, shard, screen, None)


def resume(run: Run, recipe: Recipe, screen: Screen) -> Run:
    """Go on from the last checkpoint, bit for bit: on the path, threads and seeds that the run began with."""
    settings = from_json(Settings, run.header["settings"])
    shard = ranks.start(hardware.choose_device(settings.device))
    if shard.world != run.header["world"]:
        raise UserError(
            f"{run.name} was trained by {run.header['world']} process(es), now there are {shard.world}. "
            f"Use torchrun --nproc-per-node {run.header['world']}, or plain neurarium for one."
        )
    data = open_audited(recipe, screen)
    stored = Spec.from_json(run.header["spec"]).to_json()
    if Spec.from_json(data.spec.to_json()).to_json() != stored:
        raise UserError(
            f"The data of {run.name} has changed since it began (its sizes, classes or means differ). Train anew."
        )
    plan = Plan.of(run.header["steps"], recipe.goal, recipe.evaluations, settings)
    path = FastPath(**run.header["path"])
    last = run.last_checkpoint()
    state = checkpoint.load(last) if last else None
    return _continue(recipe, settings, data, run, path, plan, shard, screen, state)


def _continue(
    recipe: Recipe,
    settings: Settings,
    data: Data,
    run: Run,
    path: FastPath,
    plan: Plan,
    shard: Shard,
    screen: Screen,
    state: dict[str, Any] | None,
) -> Run:
    hardware.apply(path)
    data.to(torch.device(path.device))
    source = Run.open(settings.from_run) if settings.from_run and state is None else None
    training = build(recipe, data, settings, path, shard, start=source)
    if source is not None and shard.rank == 0:
        screen.say(f"Starts from {source.name} ({source.header['name']}); new: {', '.join(training.new) or 'nothing'}.")
    if state is not None:
        training.restore(state)
    if shard.rank != 0:
        fit(training, data, run, plan, shard, screen)
        return run
    with run.lock():
        run.truncate(training.step if state is not None else -1)
        fit(training, data, run, plan, shard, screen)
    return run


def load_task(run: Run, recipe: Recipe) -> Task:
    """The trained task, with the best weights, on the CPU and ready to be used; needs no data.

    Raises UserError while there are no weights yet, RunError where the file is damaged.
    """
    found = weights(run)
    with hardware.generators_kept():
        task = recipe.task(Spec.from_json(run.header["spec"]))
    load_weights(task, found)
    return task.eval()


def load_by_name(run: str, find: Callable[[str], type[Recipe]]) -> Task:
    """The trained task of a run that is named by its path, for a recipe that uses another's. find: recipes by name."""
    opened = Run.open(run)
    kind = find(opened.header.get("source") or opened.header["name"])
    return load_task(opened, from_json(kind, opened.header["fields"]))


def open_audited(recipe: Recipe, screen: Screen) -> Data:
    """The recipe's data, after its audit. Raises UserError with every error found, before step 0."""
    data = recipe.open_data()
    findings = data.audit()
    errors = [finding for finding in findings if finding.severity == "error"]
    for finding in (f for f in findings if f.severity != "error"):
        screen.say(f"{finding.severity.capitalize()}: {finding}")
    if errors:
        more = f"\n... and {len(errors) - 10} more." if len(errors) > 10 else ""
        raise UserError("The data cannot be trained on.\n" + "\n".join(str(error) for error in errors[:10]) + more)
    return data


def environment() -> dict[str, Any]:
    """Versions, machine and commit: what a figure needs to be judged."""
    versions = {name: _version(name) for name in PACKAGES} | {"python": platform.python_version()}
    return {
        "versions": versions,
        "machine": hardware.device_name(),
        "cores": hardware.num_threads(Settings()),
        "commit": _commit(),
    }


def from_json(kind: type[Any], values: dict[str, Any]) -> Any:
    """A dataclass from its stored fields; fields that came later take their defaults, lists become tuples."""
    known = {field.name for field in fields(kind)}
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known})


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


@cache
def _commit() -> str:
    """The commit of the code, where it is a checkout of this project; "" elsewhere."""
    here = Path(__file__).resolve().parents[3]
    if not (here / ".git").exists():
        return ""
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
