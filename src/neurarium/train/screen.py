"""Where a person watches: a progress bar in a terminal or notebook, plain lines elsewhere. All on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from neurarium.train import ranks

HIDDEN = ("step", "split", "seconds", "items", "learning_rate")


class Terminal:
    """Shows rows as they come. Use as a context manager, so that the bar is closed whatever happens."""

    def __init__(self, *, quiet: bool = False) -> None:
        quiet = quiet or ranks.rank() != 0
        self.console = Console(file=sys.stderr, quiet=quiet, highlight=False)
        self.live = not quiet and (self.console.is_terminal or self.console.is_jupyter)
        self.bar: Progress | None = None
        self.task: TaskID | None = None
        self.shown = 0.0

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def say(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)

    def row(self, row: dict[str, Any], step: int, steps: int) -> None:
        """Training rows move the bar; rows of other splits are printed and stay."""
        text = "  ".join(
            f"{name.replace('_', ' ')} {number(value)}" for name, value in row.items() if name not in HIDDEN
        )
        if row["split"] != "train":
            self.say(f"step {step:>6}  {row['split']:<10}  {text}")
        elif self.live:
            self._move(text, step, steps)
        elif time.perf_counter() - self.shown > 10:
            self.shown = time.perf_counter()
            self.say(f"step {step:>6}  {'train':<10}  {text}")

    def _move(self, text: str, step: int, steps: int) -> None:
        if self.bar is None:
            columns = (BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
            self.bar = Progress(*columns, console=self.console, transient=True)
            self.bar.start()
            self.task = self.bar.add_task("", total=steps)
        assert self.task is not None
        self.bar.update(self.task, completed=step, description=text)


def number(value: Any) -> str:
    """Four significant digits; whole numbers with separators."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
