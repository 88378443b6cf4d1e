"""neurarium compare"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import tyro

from neurarium.cli import pictures
from neurarium.cli.arguments import emit, parse


@dataclass(frozen=True)
class Compare:
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """At least two runs, by folder or name."""
    runs: str = "runs"
    """Folder that holds the runs."""
    to: str = "pictures"
    """Folder in which the pictures are written: curves of the runs, and what their networks cost and reach."""
    json: bool = False
    """One JSON object on standard output."""


def run(words: Sequence[str]) -> int:
    args = parse(Compare, words, verb="compare", description="Settings that differ between runs, and their measures.")
    from neurarium import api
    from neurarium.train.screen import number

    rows = api.compare(*args.names, root=args.runs)
    figures = api.compare_pictures(*args.names, root=args.runs)
    files = pictures.write(args.to, {f"compare-{name}": figure for name, figure in figures.items()})
    if args.json:
        emit({"runs": list(args.names), "rows": [asdict(row) for row in rows], "pictures": files})
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table("", "", *args.names, box=None, header_style="bold")
    for row in rows:
        table.add_row(row.kind, row.name, *("" if value is None else number(value) for value in row.values))
    Console(highlight=False).print(table)
    if files:
        print(f"Pictures: {', '.join(files)}")
    return 0
