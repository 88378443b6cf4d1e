"""BigGAN, small: images of classes from residual networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.recipes.image_gan import ImageGAN, power_of_two
from neurarium.train.recipe import Claim

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurarium.tasks.adversarial import Adversarial
    from neurarium.train.data import Spec
    from neurarium.train.descent import Descent


@dataclass(frozen=True, kw_only=True)
class BigGAN(ImageGAN):
    """Brock, Donahue, Simonyan 2018, far smaller: the class reaches every layer, and all layers are bounded.

    neurarium train biggan
    neurarium train biggan --data cifar10 --width 64 --batch-size 128 --steps 50000
    """

    name: ClassVar[str] = "biggan"
    paper: ClassVar[str] = "Brock, Donahue, Simonyan 2018, Large scale GAN training for high fidelity natural images"
    claims: ClassVar[tuple[Claim, ...]] = ()

    discriminator_steps: int = 2
    """Updates of the discriminator before each of the generator's."""
    orthogonality: float = 1e-4
    """beta, the weight of what filters of the generator cost that are not at right angles."""
    ema: float = 0.999
    """Decay of the average of the generator's weights with which samples are made; 0.9999 for long runs."""

    def descents(self) -> Mapping[str, Descent]:
        """Adam with beta_1 of 0; appendix C of the paper."""
        from functools import partial

        from torch.optim import Adam

        from neurarium.train.descent import Descent

        optimizer = partial(Adam, lr=self.lr, betas=(0.0, 0.999))
        return {"generator": Descent(optimizer=optimizer, ema=self.ema), "discriminator": Descent(optimizer=optimizer)}

    def task(self, spec: Spec) -> Adversarial:
        from neurarium.losses.adversarial import Hinge
        from neurarium.networks.biggan import BigGANGenerator, ProjectionDiscriminator
        from neurarium.nn.inputs import ImageInput
        from neurarium.tasks.adversarial import Adversarial
        from neurarium.tasks.conditions import Label
        from neurarium.tasks.regularisers import Orthogonality

        channels, height, width = self.images(spec)
        size, half, num_classes = power_of_two(height, width), [0.5] * channels, len(spec.classes)
        layers: dict[str, Any] = {"size": size, "channels": channels, "num_classes": num_classes, "width": self.width}
        generator = BigGANGenerator(latent_size=self.latent_size, **layers)
        return Adversarial(
            generator=generator,
            discriminator=ProjectionDiscriminator(**layers),
            inputs=ImageInput(channels=channels, size=(size, size), mean=half, std=half, own=(height, width)),
            latent_size=self.latent_size,
            game=Hinge(),
            descents=self.descents(),
            measure=self.measures(spec),
            condition=Label(num_classes),
            auxiliary=Orthogonality(generator.filters(), weight=self.orthogonality),
            discriminator_steps=self.discriminator_steps,
        )
