"""Scores that `neurarium verify` has measured: docs/results in a checkout, the same files in an installed package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]


def folder() -> Path:
    """Where results are read, and by default written."""
    inside = PACKAGE / "_results"
    return inside if inside.is_dir() else PACKAGE.parents[1] / "docs" / "results"


def results(name: str) -> dict[str, Any]:
    """What was measured of a system; {} where nothing was."""
    file = folder() / f"{name}.json"
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def best(name: str) -> dict[str, Any]:
    """The claim that is compared with a paper, else the first; {} where nothing was measured."""
    claims = results(name).get("claims", [])
    return next((claim for claim in claims if claim["paper"]), claims[0] if claims else {})


def sentence(claim: dict[str, Any]) -> str:
    """ "accuracy 0.9912 ± 0.0004 on mnist, 3 seeds" """
    knobs = dict(claim["knobs"])
    setting = ", ".join(str(value) if name in ("data", "form") else f"{name} {value}" for name, value in knobs.items())
    spread = f" ± {claim['deviation']:.4f}" if claim["seeds"] > 1 else ""
    return (
        f"{claim['measure']} {claim['mean']:.4f}{spread}{' on ' + setting if setting else ''}, {claim['seeds']} seeds"
    )
