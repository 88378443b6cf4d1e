"""A conditional GAN: the class is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.recipes.image_gan import ImageGAN
from neurarium.train.recipe import Claim

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurarium.train.data import Spec


@dataclass(frozen=True, kw_only=True)
class ConditionalGAN(ImageGAN):
    """Mirza, Osindero 2014: both players are told the class, one-hot; here the two of DCGAN.

    neurarium train conditional-gan
    neurarium train conditional-gan --data fashion-mnist
    """

    name: ClassVar[str] = "conditional-gan"
    paper: ClassVar[str] = "Mirza, Osindero 2014, Conditional generative adversarial nets"
    claims: ClassVar[tuple[Claim, ...]] = ()

    def roles(self, spec: Spec) -> Mapping[str, Any]:
        from neurarium.tasks.conditions import Label

        return {"condition": Label(len(spec.classes))}
