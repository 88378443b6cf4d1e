"""LSGAN: a game of squares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from neurarium.recipes.image_gan import ImageGAN
from neurarium.train.recipe import Claim

if TYPE_CHECKING:
    from neurarium.losses.adversarial import Game


@dataclass(frozen=True, kw_only=True)
class LSGAN(ImageGAN):
    """Mao et al. 2016: squared distances to the scores 1 and 0 replace the cross-entropy.

    The players are those of DCGAN.

    neurarium train lsgan
    """

    name: ClassVar[str] = "lsgan"
    paper: ClassVar[str] = "Mao, Li, Xie, Lau, Wang, Smolley 2016, Least squares generative adversarial networks"
    claims: ClassVar[tuple[Claim, ...]] = ()

    def game(self) -> Game:
        from neurarium.losses.adversarial import LeastSquares

        return LeastSquares()
