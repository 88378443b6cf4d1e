"""neurarium resume"""

from __future__ import annotations

from collections.abc import Sequence

from neurarium.cli.arguments import parse
from neurarium.cli.on_run import OnRun


def run(words: Sequence[str]) -> int:
    args = parse(OnRun, words, verb="resume", description="Go on with an interrupted run, bit for bit.")
    from neurarium import api
    from neurarium.cli.interrupted import say
    from neurarium.cli.train import finish
    from neurarium.train import ranks
    from neurarium.train.fit import Interrupted

    try:
        return finish(api.resume(args.run, runs=args.runs), args.json)
    except Interrupted as stop:
        return say(stop)
    finally:
        ranks.stop()
