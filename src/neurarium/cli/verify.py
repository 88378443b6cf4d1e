"""neurarium verify"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from neurarium.cli import scores
from neurarium.cli.arguments import emit, parse


@dataclass(frozen=True)
class Verify:
    system: Annotated[str, tyro.conf.Positional]
    """A system of the catalogue."""
    claim: int = 0
    """Number of one claim to measure, from 1, beside what was measured of the others; 0: all."""
    output: str = ""
    """Folder for the results; docs/results of a checkout by default."""
    runs: str = "runs"
    """Folder in which the runs are made."""
    json: bool = False
    """One JSON object on standard output."""


def run(words: Sequence[str]) -> int:
    args = parse(Verify, words, verb="verify", description="Measure a recipe's claims here, beside the paper's.")
    from neurarium import api

    folder = Path(args.output) if args.output else scores.folder()
    results = api.verify(args.system, folder=folder, only=args.claim, runs=args.runs)
    if args.json:
        emit(results)
    else:
        for claim in results["claims"]:
            verdict = "holds " if claim["holds"] else "FAILED"
            seconds = f"{max(claim['training_seconds']):.0f} s a run at most"
            paper = f"; paper: {claim['paper']}" if claim["paper"] else ""
            print(f"{verdict}  {scores.sentence(claim)}; claimed at {claim['at']} {claim['bound']}; {seconds}{paper}")
        print(f"Written to {folder / (results['name'] + '.json')}")
    return 0 if all(claim["holds"] for claim in results["claims"]) else 1
