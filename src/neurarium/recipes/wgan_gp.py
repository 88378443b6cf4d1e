"""WGAN-GP: a critic held to slope 1."""

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
class WGANGP(ImageGAN):
    """Gulrajani et al. 2017: a penalty on the critic's slope, one point for each sample, instead of clipped weights.

    neurarium train wgan-gp
    """

    name: ClassVar[str] = "wgan-gp"
    paper: ClassVar[str] = "Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville 2017, Improved training of Wasserstein GANs"
    claims: ClassVar[tuple[Claim, ...]] = ()
    norm = "layer"

    lr: float = 1e-4
    """Learning rate of Adam for both players."""
    gradient_penalty: float = 10.0
    """lambda, the weight of (|grad f| - 1)^2."""
    discriminator_steps: int = 5
    """Updates of the critic before each of the generator's."""

    def game(self) -> Game:
        from neurarium.losses.adversarial import Wasserstein

        return Wasserstein()

    def roles(self, spec: Spec) -> Mapping[str, Any]:
        from neurarium.tasks.critics import GradientPenalty

        penalty = GradientPenalty(self.gradient_penalty)
        return {"penalties": {"gradient_penalty": penalty}, "discriminator_steps": self.discriminator_steps}

    def descents(self) -> Mapping[str, Descent]:
        """Adam with beta_1 of 0 and beta_2 of 0.9; algorithm 1 of the paper."""
        from functools import partial

        from torch.optim import Adam

        from neurarium.train.descent import Descent

        descent = Descent(optimizer=partial(Adam, lr=self.lr, betas=(0.0, 0.9)))
        return {"generator": descent, "discriminator": descent}
