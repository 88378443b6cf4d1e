"""python -m benchmarks [lenet5 | mlp] [--rounds 5]: ours beside peers, in turn, so that load meets all alike."""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
from typing import Any

from benchmarks import record
from benchmarks.alone import measured_alone
from benchmarks.contestants import CONTESTANTS

STEPS = {"lenet5": 340, "mlp": 360}
"""Timed steps: as many as Keras has left of its first epoch."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("network", nargs="?", choices=STEPS, default="lenet5")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    names = [name for name in CONTESTANTS if name != "keras" or importlib.util.find_spec("keras")]
    if "keras" not in names:
        print("keras is left out: pip install -r benchmarks/requirements.txt -c constraints.txt", file=sys.stderr)
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(arguments.rounds):
        for name in names:
            measured[name].append(_run(name, arguments.network))
            print(
                f"round {number + 1}  {name:16} {measured[name][-1]['samples_per_second']:8,.0f} samples/s", flush=True
            )
    rows = [_summary(name, runs, measured["neurarium"]) for name, runs in measured.items()]
    print(f"\n{'':16} samples/s (least, most)          ours is   start   loss   test accuracy after 1,000 steps")
    for row in rows:
        spread = f"{row['median']:8,.0f} ({row['least']:,.0f}, {row['most']:,.0f})"
        print(
            f"{row['name']:16} {spread:32} {row['ours_is']:5.2f} x {row['start_seconds']:6.1f} s {row['loss']:6.3f}"
            f"   {row['test_accuracy']:.4f}"
        )
    plain, hand = (
        next(row for row in rows if row["name"] == name)["runs"] for name in ("neurarium-plain", "hand-loop")
    )
    cost = statistics.median(h / p for p, h in zip(plain, hand, strict=True)) - 1
    print(f"\nThe engine on the plain path costs {cost:+.1%} of the hand-written loop's time (median of rounds).")
    command = f" {arguments.network} --rounds {arguments.rounds}"
    record.append(command, network=arguments.network, engine_cost=cost, rows=rows)
    return 0


def _run(name: str, network: str) -> dict[str, float]:
    found, said = measured_alone("benchmarks.contestants", name, network, str(STEPS[network]))
    if name == "neurarium":
        print(said.strip().splitlines()[-1], flush=True)
    return found


def _summary(name: str, runs: list[dict[str, float]], ours: list[dict[str, float]]) -> dict[str, Any]:
    speeds = [run["samples_per_second"] for run in runs]
    ratios = [our["samples_per_second"] / speed for our, speed in zip(ours, speeds, strict=True)]
    others = {key: statistics.median(run[key] for run in runs) for key in ("start_seconds", "loss", "test_accuracy")}
    return {
        "name": name,
        "median": statistics.median(speeds),
        "least": min(speeds),
        "most": max(speeds),
        "ours_is": statistics.median(ratios),
        "runs": speeds,
        **others,
    }


if __name__ == "__main__":
    sys.exit(main())
