"""neurarium evaluate"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurarium.cli.arguments import emit, parse
from neurarium.cli.on_run import OnRun


@dataclass(frozen=True)
class Evaluate(OnRun):
    split: str = "test"
    """The split to measure on: train, validation, test, or another of its data."""
    device: str = "cpu"
    """auto, cpu, cuda, mps."""


def run(words: Sequence[str]) -> int:
    args = parse(Evaluate, words, verb="evaluate", description="Measure the best weights of a run on a split.")
    from neurarium import api
    from neurarium.train.screen import number

    measures = api.evaluate(args.run, split=args.split, runs=args.runs, device=args.device)
    if args.json:
        emit({"run": args.run, "split": args.split, **measures})
    else:
        print(
            "  ".join([args.split, *(f"{name.replace('_', ' ')} {number(value)}" for name, value in measures.items())])
        )
    return 0
