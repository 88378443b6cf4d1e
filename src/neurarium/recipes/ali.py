"""ALI: an encoder learned in the game."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from neurarium.recipes.image_gan import ImageGAN, power_of_two
from neurarium.train.recipe import Claim

if TYPE_CHECKING:
    from neurarium.tasks.bidirectional import LearnedInference
    from neurarium.train.data import Spec


@dataclass(frozen=True, kw_only=True)
class ALI(ImageGAN):
    """Dumoulin et al. 2016: the discriminator judges images together with their codes.

    neurarium train ali
    neurarium train ali --data faces --latent-size 128
    """

    name: ClassVar[str] = "ali"
    paper: ClassVar[str] = (
        "Dumoulin, Belghazi, Poole, Mastropietro, Lamb, Arjovsky, Courville 2016, Adversarially learned inference"
    )
    claims: ClassVar[tuple[Claim, ...]] = ()

    latent_size: int = 64
    """Numbers of a code."""

    def task(self, spec: Spec) -> LearnedInference:
        from neurarium.networks.ali import PairDiscriminator
        from neurarium.networks.dcgan import DCGANGenerator
        from neurarium.networks.vae import ConvCodeEncoder
        from neurarium.nn.inputs import ImageInput
        from neurarium.tasks.bidirectional import LearnedInference

        channels, height, width = self.images(spec)
        size = power_of_two(height, width)
        half = [0.5] * channels
        maps = [self.width * 2**depth for depth in range(size.bit_length() - 3)]
        return LearnedInference(
            encoder=ConvCodeEncoder(shape=(channels, size, size), hidden=maps, latent_size=self.latent_size),
            generator=DCGANGenerator(size=size, channels=channels, latent_size=self.latent_size, width=self.width),
            discriminator=PairDiscriminator(
                size=size, channels=channels, latent_size=self.latent_size, width=self.width, hidden=8 * self.width
            ),
            inputs=ImageInput(channels=channels, size=(size, size), mean=half, std=half, own=(height, width)),
            latent_size=self.latent_size,
            descents=self.descents(),
            measure=self.measures(spec),
        )
