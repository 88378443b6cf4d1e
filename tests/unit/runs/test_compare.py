from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from neurarium.runs.compare import Row, compare
from neurarium.runs.errors import RunError
from neurarium.runs.events import Events, export_events
from neurarium.runs.run import Run


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    one = Run.create(tmp_path, "lenet5", {"fields": {"lr": 0.1, "width": 6}, "settings": {"seed": 0}, "spec": {"a": 1}})
    two = Run.create(tmp_path, "lenet5", {"fields": {"lr": 0.2, "width": 6, "dropout": 0.5}, "settings": {"seed": 0}})
    for run, shift in ((one, 0.0), (two, 0.25)):
        for step in (10, 20):
            run.append({"step": step, "split": "train", "loss": 1 / step + shift})
            run.append({"step": step, "split": "validation", "loss": math.nan if shift else 0.5, "note": "text"})
        run.close()
    two.append({"step": 20, "split": "test", "accuracy": 0.75})
    two.close()
    return [one, two]


def test_settings_that_differ_and_final_measures(runs: list[Run]) -> None:
    table = compare(runs)
    assert table[:5] == [
        Row("setting", "fields.lr", (0.1, 0.2)),
        Row("setting", "fields.dropout", (None, 0.5)),
        Row("measure", "train step", (20, 20)),
        Row("measure", "train loss", (0.05, 0.3)),
        Row("measure", "validation step", (20, 20)),
    ]
    assert table[5].name == "validation loss"
    assert table[5].values[0] == 0.5
    assert math.isnan(table[5].values[1])
    assert table[6:] == [Row("measure", "test step", (None, 20)), Row("measure", "test accuracy", (None, 0.75))]


def test_one_run_and_none(runs: list[Run]) -> None:
    assert [row.kind for row in compare(runs[:1])] == ["measure"] * 4
    assert compare([]) == []


def test_events_are_read_back_by_tensorboard(runs: list[Run]) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for _ in range(2):  # the second export replaces the first
        folder = export_events(runs[1])
    assert sorted(path.name for path in folder.iterdir()) == ["test", "train", "validation"]
    reader = EventAccumulator(str(folder / "train"))
    reader.Reload()
    assert reader.Tags()["scalars"] == ["loss"]
    assert [(event.step, event.value) for event in reader.Scalars("loss")] == [
        (10, pytest.approx(0.35)),
        (20, pytest.approx(0.3)),
    ]
    assert "torch" not in reader.__class__.__module__


def test_missing_package_says_how_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto", None)
    with pytest.raises(RunError, match=r'pip install "neurarium\[track\]"'):
        Events(tmp_path)
