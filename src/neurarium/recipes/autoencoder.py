"""An autoencoder: the input by way of a code that is smaller than it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.train.recipe import Claim, Goal, Recipe, UserError

if TYPE_CHECKING:
    from neurarium.tasks.autoencoder import Autoencoder as Task
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class Autoencoder(Recipe):
    """Dense layers to a code and back; undercomplete, so that copying does not pay.

    neurarium train autoencoder                         # digits inside scikit-learn
    neurarium train autoencoder --data mnist --code-size 2
    neurarium train autoencoder --data wine             # tables and points too
    """

    name: ClassVar[str] = "autoencoder"
    family: ClassVar[str] = "autoencoders"
    paper: ClassVar[str] = "Rumelhart, Hinton, Williams 1986, Learning internal representations by error propagation"
    goal: ClassVar[Goal] = Goal("reconstruction_error", best="min")
    claims: ClassVar[tuple[Claim, ...]] = ()
    tiny: ClassVar[dict[str, Any]] = {"epochs": 1.0, "hidden": (32,), "code_size": 2}

    data: str = "digits"
    """digits, mnist, fashion-mnist, faces, cifar10, a folder of images by class, points or a table."""
    hidden: tuple[int, ...] = (256, 128)
    """Widths of the layers between input and code; the decoder has them in reverse order."""
    code_size: int = 32
    """Numbers of the code; 2 are drawn as a map of the classes."""
    loss: Literal["squared", "bernoulli"] = "squared"
    """Squared error, or cross-entropy of pixels that are read as probabilities."""
    epochs: float = 0.0
    """Passes over the training data; 0: 20, or as many as give 2,000 steps on a small set."""
    batch_size: int = 128
    """Items of a step."""
    lr: float = 2e-3
    """Peak learning rate of AdamW's one-cycle schedule."""

    def open_data(self) -> Data:
        from neurarium.data.sources import open_labelled

        return open_labelled(self.data, batch_size=self.batch_size)

    def task(self, spec: Spec) -> Task:
        from functools import partial

        from torch import nn
        from torch.optim import AdamW

        from neurarium.losses.classification import binary_cross_entropy_with_logits
        from neurarium.losses.regression import squared_error
        from neurarium.networks.autoencoder import DenseAutoencoder
        from neurarium.nn.inputs import input_for
        from neurarium.tasks.autoencoder import Autoencoder as Task
        from neurarium.train.descent import Descent
        from neurarium.train.schedules import one_cycle

        images = len(spec.shape) == 3
        if self.loss == "bernoulli" and not images:
            raise UserError(f"--loss bernoulli reads pixels in 0..1, and {self.data} are no images. Use squared.")
        network = DenseAutoencoder(shape=spec.shape, hidden=self.hidden, code_size=self.code_size)
        channels = spec.shape[0]
        scale = ([0.0] * channels, [1.0] * channels) if images else (spec.fitted["mean"], spec.fitted["std"])
        return Task(
            encoder=network.encoder,
            decoder=network.decoder,
            inputs=input_for(spec.shape, *scale),
            criterion=binary_cross_entropy_with_logits if self.loss == "bernoulli" else squared_error,
            output=nn.Sigmoid() if self.loss == "bernoulli" else None,
            classes=spec.classes,
            descent=Descent(
                optimizer=partial(AdamW, lr=self.lr, weight_decay=0.0),
                schedule=one_cycle(self.num_steps(spec)),
            ),
        )

    def num_steps(self, spec: Spec) -> int:
        return spec.steps(self.epochs, self.batch_size) if self.epochs else max(2000, spec.steps(20, self.batch_size))
