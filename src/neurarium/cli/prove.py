"""neurarium prove"""

from __future__ import annotations

from collections.abc import Sequence

from neurarium.cli.arguments import emit, parse
from neurarium.cli.on_run import OnRun


def run(words: Sequence[str]) -> int:
    args = parse(OnRun, words, verb="prove", description="Replay some steps of a run and compare every bit.")
    from neurarium import api

    proof = api.prove(args.run, runs=args.runs)
    if args.json:
        emit(
            {
                "run": args.run,
                "first": proof.first,
                "last": proof.last,
                "identical": not proof.differs,
                "differs": proof.differs,
            }
        )
    else:
        verdict = (
            f"differs in {proof.differs}" if proof.differs else f"bit-identical ({proof.compared} entries compared)"
        )
        print(f"Steps {proof.first} to {proof.last} replayed: {verdict}")
    return 1 if proof.differs else 0
