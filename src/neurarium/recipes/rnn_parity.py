"""Is the number of ones even? A recurrent network on sequences of unequal length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.train.recipe import Claim, Goal, Recipe

if TYPE_CHECKING:
    from neurarium.tasks.classification import Classifier
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class RNNParity(Recipe):
    """Parity of a bit string: no single bit says anything, so the state must carry the answer.

    neurarium train rnn-parity
    """

    name: ClassVar[str] = "rnn-parity"
    family: ClassVar[str] = "recurrent"
    paper: ClassVar[str] = "Elman 1990, Finding structure in time; Hochreiter, Schmidhuber 1997, Long short-term memory"
    goal: ClassVar[Goal] = Goal("accuracy", target=1.0)
    claims: ClassVar[tuple[Claim, ...]] = (Claim("accuracy", 0.99),)
    tiny: ClassVar[dict[str, Any]] = {"steps": 20, "hidden_size": 8}
    evaluations: ClassVar[int] = 20

    max_length: int = 16
    """Longest string of training; the split `longer` has strings up to twice as long."""
    cell: Literal["rnn", "lstm", "gru"] = "gru"
    """Elman's cell, the LSTM or the GRU."""
    hidden_size: int = 32
    """Units of the state."""
    steps: int = 4000
    """Steps at most; training stops once every validation string is right."""
    batch_size: int = 128
    """Strings of a step."""
    lr: float = 5e-3
    """Adam's learning rate."""

    def open_data(self) -> Data:
        from neurarium.data.sequences import parity

        return parity(batch_size=self.batch_size, max_length=self.max_length)

    def task(self, spec: Spec) -> Classifier:
        from functools import partial

        from torch import nn
        from torch.optim import Adam

        from neurarium.networks.recurrent import SequenceClassifier
        from neurarium.tasks.classification import Classifier
        from neurarium.train.descent import Descent

        cells = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
        return Classifier(
            network=SequenceClassifier(
                vocabulary_size=len(spec.vocabulary),
                hidden_size=self.hidden_size,
                num_classes=len(spec.classes),
                cell=cells[self.cell],
            ),
            inputs=nn.Identity(),
            classes=spec.classes,
            descent=Descent(optimizer=partial(Adam, lr=self.lr), clip_norm=1.0),
        )

    def num_steps(self, spec: Spec) -> int:
        return self.steps
