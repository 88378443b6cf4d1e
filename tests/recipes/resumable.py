"""Runs of a long experiment, each in a folder of its own, so that the experiment may be interrupted at any time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurarium import api
from neurarium.runs.run import Run
from neurarium.train.recipe import UserError


def finished_run(folder: Path, recipe: str, **options: Any) -> Run:
    """The run of this folder, which is begun, gone on with, or only read."""
    run = _there(folder)
    if run is None:
        run = api.train(recipe, runs=str(folder), **options).run
    elif not run.header.get("finished"):
        run = api.resume(run.path).run
    return Run.open(run.path)


def _there(folder: Path) -> Run | None:
    """A run that can be gone on with. One that was stopped before its first checkpoint is begun anew."""
    try:
        run = Run.open("last", folder)
    except (UserError, OSError, ValueError):
        return None
    return run if run.header.get("finished") or run.last_checkpoint() else None
