"""A trained classifier that judges generated images."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from neurarium.train.recipe import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neurarium.tasks.classification import Classifier


def judge(run: str, classes: Sequence[str]) -> Callable[[], Classifier]:
    """Loads it when it is first needed, so that a trained generator can be used where its judge is not."""
    return partial(load_judge, run, tuple(classes))


def load_judge(run: str, classes: Sequence[str]) -> Classifier:
    """The classifier of a run. Raises UserError for a run of another kind, or one that knows other classes."""
    from neurarium.recipes.find import find
    from neurarium.tasks.classification import Classifier
    from neurarium.train.launch import load_by_name

    if run == "last":
        raise UserError("--judge last would soon be this run itself. Give the name or the path of the classifier's.")
    task = load_by_name(run, find)
    if not isinstance(task, Classifier):
        raise UserError(f"--judge {run}: expected a run that learned classes of images, such as one of lenet5.")
    if classes and task.classes != tuple(classes):
        raise UserError(
            f"--judge {run} knows the classes {', '.join(task.classes[:12])}; these data have "
            f"{', '.join(classes[:12])}. Train the judge on the same data."
        )
    return task
