"""Runs side by side, as a table and as pictures."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from neurarium import api
from neurarium.cli.main import main
from neurarium.plots.compare import score_by_cost
from tests.undrawn import undrawn


class Silent:
    def row(self, row: dict[str, Any], step: int, steps: int) -> None: ...

    def say(self, text: str) -> None: ...


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for system, knobs in (("mlp", {"hidden": (8,)}), ("mlp", {"hidden": (16,)}), ("logistic-regression", {})):
        with undrawn():
            api.train(system, data="digits:60", epochs=2.0, runs=folder, screen=Silent(), **knobs)
    return folder


@pytest.mark.catalogue("accuracy-scatter")
def test_what_networks_cost_and_reach(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["mlp-001", "mlp-002"]
    rows = {row.name: row for row in api.compare(*names, root=str(runs))}
    assert rows["parameters"].values == ((64 + 1) * 8 + (8 + 1) * 10, (64 + 1) * 16 + (16 + 1) * 10)
    assert rows["multiply-adds"].values == (64 * 8 + 8 * 10, 64 * 16 + 16 * 10)
    figures = api.compare_pictures(*names, root=str(runs))
    for name in names:
        test = api.open_run(name, runs=str(runs)).test
        (point,) = (part for part in figures["cost"].axes[0].collections if part.get_gid() == f"run-{name}")
        np.testing.assert_allclose(
            point.get_offsets(), [[rows["multiply-adds"].values[names.index(name)], test["loss"]]]
        )
    to = runs / "pictures"
    assert main(["compare", *names, "--runs", str(runs), "--to", str(to), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [Path(file).name for file in found["pictures"]] == ["compare-curves.png", "compare-cost.png"]
    for file in found["pictures"]:
        with Image.open(file) as image:
            assert min(image.size) > 300


def test_curves_are_the_rows_of_the_runs_and_other_goals_have_none(runs: Path) -> None:
    figures = api.compare_pictures("mlp-001", "mlp-002", root=str(runs))
    rows = api.open_run("mlp-002", runs=str(runs)).run.rows("validation")
    lines = {line.get_gid(): line for axes in figures["curves"].axes for line in axes.lines}
    np.testing.assert_allclose(lines["validation-mlp-002"].get_ydata(), [row["loss"] for row in rows])
    assert lines["validation-mlp-002"].get_xdata()[-1] == 1
    assert set(lines) == {f"{split}-mlp-00{i}" for split in ("training", "validation") for i in (1, 2)}
    assert api.compare_pictures("mlp-001", "logistic-regression-001", root=str(runs)) == {}


def test_names_of_near_points_cover_neither_each_other_nor_a_point() -> None:
    costs = {"a long name": 10.0, "another name": 11.0, "a third": 10.5, "far": 1e3}
    scores = {"a long name": 0.9, "another name": 0.9, "a third": 0.89, "far": 0.5}
    figure = score_by_cost(costs, scores, cost="x", score="y")
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == sorted(costs, key=lambda name: -scores[name])
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(one.overlaps(two) for one, two in combinations(boxes, 2))
    points = axes.transData.transform([(costs[name], scores[name]) for name in costs])
    assert not any(box.contains(x, y) for box in boxes for x, y in points)
