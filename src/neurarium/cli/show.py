"""neurarium show"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from neurarium.cli import scores
from neurarium.cli.arguments import emit
from neurarium.train.recipe import Recipe, UserError


def run(words: Sequence[str]) -> int:
    from neurarium.cli.train import parse_recipe
    from neurarium.recipes.find import find

    if not words or words[0].startswith("-"):
        print("usage: neurarium show SYSTEM [its flags]\n\nLayers, shapes, parameters, multiply-adds, claims, knobs.")
        if words[:1] in (["-h"], ["--help"]):
            return 0
        raise UserError("Name the system to show, for example: neurarium show lenet5.")
    kind = find(words[0])
    recipe, _, output = parse_recipe(kind, words[0], words[1:])
    from neurarium import api

    networks = api.layers(recipe)
    knobs = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    if output.json:
        claims = [asdict(claim) for claim in kind.claims]
        emit({"name": kind.name, "paper": kind.paper, "networks": networks, "knobs": knobs, "claims": claims})
        return 0
    _print(kind, networks, knobs)
    return 0


def _print(kind: type[Recipe], networks: dict[str, list[dict[str, Any]]], knobs: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    console.print(f"[bold]{kind.name}[/bold]  {kind.paper}\n")
    for name, rows in networks.items():
        table = Table(title=name, title_justify="left", box=None, header_style="bold")
        for heading in rows[0]:
            right = heading not in ("name", "type", "kind")
            table.add_column(heading.replace("_", " "), justify="right" if right else "left")
        for row in rows:
            table.add_row(*(_cell(value) for value in row.values()))
        console.print(table)
        console.print()
    console.print(
        "[bold]Knobs[/bold]  " + "  ".join(f"--{n.replace('_', '-')} {_flat(v)}" for n, v in knobs.items()),
        soft_wrap=True,
    )
    measured = scores.results(kind.name).get("claims", [])
    console.print("\n[bold]Claims[/bold]")
    for number, claim in enumerate(kind.claims):
        setting = " ".join(f"--{name} {value}" for name, value in claim.knobs) or "as it stands"
        figure = f"; measured {measured[number]['mean']:.4f}" if number < len(measured) else "; not measured yet"
        paper = f"; paper: {claim.paper}" if claim.paper else ""
        console.print(
            f"  {claim.split} {claim.measure} at {claim.at} {claim.bound} ({setting}){figure}{paper}", soft_wrap=True
        )


def _cell(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return " x ".join(map(str, value)) if isinstance(value, list | tuple) else str(value if value is not None else "")


def _flat(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value) if value != "" else "''"
