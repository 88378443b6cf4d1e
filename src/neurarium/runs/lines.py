"""JSON as every reader understands it, with all floats kept exactly."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any

from neurarium.runs.errors import RunError

_NAMES = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def dumps(value: Any, *, indent: int | None = None) -> str:
    """JSON text of numbers, texts, None, sequences and mappings with text keys.

    Finite floats are written with as many digits as bring back the same float. JSON has no word for the others, so
    they are the texts "NaN", "Infinity" and "-Infinity": unlike null they keep which one it was, and JavaScript's
    Number() and Python's float() read them. `loads` turns these three texts back; they are not allowed as texts.

    Raises RunError for any other type: a tensor, for example, must be brought to the host by who knows when.
    """
    plain = _plain(value)
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False, indent=indent)
    try:
        text.encode()
    except UnicodeEncodeError:  # a file name that is no UTF-8
        return json.dumps(plain, allow_nan=False, indent=indent)
    return text


def loads(text: str | bytes) -> Any:
    """What `dumps` wrote. Raises ValueError where the text is no JSON."""
    return _float(json.loads(text, parse_constant=_NAMES.__getitem__))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        if value in _NAMES:
            raise RunError(f"The text {value!r} stands for a number in a run's files; expected the float itself.")
        return str(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise RunError(f"Keys in a run's files are texts, received {key!r}; write str({key!r}).")
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return _plain(value.item())
    raise RunError(
        f"A run's files hold numbers, texts, lists and dicts of them, received {type(value).__qualname__}; "
        "turn it into one of these, for example with .item() or .tolist()."
    )


def _float(value: Any) -> Any:
    if isinstance(value, str):
        return _NAMES.get(value, value)
    if isinstance(value, list):
        return [_float(inner) for inner in value]
    if isinstance(value, dict):
        return {key: _float(inner) for key, inner in value.items()}
    return value
