"""A rehearsal's choice is taken again where it was measured, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neurarium.recipes import CATALOGUE
from neurarium.recipes.find import fill
from neurarium.train import rehearsal
from neurarium.train.data import Shard
from neurarium.train.rehearsal import Rehearsal, Trial
from neurarium.train.settings import Settings


def test_a_choice_among_two_threads_is_not_taken_where_one_is_allowed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    measured = []

    def measure(recipe: Any, data: Any, settings: Any, steps: int, plain: Any) -> Rehearsal:
        measured.append(plain.threads)
        return Rehearsal(plain, "as it was", (Trial(plain, 1.0, 1.0, (0.5,)),))

    monkeypatch.setattr(rehearsal, "_measure", measure)
    recipe = fill(CATALOGUE["lenet5"], {"data": "digits"})
    data = recipe.open_data()
    found = []
    for threads in ("2", "1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        found.append(rehearsal.rehearse(recipe, data, Settings(), 10_000, Shard()))
    assert measured == [2, 1]
    assert [choice.path.threads for choice in found] == [2, 1, 2]
    assert [choice.why.endswith("measured before") for choice in found] == [False, False, True]
