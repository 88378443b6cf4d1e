"""Every measurement is a line of results.jsonl, with the command, the day, the machine and the versions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neurarium.train.launch import environment

RESULTS = Path(__file__).parent / "results.jsonl"


def append(command: str, **measured: Any) -> None:
    entry = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": f"python -m benchmarks{command}",
        **environment(),
        **measured,
    }
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
