"""A restricted Boltzmann machine on images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.train.recipe import Claim, Goal, Recipe

if TYPE_CHECKING:
    from neurarium.tasks.binary_images import BinaryImageModel
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class RestrictedBoltzmannMachine(Recipe):
    """Binary units in two groups, which learn what images are likely.

    neurarium train rbm
    neurarium train rbm --data mnist --hidden-size 500 --epochs 8 --lr 0.05 --weight-decay 0.0002
    neurarium train rbm --chains data
    """

    name: ClassVar[str] = "rbm"
    family: ClassVar[str] = "energy models"
    paper: ClassVar[str] = "Hinton 2002, Training products of experts by minimizing contrastive divergence"
    goal: ClassVar[Goal] = Goal("log_likelihood")
    claims: ClassVar[tuple[Claim, ...]] = (Claim("log_likelihood", -23.0),)
    tiny: ClassVar[dict[str, Any]] = {"epochs": 1.0, "hidden_size": 16}

    data: str = "digits"
    """digits, mnist, fashion-mnist, or a folder of images, which are read as grey."""
    binarisation: Literal["static", "dynamic", "threshold"] = "static"
    """Pixels of 0 and 1 drawn once from the grey values, or for each step anew; threshold: 1 from half of white on."""
    hidden_size: int = 128
    """Hidden units."""
    chains: Literal["persistent", "data"] = "persistent"
    """persistent: chains that go on for ever (Tieleman 2008); data: they start there, contrastive divergence."""
    gibbs_steps: int = 1
    """Steps of every chain for each update: k."""
    num_chains: int = 100
    """Persistent chains."""
    epochs: float = 0.0
    """Passes over the training data; 0: 20, or as many as give 5,000 steps on a small set."""
    batch_size: int = 100
    """Items of a step."""
    lr: float = 0.2
    """Learning rate of SGD; it falls to zero along a cosine."""
    momentum: float = 0.5
    """Of SGD."""
    weight_decay: float = 1e-3
    """Factor of the squared penalty on weights and biases."""

    def open_data(self) -> Data:
        from neurarium.data.binarised import open_binarised

        return open_binarised(self.data, self.binarisation, batch_size=self.batch_size, channels=1)

    def task(self, spec: Spec) -> BinaryImageModel:
        from functools import partial

        from torch.optim import SGD

        from neurarium.nn.rbm import RBM
        from neurarium.tasks.binary_images import BinaryImages
        from neurarium.tasks.rbm import ContrastiveDivergence, PersistentContrastiveDivergence
        from neurarium.train.descent import Descent
        from neurarium.train.schedules import cosine

        _, height, width = spec.shape
        parts: dict[str, Any] = {
            "network": RBM(num_visible=height * width, num_hidden=self.hidden_size),
            "inputs": BinaryImages(size=(height, width)),
            "descent": Descent(
                optimizer=partial(SGD, lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay),
                schedule=cosine(self.num_steps(spec)),
            ),
            "gibbs_steps": self.gibbs_steps,
        }
        if self.chains == "data":
            return ContrastiveDivergence(**parts)
        return PersistentContrastiveDivergence(**parts, num_chains=self.num_chains)

    def num_steps(self, spec: Spec) -> int:
        return spec.steps(self.epochs, self.batch_size) if self.epochs else max(5000, spec.steps(20, self.batch_size))
