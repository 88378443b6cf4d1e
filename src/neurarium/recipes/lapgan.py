"""LAPGAN: images from coarse to fine, one GAN for each scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.recipes.image_gan import ImageGAN, power_of_two
from neurarium.train.recipe import Claim, UserError

if TYPE_CHECKING:
    from neurarium.tasks.lapgan import LaplacianGAN
    from neurarium.train.data import Spec


@dataclass(frozen=True, kw_only=True)
class LAPGAN(ImageGAN):
    """Denton et al. 2015: a small image from noise, then differences, each given the image so far made twice as large.

    neurarium train lapgan                              # MNIST: 4 x 4, then 8, 16 and 32
    neurarium train lapgan --data cifar10 --levels 2    # from 8 x 8, as in the paper
    neurarium train lapgan --data faces
    """

    name: ClassVar[str] = "lapgan"
    paper: ClassVar[str] = (
        "Denton, Chintala, Szlam, Fergus 2015, Deep generative image models using a Laplacian pyramid of adversarial "
        "networks"
    )
    claims: ClassVar[tuple[Claim, ...]] = ()
    tiny: ClassVar[dict[str, Any]] = {**ImageGAN.tiny, "levels": 2}

    levels: int = 3
    """K: how often the side is halved; as many GANs of differences, and one of the smallest images."""
    width: int = 64
    """Maps of the convolutional layers; dense ones of the smallest image have 16 times as many units, or 8 to judge."""

    def task(self, spec: Spec) -> LaplacianGAN:
        from neurarium.networks.lapgan import (
            BaseDiscriminator,
            BaseGenerator,
            DifferenceDiscriminator,
            DifferenceGenerator,
        )
        from neurarium.nn.inputs import ImageInput
        from neurarium.tasks.lapgan import LaplacianGAN

        channels, height, width = self.images(spec)
        size = power_of_two(height, width)
        if not 1 <= self.levels < size.bit_length():
            raise UserError(
                f"--levels must lie between 1 and {size.bit_length() - 1} for images of {size} x {size}, received "
                f"{self.levels}. The default is 3."
            )
        sides = [size >> k for k in range(self.levels)]
        base = (channels, size >> self.levels, size >> self.levels)
        return LaplacianGAN(
            generators=[
                *(DifferenceGenerator(channels=channels, width=self.width) for _ in sides),
                BaseGenerator(shape=base, latent_size=self.latent_size, hidden=16 * self.width),
            ],
            discriminators=[
                *(DifferenceDiscriminator(size=side, channels=channels, width=self.width) for side in sides),
                BaseDiscriminator(shape=base, hidden=8 * self.width),
            ],
            noise=[*((1, side, side) for side in sides), (self.latent_size,)],
            inputs=ImageInput(
                channels=channels, size=(size, size), mean=[0.0] * channels, std=[1.0] * channels, own=(height, width)
            ),
            game=self.game(),
            descents=self.descents(),
            measure=self.measures(spec),
        )
