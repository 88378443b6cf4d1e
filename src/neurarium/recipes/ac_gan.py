"""AC-GAN: a discriminator that also names the class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.recipes.image_gan import ImageGAN
from neurarium.train.recipe import Claim

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurarium.train.data import Spec


@dataclass(frozen=True, kw_only=True)
class ACGAN(ImageGAN):
    """Odena, Olah, Shlens 2016: the discriminator says real or not, and which class; the generator is told the class.

    neurarium train ac-gan
    neurarium train ac-gan --no-told       # classes of real images alone: Salimans et al. 2016, section 5
    """

    name: ClassVar[str] = "ac-gan"
    paper: ClassVar[str] = "Odena, Olah, Shlens 2016, Conditional image synthesis with auxiliary classifier GANs"
    claims: ClassVar[tuple[Claim, ...]] = ()

    told: bool = True
    """Tell the generator a class and have it named right; without, labels only teach the discriminator."""

    def roles(self, spec: Spec) -> Mapping[str, Any]:
        from neurarium.tasks.conditions import ClassPrediction, Label

        classes = len(spec.classes)
        told = {"condition": Label(classes, shown=False)} if self.told else {}
        return {**told, "auxiliary": ClassPrediction(classes, fakes=self.told)}
