"""What is a text about? Six convolutions over its raw characters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.train.recipe import Claim, Goal, Recipe, UserError

if TYPE_CHECKING:
    from neurarium.tasks.classification import Classifier
    from neurarium.train.data import Data, Spec

SIZES = {"large": (1024, 2048, 0.02), "small": (256, 1024, 0.05), "mini": (64, 256, 0.07)}
"""Maps, units of the dense layers, deviation of the first weights."""


@dataclass(frozen=True, kw_only=True)
class CharConvNet(Recipe):
    r"""A ConvNet that reads a text letter by letter and knows of no words.

    neurarium train char-convnet
    neurarium train char-convnet --data mails.csv --target kind --text body

    The paper's small network and its schedule, for a million texts or more:

    neurarium train char-convnet --size small --optimizer momentum --lr 0.01 --batch-size 128 --epochs 30 \
        --dropout 0.5 --length 1014 --shift 0
    """

    name: ClassVar[str] = "char-convnet"
    family: ClassVar[str] = "convolutional"
    paper: ClassVar[str] = "Zhang, Zhao, LeCun 2015, Character-level convolutional networks for text classification"
    goal: ClassVar[Goal] = Goal("accuracy")
    claims: ClassVar[tuple[Claim, ...]] = (Claim("accuracy", 0.71),)
    tiny: ClassVar[dict[str, Any]] = {"data": "topics", "size": "mini", "length": 123, "shift": 9, "epochs": 1.0}

    data: str = "ag-news"
    """ag-news, topics, a table with a column of texts, or a folder of .txt files by class."""
    target: str = ""
    """Column of the classes, for a table."""
    text: str = ""
    """Column of the texts, for a table."""
    size: Literal["large", "small", "mini"] = "mini"
    """The paper's two networks, of 1,024 and of 256 maps, and one of 64 for a few thousand texts."""
    length: int = 500
    """Characters of a text that are read, 1,014 in the paper; at least 123."""
    shift: int = 100
    """Training texts begin up to so many characters later, drawn anew for each step; 0 in the paper."""
    epochs: float = 40.0
    """Passes over the training data."""
    batch_size: int = 32
    """Texts of a step, 128 in the paper."""
    optimizer: Literal["momentum", "adamw"] = "adamw"
    """momentum: the paper's, 0.9, with a rate that is halved every 3 epochs; adamw: on one cycle."""
    lr: float = 1e-3
    """Learning rate: the first for momentum, 0.01 in the paper; the highest for adamw."""
    weight_decay: float = 0.1
    """AdamW's decoupled weight decay."""
    dropout: float = 0.2
    """Share of the dense layers' units that are silenced in each step, 0.5 in the paper."""

    def open_data(self) -> Data:
        from neurarium.data.documents import open_documents

        return open_documents(
            self.data,
            batch_size=self.batch_size,
            unit="alphabet",
            length=self.length,
            target=self.target,
            text=self.text,
            shift=self.shift,
        )

    def task(self, spec: Spec) -> Classifier:
        from torch import nn

        from neurarium.networks import char_convnet
        from neurarium.tasks.classification import Classifier
        from neurarium.train.descent import Descent
        from neurarium.train.optimizers import optimizer
        from neurarium.train.schedules import one_cycle, step_decay

        maps, hidden, deviation = SIZES[self.size]
        try:
            network = char_convnet.CharConvNet(
                num_classes=len(spec.classes),
                length=spec.shape[0],
                alphabet=len(spec.vocabulary) - 1,
                maps=maps,
                hidden=hidden,
                deviation=deviation,
                dropout=self.dropout,
            )
        except ValueError as error:
            raise UserError(str(error)) from None
        momentum = self.optimizer == "momentum"
        return Classifier(
            network=network,
            inputs=nn.Identity(),
            classes=spec.classes,
            descent=Descent(
                optimizer=optimizer(self.optimizer, lr=self.lr, weight_decay=0.0 if momentum else self.weight_decay),
                schedule=step_decay(spec.steps(3, self.batch_size)) if momentum else one_cycle(self.num_steps(spec)),
            ),
        )

    def num_steps(self, spec: Spec) -> int:
        return spec.steps(self.epochs, self.batch_size)
