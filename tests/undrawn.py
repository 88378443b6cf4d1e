"""Runs without pictures and reports, for tests that look at numbers alone: drawing takes several times as long as the
training of a small network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


def _empty(self: object, path: Any, **_: object) -> None:
    Path(path).touch()


@contextmanager
def undrawn() -> Iterator[None]:
    """Figures are made and not drawn: their files are empty. Reports are not written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("matplotlib.figure.Figure.savefig", _empty)
        patch.setattr("neurarium.api.write_run_report", lambda trained, data=None: trained.report)
        yield
