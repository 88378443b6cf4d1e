"""Progressive GAN: the resolution grows while it learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.recipes.image_gan import ImageGAN, power_of_two
from neurarium.train.recipe import Claim, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurarium.tasks.progressive import ProgressiveGAN
    from neurarium.train.data import Spec
    from neurarium.train.descent import Descent


@dataclass(frozen=True, kw_only=True)
class Progressive(ImageGAN):
    """Karras, Aila, Laine, Lehtinen 2017: first images of 4 x 4, then layers for each doubling are faded in.

    neurarium train progressive-gan                          # MNIST, up to 32 x 32
    neurarium train progressive-gan --data faces             # up to 64 x 64
    """

    name: ClassVar[str] = "progressive-gan"
    paper: ClassVar[str] = (
        "Karras, Aila, Laine, Lehtinen 2017, Progressive growing of GANs for improved quality, stability, and variation"
    )
    claims: ClassVar[tuple[Claim, ...]] = ()
    tiny: ClassVar[dict[str, Any]] = {**ImageGAN.tiny, "phase_steps": 2}

    phase_steps: int = 600
    """Steps for which a resolution is learned, and for which the next one is faded in."""
    steps: int = 6000
    """Generator updates."""
    width: int = 64
    """Maps of all layers up to 32 x 32, half as many at each doubling beyond; 512 in the paper."""
    latent_size: int = 64
    """Numbers of noise behind an image; 512 in the paper."""
    lr: float = 1e-3
    """Learning rate of both players."""
    ema: float = 0.999
    """Decay of the average of the generator's weights with which samples are made."""

    def descents(self) -> Mapping[str, Descent]:
        """Adam with beta_1 of 0 and beta_2 of 0.99; appendix A.1 of the paper."""
        from functools import partial

        from torch.optim import Adam

        from neurarium.train.descent import Descent

        optimizer = partial(Adam, lr=self.lr, betas=(0.0, 0.99))
        return {"generator": Descent(optimizer=optimizer, ema=self.ema), "discriminator": Descent(optimizer=optimizer)}

    def task(self, spec: Spec) -> ProgressiveGAN:
        from neurarium.networks.progressive import ProgressiveDiscriminator, ProgressiveGenerator
        from neurarium.nn.inputs import ImageInput
        from neurarium.tasks.critics import GradientPenalty
        from neurarium.tasks.progressive import ProgressiveGAN

        channels, height, width = self.images(spec)
        size, half = power_of_two(height, width), [0.5] * channels
        doublings = (size // 4).bit_length() - 1
        if self.steps <= (growing := 2 * doublings * self.phase_steps):
            raise UserError(
                f"--steps {self.steps} end before images of {size} x {size} are faded in: {doublings} times two phases "
                f"of {self.phase_steps} steps. Choose more than {growing} steps, or shorter phases."
            )
        return ProgressiveGAN(
            generator=ProgressiveGenerator(
                size=size, channels=channels, latent_size=self.latent_size, width=self.width
            ),
            discriminator=ProgressiveDiscriminator(size=size, channels=channels, width=self.width),
            inputs=ImageInput(channels=channels, size=(size, size), mean=half, std=half, own=(height, width)),
            size=size,
            latent_size=self.latent_size,
            penalty=GradientPenalty(),
            phase_steps=self.phase_steps,
            descents=self.descents(),
            measure=self.measures(spec),
        )
