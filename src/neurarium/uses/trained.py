"""A finished run, opened: what every use of it starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurarium.recipes.find import find
from neurarium.runs.run import Run
from neurarium.train import hardware, launch
from neurarium.train.task import Task


class Trained:
    """A run and what can be done with it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.kind = find(run.header.get("source") or run.header["name"])
        self.recipe = launch.from_json(self.kind, run.header["fields"])

    def __repr__(self) -> str:
        return f"Trained({str(self.run.path)!r}, test={self.test})"

    @property
    def path(self) -> Path:
        return self.run.path

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows of metrics.jsonl."""
        return self.run.rows()

    @property
    def test(self) -> dict[str, Any]:
        """Measures of the best weights on the test split; empty while the run is unfinished."""
        found = self.run.rows("test")
        return {k: v for k, v in found[-1].items() if k not in ("step", "split")} if found else {}

    @property
    def report(self) -> Path:
        return self.run.path / "report.html"

    def load(self, device: str = "cpu") -> Task:
        """The task with the best weights, ready for `predict`, `sample`, `act`, ..."""
        return launch.load_task(self.run, self.recipe).to(hardware.choose_device(device))


def open_run(run: str | Path | Trained, *, runs: str = "runs") -> Trained:
    """A run by its path, its name, or "last"."""
    return run if isinstance(run, Trained) else Trained(Run.open(run, runs))
