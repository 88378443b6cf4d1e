"""The command line as one of several processes: fails where the group's threads outlive the group.

Such threads meet the interpreter's end, and now and then abort it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from neurarium.cli.main import main


def threads() -> list[str]:
    """Names of this process's threads, also of those that Python does not know; none where there is no /proc."""
    return [file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")]


if __name__ == "__main__":
    code = main()
    left = [name for name in threads() if "gloo" in name]
    sys.exit(f"threads of the group are left: {left}" if left else code)
