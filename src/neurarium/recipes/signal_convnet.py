"""Which kind of signal is it? A ConvNet over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.train.recipe import Claim, Goal, Recipe, UserError

if TYPE_CHECKING:
    from neurarium.tasks.classification import Classifier
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class SignalConvNet(Recipe):
    """Convolutions over time, and the mean of what they find.

    neurarium train signal-convnet
    neurarium train signal-convnet --data beats.csv --target kind      # one row a signal
    """

    name: ClassVar[str] = "signal-convnet"
    family: ClassVar[str] = "convolutional"
    paper: ClassVar[str] = "Wang, Yan, Oates 2017, Time series classification from scratch with deep neural networks"
    goal: ClassVar[Goal] = Goal("accuracy")
    claims: ClassVar[tuple[Claim, ...]] = (Claim("accuracy", 0.91),)
    tiny: ClassVar[dict[str, Any]] = {"data": "waves", "epochs": 4.0, "filters": (8, 8), "kernel_sizes": (8, 5)}

    data: str = "ecg5000"
    """ecg5000, waves, or a table with one row a signal."""
    target: str = ""
    """Column of the classes, for a table; its other columns are the samples in their order."""
    epochs: float = 40.0
    """Passes over the training data."""
    batch_size: int = 16
    """Signals of a step."""
    filters: tuple[int, ...] = (128, 256, 128)
    """Filters of each block."""
    kernel_sizes: tuple[int, ...] = (8, 5, 3)
    """Samples that the filters of each block span."""
    lr: float = 2e-3
    """Peak learning rate of AdamW's one-cycle schedule."""
    weight_decay: float = 1e-2
    """AdamW's decoupled weight decay."""

    def open_data(self) -> Data:
        from neurarium.data.signals import open_signals

        return open_signals(self.data, batch_size=self.batch_size, target=self.target)

    def task(self, spec: Spec) -> Classifier:
        from functools import partial

        from torch.optim import AdamW

        from neurarium.networks import signal_convnet
        from neurarium.nn.inputs import SignalInput
        from neurarium.tasks.classification import Classifier
        from neurarium.train.descent import Descent
        from neurarium.train.schedules import one_cycle

        try:
            network = signal_convnet.SignalConvNet(
                in_channels=spec.shape[0],
                num_classes=len(spec.classes),
                filters=self.filters,
                kernel_sizes=self.kernel_sizes,
            )
        except ValueError as error:
            raise UserError(str(error)) from None
        return Classifier(
            network=network,
            inputs=SignalInput(mean=spec.fitted["mean"], std=spec.fitted["std"]),
            classes=spec.classes,
            descent=Descent(
                optimizer=partial(AdamW, lr=self.lr, weight_decay=self.weight_decay),
                schedule=one_cycle(self.num_steps(spec)),
            ),
        )

    def num_steps(self, spec: Spec) -> int:
        return spec.steps(self.epochs, self.batch_size)
