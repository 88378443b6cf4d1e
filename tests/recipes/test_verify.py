"""What `neurarium verify` measures and writes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from neurarium import api
from neurarium.recipes.perceptron import Perceptron
from neurarium.train.recipe import Claim


@dataclass(frozen=True, kw_only=True)
class Claiming(Perceptron):
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim("accuracy", 0.9, seeds=1),
        Claim("loss", -1.0, at="most", seeds=1),
        Claim("accuracy", 0.9, seeds=1, knobs=(("epochs", 1.0),)),
    )


class Silent:
    def row(self, row: dict[str, Any], step: int, steps: int) -> None: ...

    def say(self, text: str) -> None: ...


def test_claims_with_the_same_knobs_are_measured_on_the_same_runs(tmp_path: Path) -> None:
    runs, more = tmp_path / "runs", tmp_path / "more"
    found = json.loads(json.dumps(api.verify(Claiming, folder=tmp_path, runs=str(runs), screen=Silent())))
    assert len(list(runs.iterdir())) == 2
    accuracy, loss, short = found["claims"]
    assert accuracy["training_seconds"] == loss["training_seconds"] != short["training_seconds"]
    assert (accuracy["holds"], loss["holds"]) == (True, False)
    first = api.open_run(runs / "perceptron-001").test
    assert (accuracy["values"], loss["values"]) == ([first["accuracy"]], [first["loss"]])
    file = tmp_path / "perceptron.json"
    assert json.loads(file.read_text()) == found

    # One claim alone keeps what was measured of the others.
    api.verify(Claiming, folder=tmp_path, runs=str(more), screen=Silent(), only=3)
    assert json.loads(file.read_text())["claims"][:2] == found["claims"][:2]
    assert len(list(more.iterdir())) == 1
