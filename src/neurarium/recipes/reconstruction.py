"""What the recipes of autoencoders share: all but the network, and what keeps it from copying."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.train.recipe import Goal, Recipe, UserError

if TYPE_CHECKING:
    from torch import nn

    from neurarium.nn.corruption import Corruption
    from neurarium.tasks.autoencoder import Autoencoder, CodePenalty
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class Reconstruction(Recipe):
    """The input is the target: squared error or cross-entropy of pixels, AdamW with one cycle of the rate.

    A subclass names its `network`, with an `encoder` and a `decoder`; and, where it has them, its `corruption` and its
    `penalty`. Images are on the scale 0..1, all else is standardised.
    """

    family: ClassVar[str] = "autoencoders"
    goal: ClassVar[Goal] = Goal("reconstruction_error", best="min")

    data: str = "digits"
    """digits, mnist, fashion-mnist, cifar10, faces, a folder of images by class, points or a table."""
    loss: Literal["squared", "bernoulli"] = "squared"
    """Squared error, or cross-entropy of pixels that are read as probabilities."""
    epochs: float = 0.0
    """Passes over the training data; 0: 20, or as many as give 2,000 steps on a small set."""
    batch_size: int = 128
    """Items of a step."""
    lr: float = 2e-3
    """Peak learning rate of AdamW's one-cycle schedule."""

    @abstractmethod
    def network(self, spec: Spec) -> nn.Module:
        """A network for items of spec.shape, with the children `encoder` and `decoder`. Raises ValueError."""

    @property
    def corruption(self) -> Corruption | None:
        """What spoils the inputs while it learns."""
        return None

    @property
    def penalty(self) -> CodePenalty | None:
        """What the code is charged for while it learns."""
        return None

    def open_data(self) -> Data:
        from neurarium.data.sources import open_labelled

        return open_labelled(self.data, batch_size=self.batch_size)

    def task(self, spec: Spec) -> Autoencoder:
        from functools import partial

        from torch import nn
        from torch.optim import AdamW

        from neurarium.losses.classification import binary_cross_entropy_with_logits
        from neurarium.losses.regression import squared_error
        from neurarium.nn.inputs import input_for
        from neurarium.tasks.autoencoder import Autoencoder
        from neurarium.train.descent import Descent
        from neurarium.train.schedules import one_cycle

        images = len(spec.shape) == 3
        if self.loss == "bernoulli" and not images:
            raise UserError(f"--loss bernoulli reads pixels in 0..1, and {self.data} has none. Use --loss squared.")
        try:
            network: Any = self.network(spec)
            corruption, penalty = self.corruption, self.penalty
        except ValueError as error:
            raise UserError(str(error)) from None
        unit = ([0.0] * spec.shape[0], [1.0] * spec.shape[0])
        inputs = input_for(spec.shape, *(unit if images else (spec.fitted["mean"], spec.fitted["std"])))
        return Autoencoder(
            encoder=network.encoder,
            decoder=network.decoder,
            inputs=self.seen(inputs),
            targets=inputs,
            criterion=binary_cross_entropy_with_logits if self.loss == "bernoulli" else squared_error,
            output=nn.Sigmoid() if self.loss == "bernoulli" else None,
            corrupt=corruption,
            penalty=penalty,
            classes=spec.classes,
            descent=Descent(
                optimizer=partial(AdamW, lr=self.lr, weight_decay=0.0),
                schedule=one_cycle(self.num_steps(spec)),
            ),
        )

    def seen(self, targets: nn.Module) -> nn.Module:
        """What makes of the data the encoder's input; the target itself unless a subclass says otherwise."""
        return targets

    def num_steps(self, spec: Spec) -> int:
        return spec.steps(self.epochs, self.batch_size) if self.epochs else max(2000, spec.steps(20, self.batch_size))
