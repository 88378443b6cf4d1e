"""Recipes of one-dimensional ConvNets: the paper's schedule, the models beside them, and use on one's own texts."""

from __future__ import annotations

import csv
import json
from math import log
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from neurarium import api
from neurarium.cli.main import main
from neurarium.data.corpora import topics
from neurarium.recipes import CATALOGUE
from neurarium.recipes.find import fill
from neurarium.train.data import Shard, Spec
from neurarium.train.hardware import FastPath
from neurarium.train.recipe import UserError
from neurarium.train.settings import Settings
from neurarium.train.training import build

QUIET: dict[str, Any] = {"threads": 1, "precision": "float32", "compile": "off"}
NEWS = Spec(shape=(1014,), sizes={"train": 6000}, classes=("a", "b", "c", "d"), vocabulary=("",) * 71)


@pytest.mark.catalogue("character-level-convnet", "step-decay-schedule", "momentum", "dropout")
def test_the_paper_s_optimisation() -> None:
    """Momentum 0.9, batches of 128, a step of 0.01 that is halved every 3 epochs, dropout 0.5."""
    knobs = {
        "size": "mini",
        "optimizer": "momentum",
        "lr": 0.01,
        "batch_size": 128,
        "dropout": 0.5,
        "shift": 0,
        "epochs": 30.0,
    }
    assert all(f"--{name.replace('_', '-')} {value:g}" in (CATALOGUE["char-convnet"].__doc__ or "")
               for name, value in knobs.items() if isinstance(value, float | int))  # fmt: skip
    recipe = fill(CATALOGUE["char-convnet"], knobs)
    task: Any = recipe.task(NEWS)
    (optimizer,) = [task.descent.optimizer([nn.Parameter(torch.zeros(1))])]
    assert isinstance(optimizer, torch.optim.SGD)
    assert optimizer.defaults["momentum"] == 0.9
    assert optimizer.defaults["lr"] == 0.01
    assert optimizer.defaults["weight_decay"] == 0
    epochs_of_three = 3 * 6000 / 128  # 140.6 steps
    for step in range(0, 1400, 35):
        if abs(step / epochs_of_three - round(step / epochs_of_three)) > 0.1:
            assert 0.01 * task.descent.schedule(step) == 0.01 * 0.5 ** int(step / epochs_of_three)
    assert [layer.p for layer in task.modules() if isinstance(layer, nn.Dropout)] == [0.5, 0.5]


@pytest.mark.parametrize(("size", "maps", "hidden"), [("large", 1024, 2048), ("small", 256, 1024)])
@pytest.mark.catalogue("character-level-convnet")
def test_the_paper_s_two_sizes(size: str, maps: int, hidden: int) -> None:
    with torch.device("meta"):
        task: Any = fill(CATALOGUE["char-convnet"], {"size": size}).task(NEWS)
    assert [layer.out_channels for layer in task.modules() if isinstance(layer, nn.Conv1d)] == [maps] * 6
    assert [layer.out_features for layer in task.modules() if isinstance(layer, nn.Linear)] == [hidden, hidden, 4]


@pytest.mark.parametrize("unit", ["words", "stems", "characters"])
@pytest.mark.catalogue("text-convnet-1d", "text-classification")
def test_three_units_learn_and_stand_beside_bags(unit: str, tmp_path: Path) -> None:
    class Screen:
        said: tuple[str, ...] = ()

        def say(self, text: str) -> None:
            self.said += (text,)

        def row(self, row: dict[str, Any], step: int, steps: int) -> None: ...

    screen = Screen()
    run = api.train(
        "text-convnet", data="topics", unit=unit, epochs=8.0, filters=16, embedding_size=16, lr=0.01,
        runs=str(tmp_path), screen=screen, **QUIET,
    )  # fmt: skip
    assert run.test["accuracy"] > 0.9
    others = run.run.header["others"]
    assert set(others) == {"guess", "bag of words", "bag of n-grams"}
    assert others["bag of words"]["accuracy"] > 0.9
    (told,) = [text for text in screen.said if "On the same test split" in text]
    assert f"bag of n-grams {others['bag of n-grams']['accuracy']:.4g}" in told
    assert "bag of n-grams" in run.report.read_text()


@pytest.mark.usefixtures("undrawn")
def test_trained_on_a_table_used_on_new_texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = topics(0)
    table, new = tmp_path / "mails.csv", tmp_path / "new.txt"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["body", "kind"])
        writer.writerows(zip(corpus.texts[:300], (corpus.classes[label] for label in corpus.labels[:300]), strict=True))
    new.write_text("Every day the choir and the violin, a concert and an opera!")
    run = api.train(
        "text-convnet", data=str(table), target="kind", text="body", epochs=15.0, filters=16, embedding_size=16,
        lr=0.01, runs=str(tmp_path / "runs"), **QUIET,
    )  # fmt: skip
    table.unlink()
    assert main(["predict", str(run.path), str(new), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["predictions"]
    assert row["prediction"] == "music"
    assert row["input"] == "new.txt"


@pytest.mark.usefixtures("undrawn")
@pytest.mark.catalogue("time-series-convnet")
def test_windows_of_a_signal_are_classified(tmp_path: Path) -> None:
    run = api.train(
        "signal-convnet", data="waves", epochs=20.0, filters=(16, 16), kernel_sizes=(8, 5), runs=str(tmp_path), **QUIET
    )
    assert run.test["accuracy"] > 0.95
    assert run.run.header["others"]["linear model"]["accuracy"] < 0.7  # the phase hides the shape from it
    data: Any = run.recipe.open_data()
    task: Any = run.load()
    assert (task.predict(data.items("test").x.numpy()) == data.items("test").y).float().mean() > 0.95


@pytest.mark.parametrize("name", ["char-convnet", "text-convnet", "signal-convnet"])
def test_one_batch_is_learned_by_heart(name: str) -> None:
    kind = CATALOGUE[name]
    recipe = fill(kind, {**kind.tiny, **({} if name == "signal-convnet" else {"dropout": 0.0})})
    data = recipe.open_data()
    training = build(recipe, data, Settings(threads=1), FastPath("cpu"), Shard())
    batch: Any = next(training.stream)
    batch = type(batch)(*(field[:16] for field in batch))
    optimizer = torch.optim.Adam(training.task.parameters(), lr=0.005)
    first = training.task.loss(batch)  # type: ignore[attr-defined]
    if name != "signal-convnet":  # whose features, normalised over the batch, are not small before training
        assert float(first["loss"].value.detach()) == pytest.approx(log(3), rel=0.2)
    for _ in range(150):
        means = training.task.loss(batch)  # type: ignore[attr-defined]
        optimizer.zero_grad()
        means["loss"].value.backward()
        optimizer.step()
    assert float(means["accuracy"].value) == 1
    assert float(means["loss"].value.detach()) < 0.1


@pytest.mark.parametrize(
    ("name", "knobs", "message"),
    [
        ("char-convnet", {"data": "topics", "length": 100}, r"at least 123 characters, received length=100"),
        ("signal-convnet", {"data": "waves", "filters": (4,)}, r"as many filters as kernel sizes"),
        ("text-convnet", {"data": "topics", "kernel_sizes": (0,)}, r"at least one token"),
    ],
)
def test_what_cannot_be_is_told(name: str, knobs: dict[str, Any], message: str) -> None:
    recipe = fill(CATALOGUE[name], knobs)
    spec = recipe.open_data().spec
    with pytest.raises(UserError, match=message):
        recipe.task(spec)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", ["char-convnet", "text-convnet", "signal-convnet"])
def test_export(name: str, tmp_path: Path) -> None:
    """Another runtime gives the same numbers, for batches of 1 and of 33."""
    pytest.importorskip("onnxruntime")
    kind = CATALOGUE[name]
    run = api.train(fill(kind, kind.tiny), runs=str(tmp_path), **QUIET)
    assert api.export(run).stat().st_size > 1000
