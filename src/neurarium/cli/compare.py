"""neurarium compare"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from neurarium.cli.arguments import emit, parse


@dataclass(frozen=True)
class Compare:
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """At least two runs, by folder or name."""
    runs: str = "runs"
    """Folder that holds the runs."""
    json: bool = False
    """One JSON object on standard output."""


def run(words: Sequence[str]) -> int:
    args = parse(Compare, words, verb="compare", description="Settings that differ between runs, and their measures.")
    from neurarium import api
    from neurarium.train.screen import number

    rows = api.compare(*args.names, root=args.runs)
    if args.json:
        emit({"runs": list(args.names), "rows": [vars(row) for row in rows]})
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table("", "", *args.names, box=None, header_style="bold")
    for row in rows:
        table.add_row(row.kind, row.name, *("" if value is None else number(value) for value in row.values))
    Console(highlight=False).print(table)
    return 0
