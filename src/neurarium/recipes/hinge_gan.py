"""The hinge game with spectral normalization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from neurarium.recipes.image_gan import ImageGAN
from neurarium.train.recipe import Claim

if TYPE_CHECKING:
    from neurarium.losses.adversarial import Game


@dataclass(frozen=True, kw_only=True)
class HingeGAN(ImageGAN):
    """Miyato et al. 2018: a critic whose layers stretch nothing, and the hinge losses of Lim, Ye 2017.

    neurarium train hinge-gan
    """

    name: ClassVar[str] = "hinge-gan"
    paper: ClassVar[str] = (
        "Miyato, Kataoka, Koyama, Yoshida 2018, Spectral normalization for generative adversarial networks"
    )
    claims: ClassVar[tuple[Claim, ...]] = ()
    norm = "spectral"

    def game(self) -> Game:
        from neurarium.losses.adversarial import Hinge

        return Hinge()
