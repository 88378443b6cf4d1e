"""neurarium show"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, make_dataclass
from typing import Any

from neurarium.cli import pictures, scores
from neurarium.cli.arguments import emit, parse
from neurarium.explain import TOPICS
from neurarium.train.recipe import Recipe, UserError, near

USAGE = """usage: neurarium show SYSTEM [its flags]   layers, receptive fields, memory, a drawing, knobs
       neurarium show TOPIC [its flags]    a page of the lecture, with its numbers and pictures
"""


UNITS = {"GB": 1e9, "MB": 1e6, "kB": 1e3, "B": 1}


@dataclass(frozen=True, kw_only=True)
class Output:
    to: str = "pictures"
    """Folder in which the pictures are written."""
    json: bool = False
    """One JSON object on standard output, all else on standard error."""


@dataclass(frozen=True, kw_only=True)
class SystemOutput(Output):
    features: str = ""
    """A trained run of this system: also show which patches of images excite its units most."""


def run(words: Sequence[str]) -> int:
    from neurarium.recipes import CATALOGUE

    if not words or words[0].startswith("-"):
        print(USAGE)
        width = max(map(len, TOPICS))
        print("\n".join(f"  {name:<{width}}  {text}" for name, text in TOPICS.items()))
        if words[:1] in (["-h"], ["--help"]):
            return 0
        raise UserError("Name the system or topic to show, for example: neurarium show lenet5.")
    name = words[0]
    if name in TOPICS:
        return _topic(name, words[1:])
    if name not in CATALOGUE and ".py:" not in name:
        raise UserError(f"There is no system or topic {name!r}.{near(name, [*CATALOGUE, *TOPICS])}")
    return _system(name, words[1:])


def _topic(name: str, words: Sequence[str]) -> int:
    module = importlib.import_module(f"neurarium.explain.{name.replace('-', '_')}")
    both = make_dataclass("Arguments", [("options", module.Options), ("output", Output)])
    args: Any = parse(both, words, verb=f"show {name}", description=module.__doc__ or "")
    try:
        lesson = module.tell(args.options)
    except ValueError as error:
        raise UserError(str(error)) from None
    figures = {f"{name}-{picture}": figure for picture, figure in lesson.figures.items()}
    films = {f"{name}-{picture}": frames for picture, frames in lesson.animations.items()}
    files = pictures.write(args.output.to, figures, films)
    if args.output.json:
        emit({"topic": name, **lesson.values, "pictures": files})
        return 0
    print(lesson.text)
    if files:
        print(f"\nPictures: {', '.join(files)}")
    return 0


def _system(name: str, words: Sequence[str]) -> int:
    from neurarium.cli.train import parse_recipe
    from neurarium.recipes.find import find

    kind = find(name)
    recipe, settings, output = parse_recipe(kind, name, words, output=SystemOutput, verb="show")
    from neurarium.uses import description

    trained = _trained(output.features, kind, settings.runs) if output.features else None
    recipe = trained.recipe if trained else recipe
    data = recipe.open_data()
    found = description.networks(recipe, data)
    networks = {part: description.layers(*network) for part, network in found.items()}
    figures = {
        f"{kind.name}-{part}": description.drawing(*network, title=f"{kind.name}, {part}")
        for part, network in found.items()
    }
    if trained:
        figures[f"{kind.name}-features"] = description.features(trained.load(), data)
    files = pictures.write(output.to, figures)
    memory = description.memory(recipe, data, settings)
    knobs = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    if output.json:
        claims = [asdict(claim) for claim in kind.claims]
        emit({"name": kind.name, "paper": kind.paper, "networks": networks, "memory": memory,
              "knobs": knobs, "claims": claims, "pictures": files})  # fmt: skip
        return 0
    _print(kind, networks, memory, knobs)
    print(f"\nPictures: {', '.join(files)}")
    return 0


def _trained(name: str, kind: type[Recipe], runs: str) -> Any:
    from neurarium import api

    trained = api.open_run(name, runs=runs)
    if trained.kind is not kind:
        raise UserError(f"--features {name} is a run of {trained.kind.name}, not of {kind.name}. Name one of this.")
    return trained


def _print(
    kind: type[Recipe], networks: dict[str, list[dict[str, Any]]], memory: dict[str, int], knobs: dict[str, Any]
) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    console.print(f"[bold]{kind.name}[/bold]  {kind.paper}\n")
    for name, rows in networks.items():
        table = Table(title=name, title_justify="left", box=None, header_style="bold")
        rows = [_with_field(row) for row in rows]
        for heading in rows[0]:
            right = heading not in ("name", "type", "kind")
            table.add_column(heading.replace("_", " "), justify="right" if right else "left")
        for row in rows:
            table.add_row(*(_cell(value) for value in row.values()))
        console.print(table)
        console.print()
    console.print(_memory(memory) + "\n", soft_wrap=True)
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


def _memory(found: dict[str, int]) -> str:
    """One line: what a step takes and for what."""

    def size(number: float) -> str:
        unit = next((unit for unit in ("GB", "MB", "kB") if number >= UNITS[unit]), "B")
        return f"{number / UNITS[unit]:.3g} {unit}"

    kept = found["fixed"] + found["per_item"] * found["batch"]
    return (
        f"[bold]Memory[/bold]  trains with batches of {found['batch']:,} in about {size(found['total'])}: "
        f"weights {size(found['weights'])}, gradients {size(found['gradients'])}, "
        f"optimizer {size(found['optimizer'])}, kept for the backward pass {size(kept)} "
        f"({size(found['per_item'])} an item)"
    )


def _with_field(row: dict[str, Any]) -> dict[str, Any]:
    """The receptive field and its stride in one cell: "14, every 2", "5 x 9, every 1 x 2", or "all"."""
    if "receptive_field" not in row:
        return row
    row = dict(row)
    size, stride = row["receptive_field"], row.pop("field_stride")
    if size is not None:
        short = [value[0] if len({*value}) == 1 else _cell(value) for value in (size, stride)]
        row["receptive_field"] = f"{short[0]}, every {short[1]}" if any(stride) else "all"
    return row


def _cell(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return " x ".join(map(str, value)) if isinstance(value, list | tuple) else str(value if value is not None else "")


def _flat(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value) if value != "" else "''"
