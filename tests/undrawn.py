"""Runs without pictures, for tests that look at numbers alone: drawing takes several times as long as the training of a
small network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

_draw = Figure.savefig


def _without_files(figure: Figure, to: Any, **options: Any) -> None:
    if isinstance(to, str | Path):
        Path(to).touch()
    else:  # a report holds its figures itself
        _draw(figure, to, **options)


@contextmanager
def undrawn(*, reports: bool = False) -> Iterator[None]:
    """Figures are made and not drawn: their files are empty. Reports are left out, or written in full."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", _without_files)
        if not reports:
            patch.setattr("neurarium.api.write_run_report", lambda trained, data=None: trained.report)
        yield
