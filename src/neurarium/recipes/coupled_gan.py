"""CoGAN: pairs of images from two domains that were never seen in pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.recipes.image_gan import ImageGAN, power_of_two
from neurarium.train.recipe import Claim

if TYPE_CHECKING:
    from neurarium.tasks.coupled_gan import CoupledGAN
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class CoGAN(ImageGAN):
    """Liu, Tuzel 2016: two GANs with layers in common draw the same thing in two domains.

    neurarium train coupled-gan                       # digits and outlines of other digits
    neurarium train coupled-gan --other negative
    neurarium train coupled-gan --classify            # read the classes of outlines from labels of digits
    """

    name: ClassVar[str] = "coupled-gan"
    paper: ClassVar[str] = "Liu, Tuzel 2016, Coupled generative adversarial networks"
    claims: ClassVar[tuple[Claim, ...]] = ()
    tiny: ClassVar[dict[str, Any]] = {**ImageGAN.tiny, "image_size": 16, "classify": True}

    other: Literal["edges", "negative"] = "edges"
    """The other domain: outlines, or white for black, of images that the first domain does not have."""
    classify: bool = False
    """The discriminators learn the classes of the first domain, so that those of the other can be read."""

    def open_data(self) -> Data:
        from neurarium.data.domains import open_domains

        return self.judged(open_domains(self.data, self.other, **self.opening))

    def task(self, spec: Spec) -> CoupledGAN:
        from neurarium.data.domains import DOMAINS
        from neurarium.networks.coupled_gan import coupled_discriminators, coupled_generators
        from neurarium.nn.inputs import ImageInput
        from neurarium.tasks.coupled_gan import CoupledGAN

        channels, height, width = self.images(spec)
        size = power_of_two(height, width)
        half = [0.5] * channels
        layers: dict[str, Any] = {"size": size, "channels": channels, "width": self.width}
        classes = spec.classes if self.classify else ()
        return CoupledGAN(
            generators=coupled_generators(latent_size=self.latent_size, **layers),
            discriminators=coupled_discriminators(num_predicted=len(classes), **layers),
            inputs=ImageInput(channels=channels, size=(size, size), mean=half, std=half, own=(height, width)),
            latent_size=self.latent_size,
            game=self.game(),
            descents=self.descents(),
            measure=self.measures(spec),
            counterpart=DOMAINS[self.other],
            classes=classes,
        )
