"""A deep belief network on images, learned layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.train.recipe import Claim, Goal, Recipe, UserError

if TYPE_CHECKING:
    from neurarium.tasks.deep_belief_network import DeepBeliefNetwork as Task
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class DeepBeliefNetwork(Recipe):
    """Restricted Boltzmann machines one upon the other, each on what the one below makes of the images.

    neurarium train deep-belief-network
    neurarium train deep-belief-network --data mnist --hidden 500 784 --epochs 5 --lr 0.05 --weight-decay 0.0002
    """

    name: ClassVar[str] = "deep-belief-network"
    family: ClassVar[str] = "energy models"
    paper: ClassVar[str] = "Hinton, Osindero, Teh 2006, A fast learning algorithm for deep belief nets"
    goal: ClassVar[Goal] = Goal("log_likelihood_bound")
    claims: ClassVar[tuple[Claim, ...]] = (Claim("log_likelihood_bound", -23.1),)
    tiny: ClassVar[dict[str, Any]] = {"epochs": 0.2, "hidden": (16, 8)}

    data: str = "digits"
    """digits, mnist, fashion-mnist, or a folder of images, which are read as grey."""
    binarisation: Literal["static", "dynamic", "threshold"] = "static"
    """Pixels of 0 and 1 drawn once from the grey values, or for each step anew; threshold: 1 from half of white on."""
    hidden: tuple[int, ...] = (128, 64, 128)
    """Units of each layer above the image; one with as many as lie two layers below begins as the layer below."""
    gibbs_steps: int = 1
    """Steps of contrastive divergence: k."""
    epochs: float = 0.0
    """Passes over the training data for each layer; 0: 20, or as many as give 5,000 steps on a small set."""
    batch_size: int = 100
    """Items of a step."""
    lr: float = 0.2
    """Learning rate of SGD; for each layer it falls to zero along a cosine."""
    momentum: float = 0.5
    """Of SGD."""
    weight_decay: float = 1e-3
    """Factor of the squared penalty on weights and biases."""

    def open_data(self) -> Data:
        from neurarium.data.binarised import open_binarised

        return open_binarised(self.data, self.binarisation, batch_size=self.batch_size, channels=1)

    def task(self, spec: Spec) -> Task:
        from functools import partial
        from itertools import pairwise

        from torch import nn
        from torch.optim import SGD

        from neurarium.nn.rbm import RBM
        from neurarium.tasks.binary_images import BinaryImages
        from neurarium.tasks.deep_belief_network import DeepBeliefNetwork as Task
        from neurarium.train.descent import Descent
        from neurarium.train.schedules import cosine

        if not self.hidden or min(self.hidden) < 1:
            raise UserError(f"--hidden expects the widths of one layer or more, received {self.hidden}.")
        _, height, width = spec.shape
        widths = (height * width, *self.hidden)
        steps = self.layer_steps(spec)
        return Task(
            network=nn.Sequential(*(RBM(num_visible=below, num_hidden=above) for below, above in pairwise(widths))),
            inputs=BinaryImages(size=(height, width)),
            descent=Descent(
                optimizer=partial(SGD, lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay),
                schedule=cosine(steps),
            ),
            gibbs_steps=self.gibbs_steps,
            layer_steps=steps,
        )

    def layer_steps(self, spec: Spec) -> int:
        """Updates of one layer."""
        return spec.steps(self.epochs, self.batch_size) if self.epochs else max(5000, spec.steps(20, self.batch_size))

    def num_steps(self, spec: Spec) -> int:
        return len(self.hidden) * self.layer_steps(spec)
