"""What the recipes of GANs on images share: data, convolutional players, measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.train.recipe import Goal, Recipe, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from neurarium.losses.adversarial import Game
    from neurarium.tasks.adversarial import Adversarial
    from neurarium.train.data import Data, Spec
    from neurarium.train.descent import Descent


@dataclass(frozen=True, kw_only=True)
class ImageGAN(Recipe):
    """A game between a generator and a discriminator of images, by default the two of DCGAN under Adam.

    A subclass says what is its own: `game`, `roles` (conditions, auxiliary losses, penalties, steps of the critic),
    `descents`, or `networks`.
    """

    family: ClassVar[str] = "adversarial"
    goal: ClassVar[Goal] = Goal("frechet_distance", best="min")

    data: str = "mnist"
    """mnist, fashion-mnist, cifar10, faces, digits, or a folder of images by class."""
    image_size: int = 0
    """Height and width to which images are resized, a power of two; 0: their own, 64 for faces and folders."""
    steps: int = 3000
    """Generator updates."""
    batch_size: int = 64
    """Images of a minibatch."""
    width: int = 32
    """Maps of the largest layer of both players; twice as many at each halving of the side."""
    latent_size: int = 100
    """Numbers of noise behind an image."""
    lr: float = 2e-4
    """Learning rate of both players."""

    def game(self) -> Game:
        """What the players minimise."""
        from neurarium.losses.adversarial import NonSaturating

        return NonSaturating()

    def roles(self, spec: Spec) -> Mapping[str, Any]:
        """Further arguments of the task: condition, auxiliary, penalties, discriminator_steps."""
        return {}

    def descents(self) -> Mapping[str, Descent]:
        """Adam with beta_1 of 0.5 for both; Radford et al. 2015, section 4."""
        from functools import partial

        from torch.optim import Adam

        from neurarium.train.descent import Descent

        descent = Descent(optimizer=partial(Adam, lr=self.lr, betas=(0.5, 0.999)))
        return {"generator": descent, "discriminator": descent}

    def networks(self, channels: int, size: int, told: int, shown: int, predicted: int) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator of images (channels, size, size): the generator is told c of length `told`, the
        discriminator is shown `shown` of it and says `predicted` numbers besides."""
        from neurarium.networks.dcgan import DCGANDiscriminator, DCGANGenerator

        generator = DCGANGenerator(
            size=size, channels=channels, latent_size=self.latent_size, width=self.width, condition_size=told
        )
        return generator, DCGANDiscriminator(
            size=size, channels=channels, width=self.width, condition_size=shown, num_predicted=predicted
        )

    def open_data(self) -> Data:
        from neurarium.data.sources import IMAGE_SETS, open_labelled

        own = self.data.rpartition(":")[0] or self.data
        given = 64 if own == "faces" or own not in IMAGE_SETS else 0
        return open_labelled(self.data, batch_size=self.batch_size, image_size=self.image_size or given or None)

    def task(self, spec: Spec) -> Adversarial:
        from neurarium.nn.inputs import ImageInput
        from neurarium.tasks.adversarial import Adversarial
        from neurarium.tasks.image_measures import ImageMeasures

        if len(spec.shape) != 3:
            raise UserError(f"{self.name} makes images, and {self.data} are none. Use gan-ring for points.")
        channels, *own = spec.shape
        side = max(own)
        size = 1 << (side - 1).bit_length()
        roles = self.roles(spec)
        condition, auxiliary = roles.get("condition"), roles.get("auxiliary")
        told = condition.size if condition else 0
        try:
            generator, discriminator = self.networks(
                channels,
                size,
                told,
                told if condition and condition.shown else 0,
                auxiliary.size if auxiliary else 0,
            )
        except ValueError as error:
            raise UserError(str(error)) from None
        return Adversarial(
            generator=generator,
            discriminator=discriminator,
            # From -1 to 1, as the tanh of the generator's last layer.
            inputs=ImageInput(
                channels=channels,
                size=(size, size),
                mean=[0.5] * channels,
                std=[0.5] * channels,
                own=(own[0], own[1]),
            ),
            latent_size=self.latent_size,
            game=self.game(),
            descents=self.descents(),
            measure=ImageMeasures(),
            **roles,
        )

    def num_steps(self, spec: Spec) -> int:
        return self.steps
