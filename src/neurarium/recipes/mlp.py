"""Multilayer perceptron on images, points or tables, for classes or numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.train.recipe import Claim, Goal, Recipe

if TYPE_CHECKING:
    from neurarium.train.data import Data, Spec
    from neurarium.train.task import Task


@dataclass(frozen=True, kw_only=True)
class MLP(Recipe):
    """Dense layers with ReLU and dropout; cross-entropy for classes, squared error for numbers.

    neurarium train mlp --data mnist
    neurarium train mlp --data people.csv --target income
    """

    name: ClassVar[str] = "mlp"
    family: ClassVar[str] = "foundations"
    paper: ClassVar[str] = "Rumelhart, Hinton, Williams 1986, Learning representations by back-propagating errors"
    goal: ClassVar[Goal] = Goal("loss", best="min")
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim(
            "accuracy",
            0.98,
            knobs=(("data", "mnist"),),
            paper="0.9695 (LeCun et al. 1998: 784-1000-150-10, 2.95 % errors)",
        ),
        Claim("accuracy", 0.96),
    )
    tiny: ClassVar[dict[str, Any]] = {"epochs": 1.0, "hidden": (16,)}

    data: str = "digits"
    """digits, mnist, fashion-mnist, moons, rings, spirals, xor, blobs, a folder of images or a CSV."""
    target: str = ""
    """Column to be learned, for a CSV; text or few whole numbers: classes, else a number."""
    epochs: float = 20.0
    """Passes over the training data."""
    batch_size: int = 128
    """Items of a step."""
    hidden: tuple[int, ...] = (256, 256)
    """Widths of the hidden layers."""
    dropout: float = 0.2
    """Share of hidden units that are silenced in each step."""
    lr: float = 2e-3
    """AdamW's learning rate at the peak of the one-cycle schedule."""
    weight_decay: float = 1e-2
    """AdamW's decoupled weight decay."""

    def open_data(self) -> Data:
        from neurarium.data.sources import open_labelled

        return open_labelled(self.data, target=self.target or None, batch_size=self.batch_size)

    def task(self, spec: Spec) -> Task:
        from functools import partial
        from math import prod

        from torch.optim import AdamW

        from neurarium.networks import mlp
        from neurarium.nn.inputs import input_for
        from neurarium.tasks.classification import Classifier
        from neurarium.tasks.regression import Regressor
        from neurarium.train.descent import Descent
        from neurarium.train.schedules import one_cycle

        network = mlp.MLP(
            in_features=prod(spec.shape), hidden=self.hidden, out_features=len(spec.classes) or 1, dropout=self.dropout
        )
        inputs = input_for(spec.shape, spec.fitted["mean"], spec.fitted["std"])
        descent = Descent(
            optimizer=partial(AdamW, lr=self.lr, weight_decay=self.weight_decay),
            schedule=one_cycle(self.num_steps(spec)),
        )
        if spec.classes:
            return Classifier(network=network, inputs=inputs, classes=spec.classes, descent=descent)
        target = spec.fitted["target"]
        return Regressor(network=network, inputs=inputs, mean=target["mean"], std=target["std"], descent=descent)

    def num_steps(self, spec: Spec) -> int:
        return spec.steps(self.epochs, self.batch_size)
