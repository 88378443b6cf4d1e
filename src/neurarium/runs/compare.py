"""Runs side by side: what was set differently, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurarium.runs.run import Run

_SETTINGS = ("name", "fields", "settings", "device", "threads", "path", "versions", "commit")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    kind: "setting" or "measure".
    name: a setting with dots, e.g. "fields.lr"; a measure with its split, e.g. "test accuracy".
    values: one a run, in the order of the runs; None where a run has no such setting or measure.
    """

    kind: str
    name: str
    values: tuple[Any, ...]


def compare(runs: Sequence[Run]) -> list[Row]:
    """Settings that differ between the runs, then the final measures of every split: its last row.

    Settings are those of recipe.json: the recipe's name and fields, the engine's settings, device, threads, versions.
    """
    settings = [dict(_flat({key: run.header[key] for key in _SETTINGS if key in run.header})) for run in runs]
    measures = [_final(run) for run in runs]
    table = []
    for name in _union(settings):
        values = tuple(setting.get(name) for setting in settings)
        if any(not _same(value, values[0]) for value in values[1:]):
            table.append(Row("setting", name, values))
    table += [Row("measure", name, tuple(run.get(name) for run in measures)) for name in _union(measures)]
    return table


def _final(run: Run) -> dict[str, Any]:
    last = {row["split"]: row for row in run.rows()}
    return {
        f"{split} {name}": value
        for split, row in last.items()
        for name, value in row.items()
        if name != "split" and isinstance(value, int | float)
    }


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix, value


def _union(tables: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for table in tables for name in table))


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and (one == other or (one != one and other != other))  # NaN is the same as NaN
