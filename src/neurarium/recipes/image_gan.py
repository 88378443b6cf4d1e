"""What the recipes of GANs on images share: data, convolutional players, measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.train.recipe import Goal, Recipe, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from neurarium.losses.adversarial import Game
    from neurarium.nn.inputs import ImageInput
    from neurarium.tasks.image_measures import ImageMeasures
    from neurarium.train.data import Data, Spec
    from neurarium.train.descent import Descent
    from neurarium.train.task import Task

    Players = tuple[nn.Module, nn.Module, ImageInput]
    """Generator, discriminator, and what prepares images for both."""


@dataclass(frozen=True, kw_only=True)
class ImageGAN(Recipe):
    """A game between a generator and a discriminator of images, by default the two of DCGAN under Adam.

    A subclass says what is its own: `game`, `roles`, `descents`, or `players`.
    """

    family: ClassVar[str] = "adversarial"
    goal: ClassVar[Goal] = Goal("frechet_distance", best="min")
    tiny: ClassVar[dict[str, Any]] = {"data": "digits", "steps": 20, "width": 4, "latent_size": 10}
    norm: ClassVar[Literal["batch", "layer", "spectral", "none"]] = "batch"
    """Of the discriminator."""

    data: str = "mnist"
    """mnist, fashion-mnist, cifar10, faces, digits, or a folder of images by class."""
    image_size: int = 0
    """Height and width to which images are resized; 0: their own, 64 for faces and folders."""
    steps: int = 4000
    """Generator updates."""
    batch_size: int = 64
    """Images of a minibatch."""
    width: int = 32
    """Maps of the largest layer of both players; twice as many at each halving of the side."""
    latent_size: int = 100
    """Numbers of noise behind an image."""
    lr: float = 2e-4
    """Learning rate of both players."""
    judge: str = ""
    """A trained run of a classifier on the same data: samples are measured in its features too, and asked-for classes
    are checked."""

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

    def players(self, shape: tuple[int, ...], *, told: int, shown: int, predicted: int) -> Players:
        """Of images of this shape, (C, H, W): the generator is told c of length `told`, the discriminator is shown
        `shown` of it and says `predicted` numbers besides."""
        from neurarium.networks.dcgan import DCGANDiscriminator, DCGANGenerator
        from neurarium.nn.inputs import ImageInput

        channels, height, width = shape
        size = power_of_two(height, width)
        half = [0.5] * channels  # from -1 to 1, as the tanh of the generator's last layer
        return (
            DCGANGenerator(
                size=size, channels=channels, latent_size=self.latent_size, width=self.width, condition_size=told
            ),
            DCGANDiscriminator(
                size=size,
                channels=channels,
                width=self.width,
                norm=self.norm,
                condition_size=shown,
                num_predicted=predicted,
            ),
            ImageInput(channels=channels, size=(size, size), mean=half, std=half, own=(height, width)),
        )

    def open_data(self) -> Data:
        from neurarium.data.sources import open_labelled

        return self.judged(open_labelled(self.data, **self.opening))

    def judged(self, data: Data) -> Data:
        """The data, for which the judge was tried before the first step."""
        if self.judge:
            from neurarium.recipes.judge import load_judge

            load_judge(self.judge, data.spec.classes)
        return data

    @property
    def opening(self) -> dict[str, Any]:
        """How data are opened."""
        from pathlib import Path

        from neurarium.data.sources import BUILT_IN

        name = self.data.rpartition(":")[0] or self.data
        folder = name not in BUILT_IN and Path(name).expanduser().is_dir()
        sizes_differ = folder or name == "faces"
        return {"batch_size": self.batch_size, "image_size": self.image_size or (64 if sizes_differ else None)}

    def images(self, spec: Spec) -> tuple[int, int, int]:
        """Channels, height and width. Raises UserError for data that are no images."""
        if len(spec.shape) != 3:
            raise UserError(f"{self.name} makes images, and {self.data} are none. Use gan-ring for points.")
        channels, height, width = spec.shape
        return channels, height, width

    def measures(self, spec: Spec) -> ImageMeasures:
        """What judges generated images."""
        from neurarium.recipes.judge import judge
        from neurarium.tasks.image_measures import ImageMeasures

        return ImageMeasures(judge(self.judge, spec.classes) if self.judge else None)

    def task(self, spec: Spec) -> Task:
        from neurarium.tasks.adversarial import Adversarial

        shape, roles = self.images(spec), self.roles(spec)
        condition, auxiliary = roles.get("condition"), roles.get("auxiliary")
        told = condition.size if condition else 0
        generator, discriminator, inputs = self.players(
            shape,
            told=told,
            shown=told if condition and condition.shown else 0,
            predicted=auxiliary.size if auxiliary else 0,
        )
        return Adversarial(
            generator=generator,
            discriminator=discriminator,
            inputs=inputs,
            latent_size=self.latent_size,
            game=self.game(),
            descents=self.descents(),
            measure=self.measures(spec),
            **roles,
        )

    def num_steps(self, spec: Spec) -> int:
        return self.steps


def power_of_two(height: int, width: int) -> int:
    """The side of the square into which images are brought: at least 8, so that it can be halved."""
    return max(8, 1 << (max(height, width) - 1).bit_length())
