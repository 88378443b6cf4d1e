"""neurarium arithmetic"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from neurarium.cli import pictures
from neurarium.cli.arguments import emit, parse
from neurarium.cli.on_run import OnRun
from neurarium.train.recipe import UserError

LETTERS = 20
"""Of a term's name above its picture."""
ABOUT = """Add and subtract codes: FIRST - MINUS + PLUS, each the mean code of some images.

neurarium arithmetic last men-with-glasses/ men/ women/
"""


@dataclass(frozen=True)
class Arithmetic(OnRun):
    terms: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Three folders of images, or three images: FIRST MINUS PLUS. Means over several are steadier than single codes."""
    label: Annotated[str, tyro.conf.arg(name="class")] = ""
    """Name or number of the class, for systems that are told one."""
    to: str = "pictures"
    """Folder in which the picture is written."""


def run(words: Sequence[str]) -> int:
    args = parse(Arithmetic, words, verb="arithmetic", description=ABOUT)
    if len(args.terms) != 3:
        raise UserError(
            f"Expected three folders or images, FIRST MINUS PLUS; received {len(args.terms)}. For example: "
            "neurarium arithmetic last men-with-glasses/ men/ women/"
        )
    from neurarium import api

    trained = api.open_run(args.run, runs=args.runs)
    codes, items = api.arithmetic(trained, *([term] for term in args.terms), label=args.label or None)
    files = []
    if items.dim() == 4:
        from neurarium.cli.made import pixels
        from neurarium.plots.gallery import image_grid

        names = [Path(term).stem[:LETTERS] for term in args.terms]
        titles = [f"{sign}{name}" for sign, name in zip(("", "\N{MINUS SIGN} ", "+ "), names, strict=True)]
        figure = image_grid(pixels(items).numpy(), [*titles, "= result"], columns=4)
        files = pictures.write(args.to, {f"{trained.run.name}-arithmetic": figure})
    if args.json:
        emit({"run": str(trained.path), "code": codes[3].tolist(), "files": files})
        return 0
    first, minus, plus = args.terms
    print(f"{first} - {minus} + {plus}: {', '.join(files) or items[3].tolist()}")
    return 0
