"""Flags of the verbs that work on a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro


@dataclass(frozen=True)
class OnRun:
    run: Annotated[str, tyro.conf.Positional]
    """The run: its folder, its name such as lenet5-001, or "last"."""
    runs: str = "runs"
    """Folder that holds the runs."""
    json: bool = False
    """One JSON object on standard output, all else on standard error."""
