"""Contestants have a process each, so that threads, compiled kernels and memory of one do not help or harm another."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def measured_alone(module: str, *arguments: str) -> tuple[dict[str, Any], str]:
    """What `python -m module arguments` prints as JSON in its last line, and what it says besides."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[2:])} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found, done.stderr
