from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurarium.runs.errors import RunError
from neurarium.runs.lines import dumps, loads

texts = st.text(st.characters(codec=None)).filter(lambda text: text not in ("NaN", "Infinity", "-Infinity"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_round_trip_is_exact(value: object) -> None:
    text = dumps(value)
    assert loads(text.encode()) == value
    assert "\n" not in text
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


@given(st.floats())
def test_floats_keep_every_bit_that_json_can(value: float) -> None:
    back = loads(dumps([value]))[0]
    if math.isnan(value):
        assert math.isnan(back)
    else:
        assert struct.pack("d", back) == struct.pack("d", value)


def test_what_is_not_finite_is_text_that_names_which() -> None:
    assert dumps([math.nan, math.inf, -math.inf]) == '["NaN", "Infinity", "-Infinity"]'
    with pytest.raises(RunError, match="expected the float itself"):
        dumps("NaN")


def test_scalars_of_numpy_paths_and_tuples() -> None:
    assert loads(dumps({"a": np.float32(0.1), "b": np.int64(3), "c": (Path("x/y"),), "d": np.bool_(True)})) == {
        "a": float(np.float32(0.1)),
        "b": 3,
        "c": ["x/y"],
        "d": True,
    }


@pytest.mark.parametrize("value", [np.zeros(3), {1, 2}, b"x", object()])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(RunError, match=f"received {type(value).__qualname__}; turn it into"):
        dumps({"loss": value})


def test_keys_are_texts() -> None:
    with pytest.raises(RunError, match=r"received 1; write str\(1\)"):
        dumps({1: 2})
