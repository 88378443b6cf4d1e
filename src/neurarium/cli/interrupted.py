"""What is said when a run was asked to stop."""

from __future__ import annotations

import sys

from neurarium.cli.main import INTERRUPTED


def say(stop: Exception) -> int:
    print(str(stop), file=sys.stderr)
    return INTERRUPTED
