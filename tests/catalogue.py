"""What the catalogue asks for, and what the tests say they prove.

A test proves rows of docs/catalogue by carrying `@pytest.mark.catalogue("id", ...)`. The markers are read from the
source, so counting them runs no test and imports nothing.

    python -m tests.catalogue                    proven / total of every section
    python -m tests.catalogue --round engine     of one round of work only
    python -m tests.catalogue --open             and the rows that no test proves yet

Exits with 2 where a marker names no row, or names it by anything but a plain string.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "catalogue"
TESTS = ROOT / "tests"
LAST_OWNED_SECTION = 14  # 15 is a reading list, 16 tells what the notes misprint: facts of other rows


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table. `cells` maps the heading of each column, the id left out, to its text."""

    id: str
    section: int
    title: str
    subsection: str  # "9.1", or "" in a section without parts
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Marker:
    """An id that a test claims to prove, and where it says so."""

    id: str
    place: str


def cells_of(line: str) -> list[str]:
    """The texts between the bars; `\\_` is how markdown writes an underscore that must not begin an emphasis."""
    return [cell.strip().replace(r"\_", "_") for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def parse(text: str, source: str = "catalogue") -> Iterator[Row]:
    """The rows of one page: a title `# 9 Name`, parts `## 9.1 Name`, tables whose first column is the id."""
    section, title, subsection = 0, "", ""
    heading: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if found := re.fullmatch(r"# (\d+) (.+)", line):
            section, title = int(found[1]), found[2]
        elif found := re.fullmatch(r"## (\d+\.\d+) .+", line):
            subsection = found[1]
        elif not line.startswith("|"):
            heading = []
        elif not heading:
            heading = cells_of(line)
            if heading[0] != "id" or not section:
                raise ValueError(f"{source}:{number}: a table starts with a column 'id', below a title '# N Name'")
        elif not re.fullmatch(r"[|:\- ]+", line):
            cells = cells_of(line)
            if len(cells) != len(heading) or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cells[0]):
                raise ValueError(f"{source}:{number}: expected an id and {len(heading) - 1} more cells, got {cells}")
            yield Row(cells[0], section, title, subsection, dict(zip(heading[1:], cells[1:], strict=True)))


def rows(folder: Path = FOLDER) -> list[Row]:
    """All rows, in the order of the sections."""
    return [row for page in sorted(folder.glob("[0-9]*.md")) for row in parse(page.read_text("utf-8"), page.name)]


def owners(folder: Path = FOLDER) -> dict[str, str]:
    """The round of work that brings each row of sections 1 to 14."""
    found: dict[str, str] = json.loads((folder / "owners.json").read_text("utf-8"))
    return found


def markers_in(source: str, place: str = "test") -> Iterator[Marker]:
    """Every id in a call of `pytest.mark.catalogue`, be it a decorator, a `pytestmark` or a mark of one parameter."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func) in ("pytest.mark.catalogue", "mark.catalogue")):
            continue
        where = f"{place}:{node.lineno}"
        if not node.args or node.keywords:
            raise ValueError(f"{where}: the marker takes ids and nothing else: catalogue('lenet-5', ...)")
        for argument in node.args:
            if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                raise ValueError(f"{where}: write each id as a plain string, not {ast.unparse(argument)}")
            yield Marker(argument.value, where)


def markers(folder: Path = TESTS) -> list[Marker]:
    return [
        marker
        for file in sorted(folder.rglob("*.py"))
        for marker in markers_in(file.read_text("utf-8"), str(file.relative_to(folder.parent)))
    ]


def unknown(found: Iterable[Marker], known: Iterable[Row]) -> list[Marker]:
    ids = {row.id for row in known}
    return [marker for marker in found if marker.id not in ids]


def report(
    known: list[Row], proven: set[str], rounds: dict[str, str], only: str | None, show_open: bool
) -> Iterator[str]:
    """The lines that are printed: a table by section, the same by round, and on demand what is open."""
    known = [row for row in known if only is None or rounds.get(row.id) == only]
    width = max(len(f"{row.section} {row.title}") for row in known)

    def line(name: str, ids: list[str]) -> str:
        return f"{name:<{width}}  {sum(id in proven for id in ids):>4} / {len(ids)}"

    for section, title in dict.fromkeys((row.section, row.title) for row in known):
        yield line(f"{section} {title}", [row.id for row in known if row.section == section])
    yield line("all", [row.id for row in known])
    for name in dict.fromkeys(rounds.values()):
        ids = [row.id for row in known if rounds.get(row.id) == name]
        if not ids:
            continue
        if only is None:
            yield line(f"round {name}", ids)
        missing = [id for id in ids if id not in proven]
        if show_open and missing:
            yield f"open in round {name}: {', '.join(missing)}"


def main(arguments: list[str] | None = None) -> int:
    known, rounds = rows(), owners()
    parser = argparse.ArgumentParser(prog="python -m tests.catalogue", description="Rows proven by tests.")
    parser.add_argument("--round", choices=sorted(set(rounds.values())), help="count the rows of this round only")
    parser.add_argument("--open", action="store_true", help="name the rows that no test proves yet")
    given = parser.parse_args(arguments)
    try:
        found = markers()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    wrong = unknown(found, known)
    for marker in wrong:
        print(f"{marker.place}: the catalogue has no row {marker.id!r}", file=sys.stderr)
    if wrong:
        return 2
    print("\n".join(report(known, {marker.id for marker in found}, rounds, given.round, given.open)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
