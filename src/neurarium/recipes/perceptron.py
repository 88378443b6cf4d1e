"""Perceptron on two separable blobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.train.recipe import Claim, Goal, Recipe

if TYPE_CHECKING:
    from neurarium.tasks.perceptron import Perceptron as PerceptronTask
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class Perceptron(Recipe):
    """Rosenblatt's perceptron rule, one item at a time, until a pass over the data needs no correction.

    neurarium train perceptron                 # two blobs: stops after a pass without a mistake
    neurarium train perceptron --data xor      # never stops by itself: no line separates xor
    """

    name: ClassVar[str] = "perceptron"
    family: ClassVar[str] = "foundations"
    paper: ClassVar[str] = "Rosenblatt 1958, The perceptron: a probabilistic model for information storage"
    goal: ClassVar[Goal] = Goal("accuracy", split="train", target=1.0)
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim("accuracy", 0.99, paper="converges on separable data (Novikoff 1962)"),
    )
    tiny: ClassVar[dict[str, Any]] = {"epochs": 3.0}
    evaluations: ClassVar[int] = 20

    data: str = "two-blobs"
    """two-blobs, moons, rings, xor, or your own CSV of two classes."""
    target: str = ""
    """Column to be learned, for a CSV."""
    epochs: float = 20.0
    """Passes over the training data, at most."""
    lr: float = 1.0
    """Factor eta of the rule; from zero weights it changes nothing but their scale."""

    def open_data(self) -> Data:
        from neurarium.data.sources import open_labelled

        return open_labelled(self.data, target=self.target or None, batch_size=1)

    def task(self, spec: Spec) -> PerceptronTask:
        from functools import partial
        from math import prod

        from torch.optim import SGD

        from neurarium.networks.linear import LinearModel
        from neurarium.nn.inputs import input_for
        from neurarium.tasks.perceptron import Perceptron
        from neurarium.train.descent import Descent

        return Perceptron(
            network=LinearModel(in_features=prod(spec.shape)),
            inputs=input_for(spec.shape, spec.fitted["mean"], spec.fitted["std"]),
            classes=spec.classes,
            descent=Descent(optimizer=partial(SGD, lr=self.lr)),
        )

    def num_steps(self, spec: Spec) -> int:
        return spec.steps(self.epochs, 1)
