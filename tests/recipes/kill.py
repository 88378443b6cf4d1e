"""Kill real runs at random moments, resume them, and compare with the run that was never killed.

python -m tests.recipes.kill lenet5 --tries 20 -- --epochs 4 --checkpoint-every 50
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from neurarium.runs.run import Run
from tests.recipes.comparing import difference


def start(*words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "neurarium", *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("system")
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    arguments, flags = parser.parse_known_args()
    flags = [flag for flag in flags if flag != "--"]
    draw = random.Random(arguments.seed)
    failures = 0
    with tempfile.TemporaryDirectory() as root:
        if start("train", arguments.system, *flags, "--runs", f"{root}/whole").wait():
            raise SystemExit("The uninterrupted run failed.")
        whole = Run.open(f"{arguments.system}-001", f"{root}/whole")
        lasts = max(float(row.get("seconds", 0)) for row in whole.rows("train"))
        for number in range(arguments.tries):
            folder = f"{root}/{number}"
            killed = _kill(
                start("train", arguments.system, *flags, "--runs", folder), Path(folder), draw.random() * lasts
            )
            run = Run.open("last", folder)
            before = run.rows()[-1]["step"] if run.rows() else 0
            resumed = start("resume", str(run.path)).wait()
            found = f"resume ended with {resumed}" if resumed else difference(whole, Run.open(str(run.path)))
            failures += bool(found)
            print(f"try {number + 1}: {killed} after row {before}: {found or 'identical'}", flush=True)
    equal = arguments.tries - failures
    print(f"{arguments.system}: {equal} of {arguments.tries} resumed runs equal the uninterrupted one")
    return int(failures > 0)


def _kill(process: subprocess.Popen[bytes], folder: Path, wait: float) -> str:
    """SIGKILL so many seconds after the run's folder was made."""
    while not list(folder.glob("*/recipe.json")) and process.poll() is None:
        time.sleep(0.01)
    time.sleep(wait)
    alive = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return "killed" if alive else "ended before the kill"


if __name__ == "__main__":
    sys.exit(main())
