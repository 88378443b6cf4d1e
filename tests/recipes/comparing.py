"""When are two runs the same? Every tensor and every row but the clock."""

from __future__ import annotations

from typing import Any

from neurarium.runs.run import Run
from neurarium.train import checkpoint
from neurarium.train.prove import first_difference

CLOCK = ("seconds", "samples_per_second")


def rows(run: Run) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in CLOCK} for row in run.rows()]


def difference(one: Run, other: Run) -> str:
    """The first thing that differs between two finished runs; "" where nothing does."""
    last, also = one.last_checkpoint(), other.last_checkpoint()
    if last is None or also is None or last.name != also.name:
        return f"last checkpoints {last} and {also}"
    found = first_difference(checkpoint.load(last), checkpoint.load(also))
    if found:
        return f"last checkpoint: {found}"
    if found := first_difference(checkpoint.load(one.best_path), checkpoint.load(other.best_path)):
        return f"best weights: {found}"
    for ours, theirs in zip(rows(one), rows(other), strict=False):
        if ours != theirs:
            return f"rows {ours} and {theirs}"
    return "" if len(rows(one)) == len(rows(other)) else f"{len(rows(one))} and {len(rows(other))} rows"
