"""What every test shares. Nothing heavy is imported here, so that collecting one file stays quick."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")  # read when matplotlib is first imported: no test opens a window
# Read when torch is first imported. Tiny tensors gain nothing from threads, and on a busy machine threads that wait for
# one another make every step tens of times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def data_home() -> Path:
    """The folder with the real data sets, one folder each; tests that ask for it skip where there is none."""
    named = os.environ.get("NEURARIUM_DATA")
    if not named:
        pytest.skip("needs real data: NEURARIUM_DATA names no folder")
    home = Path(named)
    if not home.is_dir():
        pytest.skip(f"needs real data: NEURARIUM_DATA names {home}, which is no folder")
    return home


@pytest.fixture(name="undrawn")
def no_drawing() -> Iterator[None]:
    """See tests/undrawn.py. Fixtures of a whole module use the context manager that stands there."""
    from tests.undrawn import undrawn

    with undrawn():
        yield
