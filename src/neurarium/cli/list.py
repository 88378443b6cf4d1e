"""neurarium list"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from neurarium.cli import scores
from neurarium.cli.arguments import emit, parse
from neurarium.recipes import CATALOGUE
from neurarium.train.recipe import UserError, near


@dataclass(frozen=True)
class List:
    family: str = ""
    """Only systems of this family."""
    json: bool = False
    """One JSON object on standard output."""


def run(words: Sequence[str]) -> int:
    args = parse(
        List, words, verb="list", description="The catalogue: each system, its paper, our best measured score."
    )
    families = {kind.family for kind in CATALOGUE.values()}
    if args.family and args.family not in families:
        raise UserError(f"There is no family {args.family!r}.{near(args.family, families)}")
    rows = [_row(name) for name, kind in CATALOGUE.items() if args.family in ("", kind.family)]
    if args.json:
        emit({"systems": rows})
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("system", "family", "our measured score", "paper's", "paper"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("system", "family"))
    for row in rows:
        table.add_row(row["name"], row["family"], row["score"], row["claimed"], row["paper"])
    wide = None if sys.stdout.isatty() else 160
    Console(highlight=False, width=wide).print(table)
    return 0


def _row(name: str) -> dict[str, Any]:
    kind = CATALOGUE[name]
    best = scores.best(name)
    return {
        "name": name,
        "family": kind.family,
        "paper": kind.paper,
        "score": scores.sentence(best) if best else "not measured yet",
        "claimed": best["paper"] if best else next((claim.paper for claim in kind.claims if claim.paper), ""),
    }
