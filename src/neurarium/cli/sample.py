"""neurarium sample"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from neurarium.cli import made
from neurarium.cli.arguments import emit, parse
from neurarium.cli.on_run import OnRun

ABOUT = """Draw new items from a run that can: images as a grid, points as a drawing and a table.

neurarium sample last --count 64
neurarium sample last --count 10 --class 3 7     # ten of each, for systems that are told a class
"""


@dataclass(frozen=True)
class Sample(OnRun):
    count: int = 64
    """How many; of each class, where classes are named."""
    classes: Annotated[tuple[str, ...], tyro.conf.arg(name="class")] = ()
    """Names or numbers of classes, one row each."""
    seed: int = 0
    """The same seed draws the same items."""
    truncation: float | None = None
    """How far from the middle codes may lie, for systems that know it: less is more alike, and better."""
    to: str = "pictures"
    """Folder in which they are written."""
    files: bool = False
    """Each image as a file of its own too."""


def run(words: Sequence[str]) -> int:
    args = parse(Sample, words, verb="sample", description=ABOUT)
    from neurarium import api

    trained = api.open_run(args.run, runs=args.runs)
    items = api.sample(trained, args.count, classes=args.classes, seed=args.seed, truncation=args.truncation)
    columns = args.count if args.classes and 1 < args.count <= 16 else None
    files = made.show(trained, items, args.to, f"{trained.run.name}-samples", columns=columns, each=args.files)
    if args.json:
        points = {} if items.dim() == 4 else {"points": items.tolist()}
        emit({"run": str(trained.path), "seed": args.seed, "shape": list(items.shape), **points, "files": files})
        return 0
    print(f"{len(items)} drawn with seed {args.seed}: {', '.join(files[:2])}{' ...' if len(files) > 2 else ''}")
    return 0
