"""WGAN: a critic that estimates the Wasserstein distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.recipes.image_gan import ImageGAN
from neurarium.train.recipe import Claim

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurarium.losses.adversarial import Game
    from neurarium.train.data import Spec
    from neurarium.train.descent import Descent


@dataclass(frozen=True, kw_only=True)
class WGAN(ImageGAN):
    """Arjovsky, Chintala, Bottou 2017: five critic updates with clipped weights before each of the generator's.

    neurarium train wgan
    """

    name: ClassVar[str] = "wgan"
    paper: ClassVar[str] = "Arjovsky, Chintala, Bottou 2017, Wasserstein GAN"
    claims: ClassVar[tuple[Claim, ...]] = ()

    lr: float = 5e-5
    """Learning rate of RMSProp for both players."""
    weight_bound: float = 0.01
    """c: after each update the critic's weights are clamped to [-c, c]."""
    discriminator_steps: int = 5
    """Updates of the critic before each of the generator's."""

    def game(self) -> Game:
        from neurarium.losses.adversarial import Wasserstein

        return Wasserstein()

    def roles(self, spec: Spec) -> Mapping[str, Any]:
        return {"discriminator_steps": self.discriminator_steps}

    def descents(self) -> Mapping[str, Descent]:
        from functools import partial

        from torch.optim import RMSprop

        from neurarium.train.descent import Descent

        # A decay of 0.99, as in the authors' code; the paper names none.
        rmsprop = partial(RMSprop, lr=self.lr)
        return {
            "generator": Descent(optimizer=rmsprop),
            "discriminator": Descent(optimizer=rmsprop, weight_bound=self.weight_bound),
        }
