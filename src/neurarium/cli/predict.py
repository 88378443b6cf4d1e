"""neurarium predict"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from neurarium.cli.arguments import emit, parse
from neurarium.cli.on_run import OnRun
from neurarium.train.recipe import UserError


@dataclass(frozen=True)
class Predict(OnRun):
    files: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Images, arrays (.npy), or tables with the columns of the training data."""


def run(words: Sequence[str]) -> int:
    args = parse(Predict, words, verb="predict", description="Use a run on your own files.")
    if not args.files:
        raise UserError("Name at least one file to predict, for example: neurarium predict last photo.png")
    from neurarium import api
    from neurarium.data.inputs import read_inputs
    from neurarium.train.data import Spec

    trained = api.open_run(args.run, runs=args.runs)
    task: Any = trained.load()
    if not hasattr(task, "predict"):
        raise UserError(f"{trained.run.name} does not predict: its system, {trained.recipe.name}, has no such method.")
    names, inputs = read_inputs(Spec.from_json(trained.run.header["spec"]), args.files)
    rows = [{"input": name, **row} for name, row in zip(names, _answers(task, inputs), strict=True)]
    if args.json:
        emit({"run": str(trained.path), "predictions": rows})
        return 0
    for row in rows:
        chance = f"  {row['probability']:.1%}" if "probability" in row else ""
        answer = f"{row['prediction']:.6g}" if isinstance(row["prediction"], float) else row["prediction"]
        print(f"{row['input']}  {answer}{chance}")
    return 0


def _answers(task: Any, inputs: Any) -> list[dict[str, Any]]:
    """Class and probability, class alone, or number: as much as the task can say."""
    if hasattr(task, "probabilities"):
        chances = task.probabilities(inputs)
        best = chances.max(1)
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [{"prediction": task.classes[label], "probability": chance} for label, chance in pairs]
    answers = task.predict(inputs).tolist()
    return [{"prediction": task.classes[answer] if hasattr(task, "classes") else answer} for answer in answers]
