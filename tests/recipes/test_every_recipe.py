"""Every recipe, tiny: it trains, resumes bit for bit from wherever it was stopped, and can be used without its data."""

from __future__ import annotations

import math
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from neurarium import api
from neurarium.recipes import CATALOGUE
from neurarium.recipes.find import fill
from neurarium.runs.run import Run
from neurarium.train import checkpoint, launch, ranks
from neurarium.train.fit import Interrupted
from neurarium.train.prove import prove
from neurarium.train.recipe import Recipe, UserError
from neurarium.train.settings import Settings
from neurarium.train.task import Task
from tests.recipes.comparing import difference
from tests.undrawn import undrawn

FIXED: dict[str, Any] = {"threads": 1, "precision": "float32", "compile": "off"}


class Quiet:
    """A screen that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def row(self, row: dict[str, Any], step: int, steps: int) -> None:
        self.said.append(str(row))


def tiny(name: str, **knobs: Any) -> Recipe:
    kind = CATALOGUE[name]
    return fill(kind, {**kind.tiny, **knobs})


def train(recipe: Recipe, folder: Path, **settings: Any) -> Run:
    return launch.train(recipe, Settings(**{"runs": str(folder), **FIXED, **settings}), Quiet())


def stop_at(step: int, task: type[Task], monkeypatch: pytest.MonkeyPatch) -> None:
    """Send this process SIGTERM in the middle of a step."""
    taken, count = task.step, 0

    def counted(self: Any, batches: Any, steppers: Any) -> Any:
        nonlocal count
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return taken(self, batches, steppers)

    monkeypatch.setattr(task, "step", counted)


@pytest.fixture(scope="module", params=CATALOGUE)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> api.Trained:
    """One whole run of each recipe with its report, for all tests of the recipe; who changes it takes a copy."""
    with undrawn(reports=True):  # which draw the same
        return api.train(tiny(request.param), screen=Quiet(), runs=str(tmp_path_factory.mktemp("runs")), **FIXED)


def test_trains_and_leaves_a_run(trained: api.Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, run = trained.recipe, trained.run
    assert {row["split"] for row in run.rows()} >= {"train", recipe.goal.split, "test"}
    for row in run.rows():
        assert all(math.isfinite(value) for value in row.values() if isinstance(value, float)), row
    assert run.header["finished"] is True
    assert {"name", "fields", "settings", "spec", "path", "versions", "machine", "commit", "steps"} <= run.header.keys()
    assert recipe.goal.measure in run.rows(recipe.goal.split)[-1]
    monkeypatch.setattr(type(recipe), "open_data", lambda self: pytest.fail("a saved run loads without its data"))
    task = launch.load_task(Run.open(run.path), recipe)
    best = checkpoint.load(run.best_path)
    for key, value in task.state_dict().items():
        assert torch.equal(value, torch.as_tensor(best[key])), key


@pytest.mark.catalogue("learning-task-definition")
def test_states_experience_task_and_performance(trained: api.Trained) -> None:
    text = trained.report.read_text()
    for part in ("Experience", "Task", "Performance"):
        assert part in text
    assert trained.recipe.goal.measure.replace("_", " ") in text
    assert type(trained.load()).__name__ in text


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    "settings", [{}, {"micro_batches": 2, "log_every": 4, "evaluations": 1}], ids=["plain", "micro-batches"]
)
def test_resume_equals_straight_through(
    trained: api.Trained, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = trained.recipe
    if recipe.name == "perceptron" and settings:
        pytest.skip("batches of one item cannot be cut")
    whole = train(recipe, tmp_path / "whole", **settings) if settings else trained.run
    steps = whole.header["steps"]
    with monkeypatch.context() as patch:
        stop_at(min(7, steps - 1), type(recipe.task(recipe.open_data().spec)), patch)
        with pytest.raises(Interrupted, match=r"neurarium resume"):
            train(recipe, tmp_path / "cut", **settings)
    run = Run.open("last", tmp_path / "cut")
    assert not run.header.get("finished")
    launch.resume(run, recipe, Quiet())
    assert difference(whole, Run.open(run.path)) == ""


def test_prove_replays_bit_for_bit_and_names_what_differs(trained: api.Trained, tmp_path: Path) -> None:
    run = Run.open(shutil.copytree(trained.path, tmp_path / trained.path.name))
    recipe = trained.recipe
    assert prove(run, recipe, Quiet()).differs == ""
    last = run.last_checkpoint()
    assert last is not None
    state = checkpoint.load(last)
    name_of = next(key for key, value in state.items() if key.startswith("task.") and getattr(value, "ndim", 0) >= 2)
    weight = torch.as_tensor(state[name_of])
    first = weight.view(-1)[:1]
    first.copy_(torch.nextafter(first, torch.tensor(math.inf)))
    checkpoint.save(last, state)
    assert name_of in prove(run, recipe, Quiet()).differs


def test_stopping_by_patience_and_by_goal(tmp_path: Path) -> None:
    recipe = tiny("logistic-regression", epochs=30.0, lr=0.5)
    patient = train(recipe, tmp_path, patience=2, evaluations=30)
    assert "has not improved for 2" in patient.header["stopped"]
    scores = [row["accuracy"] for row in patient.rows("validation")]
    assert max(scores[-2:]) <= max(scores[:-2])
    best = int(torch.as_tensor(scores).argmax())
    assert patient.rows("test")[0]["step"] == patient.rows("validation")[best]["step"], "the best weights are judged"
    reached = train(recipe, tmp_path, until=0.5, evaluations=30)
    assert "reached" in reached.header["stopped"]
    *before, at_the_end = (row["accuracy"] for row in reached.rows("validation"))
    assert at_the_end >= 0.5 > max(before, default=0.0)


def test_a_step_that_is_not_finite_ends_the_run_and_keeps_the_last_good_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny("mlp", epochs=4.0)
    kind = type(recipe.task(recipe.open_data().spec))
    whole, count = kind.loss, 0

    def spoiled(self: Any, batch: Any) -> Any:
        nonlocal count
        count += 1
        losses = whole(self, batch)
        return losses | {"loss": losses["loss"] * math.nan} if count > 20 and self.training else losses

    monkeypatch.setattr(kind, "loss", spoiled)
    with pytest.raises(UserError, match=r"^loss is no longer finite at step \d+; the weights were not moved"):
        train(recipe, tmp_path, checkpoint_every=5, log_every=5)
    run = Run.open("last", tmp_path)
    last = run.last_checkpoint()
    assert last is not None
    state = checkpoint.load(last)
    assert all(bool(torch.as_tensor(v).isfinite().all()) for k, v in state.items() if k.startswith("task."))


def test_another_world_is_refused(tmp_path: Path) -> None:
    recipe = tiny("logistic-regression")
    run = train(recipe, tmp_path)
    run.update_header(world=2)
    assert ranks.world() == 1
    with pytest.raises(UserError, match="torchrun --nproc-per-node 2"):
        launch.resume(Run.open(run.path), recipe, Quiet())
