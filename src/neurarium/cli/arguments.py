"""Flags from dataclasses, through tyro."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from collections.abc import Sequence
from typing import Any, TypeVar

import tyro

from neurarium.train.recipe import UserError

T = TypeVar("T")


def parse(kind: type[T], words: Sequence[str], *, verb: str, description: str) -> T:
    """The dataclass `kind` from flags. Raises UserError for anything that does not fit; --help prints and exits."""
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told):
            return tyro.cli(
                kind,
                args=list(words),
                prog=f"neurarium {verb}",
                description=description,
                config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        raise UserError(_plain(told.getvalue())) from None


def _plain(text: str) -> str:
    """tyro's message as one sentence or two, without its frame, its title and its repetition of the help."""
    lines = [line.strip("│╭╰╮╯─ \t") for line in text.splitlines()]
    said = " ".join(line for line in lines[1:] if line)
    said = re.split(r" Argument helptext:| For full helptext", said)[0]
    return re.sub(r"Error parsing (recipe|engine|output): ", "", said)


def emit(value: Any) -> None:
    """One JSON object on standard output."""
    json.dump(_plain_json(value), sys.stdout, indent=1, default=str)
    print()


def _plain_json(value: Any) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _plain_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_json(inner) for inner in value]
    return value
