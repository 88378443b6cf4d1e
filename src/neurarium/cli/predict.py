"""neurarium predict"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from neurarium.cli import pictures
from neurarium.cli.arguments import emit, parse
from neurarium.cli.on_run import OnRun
from neurarium.train.recipe import UserError

if TYPE_CHECKING:
    from neurarium.uses.trained import Trained


@dataclass(frozen=True)
class Predict(OnRun):
    files: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Images, arrays (.npy), or tables with the columns of the training data."""
    mirror: bool = False
    """Images: average the answers for each image and its mirror image."""
    similar: str = ""
    """A folder of images: show those that are most like yours, in place of classes."""
    num: int = 8
    """How many of them."""
    to: str = "pictures"
    """Folder in which pictures are written: those found, and masks of images."""


def run(words: Sequence[str]) -> int:
    args = parse(Predict, words, verb="predict", description="Use a run on your own files.")
    if not args.files:
        raise UserError("Name at least one file to predict, for example: neurarium predict last photo.png")
    from neurarium import api
    from neurarium.data.inputs import read_inputs
    from neurarium.train.data import Spec

    trained = api.open_run(args.run, runs=args.runs)
    if args.similar and args.mirror:
        raise UserError("--similar compares images as they are, where --mirror would be ignored. Leave one out.")
    if args.similar:
        return _search(trained, args)
    task: Any = trained.load()
    if not hasattr(task, "predict"):
        raise UserError(f"{trained.run.name} does not predict: its system, {trained.recipe.name}, has no such method.")
    spec = Spec.from_json(trained.run.header["spec"])
    if args.mirror and not (hasattr(task, "probabilities") and spec.fitted.get("kind") == "images"):
        raise UserError(f"--mirror is for classes of images; {trained.run.name} learned something else. Leave it out.")
    if spec.fitted.get("kind") == "segmentation":
        from neurarium.cli import predict_masks

        return predict_masks.run(trained, spec, args.files, to=args.to, json=args.json)
    names, inputs = read_inputs(spec, args.files)
    rows = [{"input": name, **row} for name, row in zip(names, _answers(task, inputs, args.mirror), strict=True)]
    if args.json:
        emit({"run": str(trained.path), "predictions": rows})
        return 0
    for row in rows:
        chance = f"  {row['probability']:.1%}" if "probability" in row else ""
        answer = f"{row['prediction']:.6g}" if isinstance(row["prediction"], float) else row["prediction"]
        print(f"{row['input']}  {answer}{chance}")
    return 0


def _search(trained: Trained, args: Predict) -> int:
    from neurarium.uses.visual_search import gallery, search

    found = search(trained, args.files, args.similar, num=args.num)
    (picture,) = pictures.write(args.to, {"similar": gallery(found)})
    rows = [{"input": row.query, "similar": dict(zip(row.files, row.likeness, strict=True))} for row in found]
    if args.json:
        emit({"run": str(trained.path), "found": rows, "picture": picture})
        return 0
    for row in found:
        print(row.query)
        for file, likeness in zip(row.files, row.likeness, strict=True):
            print(f"  {likeness:.4f}  {file}")
    print(f"Picture: {picture}")
    return 0


def _answers(task: Any, inputs: Any, mirror: bool) -> list[dict[str, Any]]:
    """Class and probability, class alone, or number: as much as the task can say."""
    if hasattr(task, "probabilities"):
        chances = task.probabilities(inputs, mirror=True) if mirror else task.probabilities(inputs)
        best = chances.max(1)
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [{"prediction": task.classes[label], "probability": chance} for label, chance in pairs]
    answers = task.predict(inputs).tolist()
    return [{"prediction": task.classes[answer] if hasattr(task, "classes") else answer} for answer in answers]
