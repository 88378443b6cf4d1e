"""What is a text about? One convolution over words, stems or characters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.train.recipe import Claim, Goal, Recipe, UserError

if TYPE_CHECKING:
    from neurarium.tasks.classification import Classifier
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class TextConvNet(Recipe):
    """Filters over windows of tokens, the strongest answer of each; the same code for three kinds of tokens.

    neurarium train text-convnet
    neurarium train text-convnet --unit characters --kernel-sizes 5 7 9 --embedding-size 32 --length 400 --lr 0.005
    neurarium train text-convnet --data mails.csv --target kind --text body
    """

    name: ClassVar[str] = "text-convnet"
    family: ClassVar[str] = "convolutional"
    paper: ClassVar[str] = "Kim 2014, Convolutional neural networks for sentence classification"
    goal: ClassVar[Goal] = Goal("accuracy")
    claims: ClassVar[tuple[Claim, ...]] = (Claim("accuracy", 0.87),)
    tiny: ClassVar[dict[str, Any]] = {
        "data": "topics", "epochs": 4.0, "batch_size": 32, "filters": 8, "embedding_size": 16
    }  # fmt: skip

    data: str = "ag-news"
    """ag-news, topics, a table with a column of texts, or a folder of .txt files by class."""
    target: str = ""
    """Column of the classes, for a table."""
    text: str = ""
    """Column of the texts, for a table."""
    unit: Literal["words", "stems", "characters"] = "words"
    """What a token is."""
    length: int = 0
    """Tokens of a text that are read; 0: those of the longest one, up to 256 words or 1,014 characters."""
    epochs: float = 5.0
    """Passes over the training data."""
    batch_size: int = 64
    """Texts of a step."""
    embedding_size: int = 128
    """Numbers that stand for a token."""
    kernel_sizes: tuple[int, ...] = (3, 4, 5)
    """Tokens of a window."""
    filters: int = 100
    """Filters of each window size."""
    dropout: float = 0.5
    """Share of features that are silenced in each step."""
    lr: float = 2e-3
    """Peak learning rate of AdamW's one-cycle schedule."""
    weight_decay: float = 1e-2
    """AdamW's decoupled weight decay."""

    def open_data(self) -> Data:
        from neurarium.data.documents import open_documents

        return open_documents(
            self.data,
            batch_size=self.batch_size,
            unit=self.unit,
            length=self.length,
            target=self.target,
            text=self.text,
        )

    def task(self, spec: Spec) -> Classifier:
        from functools import partial

        from torch import nn
        from torch.optim import AdamW

        from neurarium.networks import text_convnet
        from neurarium.tasks.classification import Classifier
        from neurarium.train.descent import Descent
        from neurarium.train.schedules import one_cycle

        try:
            network = text_convnet.TextConvNet(
                vocabulary_size=len(spec.vocabulary),
                num_classes=len(spec.classes),
                embedding_size=self.embedding_size,
                kernel_sizes=self.kernel_sizes,
                filters=self.filters,
                dropout=self.dropout,
            )
        except ValueError as error:
            raise UserError(str(error)) from None
        return Classifier(
            network=network,
            inputs=nn.Identity(),
            classes=spec.classes,
            descent=Descent(
                optimizer=partial(AdamW, lr=self.lr, weight_decay=self.weight_decay),
                schedule=one_cycle(self.num_steps(spec)),
            ),
        )

    def num_steps(self, spec: Spec) -> int:
        return spec.steps(self.epochs, self.batch_size)
