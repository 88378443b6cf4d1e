"""neurarium interpolate"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import tyro

from neurarium.cli import made
from neurarium.cli.arguments import emit, parse
from neurarium.cli.on_run import OnRun

STRIP = 20
"""Images in one row at most; more make a grid."""
ABOUT = """Walk from one code to another and show what lies on the way.

neurarium interpolate last a.png b.png           # a straight line between the codes of two images
neurarium interpolate last --seeds 1 2           # between two random codes, as sample --seed draws them
"""


@dataclass(frozen=True)
class Interpolate(OnRun):
    files: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Two images; the ends of the strip are what the network gives back of them."""
    seeds: tuple[int, ...] = ()
    """Two seeds in their place: random codes, joined along a sphere."""
    steps: int = 8
    """Images of the strip, both ends included."""
    label: Annotated[str, tyro.conf.arg(name="class")] = ""
    """Name or number of the class, for systems that are told one."""
    to: str = "pictures"
    """Folder in which the strip is written."""
    each: Annotated[bool, tyro.conf.arg(name="files")] = False
    """Each image as a file of its own too."""


def run(words: Sequence[str]) -> int:
    args = parse(Interpolate, words, verb="interpolate", description=ABOUT)
    from neurarium import api

    trained = api.open_run(args.run, runs=args.runs)
    items = api.interpolate(trained, args.files, seeds=args.seeds, steps=args.steps, label=args.label or None)
    figure = None
    if items.dim() == 4 and len(items) <= STRIP:
        from neurarium.plots.generated import interpolation_strip

        figure = interpolation_strip(items[None].numpy())
    files = made.show(trained, items, args.to, f"{trained.run.name}-way", figure=figure, each=args.each)
    moved = [float((b - a).square().mean()) ** 0.5 for a, b in pairwise(items)]
    apart = float((items[-1] - items[0]).square().mean()) ** 0.5
    if args.json:
        emit({"run": str(trained.path), "steps": len(items), "moved": moved, "ends_apart": apart, "files": files})
        return 0
    print(f"{len(items)} steps, of which neighbours differ by {max(moved):.4f} at most and the ends by {apart:.4f}.")
    print(f"{', '.join(files[:2])}{' ...' if len(files) > 2 else ''}")
    return 0
