"""The first GAN: dense networks on digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.recipes.image_gan import ImageGAN
from neurarium.train.recipe import Claim

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurarium.losses.adversarial import Game
    from neurarium.recipes.image_gan import Players
    from neurarium.train.data import Data, Spec
    from neurarium.train.descent import Descent
    from neurarium.train.task import Task


@dataclass(frozen=True, kw_only=True)
class GAN(ImageGAN):
    """Goodfellow et al. 2014: a generator learns from a discriminator that tells its images from real ones.

    neurarium train gan                          # MNIST
    neurarium train gan --width 1200             # as wide as in the authors' configuration
    neurarium train gan --loss minimax           # algorithm 1 to the letter
    neurarium train gan --data fashion-mnist
    """

    name: ClassVar[str] = "gan"
    paper: ClassVar[str] = "Goodfellow et al. 2014, Generative adversarial nets"
    claims: ClassVar[tuple[Claim, ...]] = ()
    tiny: ClassVar[dict[str, Any]] = {**ImageGAN.tiny, "width": 100, "lr": 1.0}

    loss: Literal["non-saturating", "minimax"] = "non-saturating"
    """What the generator minimises: - log D(G(z)) as in the paper's section 3, or log(1 - D(G(z))) of algorithm 1."""
    discriminator_steps: int = 1
    """Updates of the discriminator before each of the generator's: k of algorithm 1."""
    steps: int = 10000
    """Generator updates."""
    batch_size: int = 100
    """Images of a minibatch."""
    width: int = 400
    """Units of the generator's hidden layers; the discriminator's have a fifth as many, with five pieces each."""
    lr: float = 0.1
    """Learning rate of SGD for both players."""
    momentum: float = 0.5
    """Of SGD, as in the paper's algorithm 1."""

    def open_data(self) -> Data:
        """What is known of the data includes the mean image, at which the generator starts."""
        from dataclasses import replace

        data: Any = super().open_data()
        mean = data.items("train")[0].float().mean(0).flatten() / 255
        data.spec = replace(data.spec, fitted={**data.spec.fitted, "mean_image": mean.tolist()})
        return data

    def task(self, spec: Spec) -> Task:
        task: Any = super().task(spec)
        task.generator.start_at(spec.fitted["mean_image"])
        return task

    def game(self) -> Game:
        from neurarium.losses.adversarial import GAMES

        return GAMES[self.loss]

    def roles(self, spec: Spec) -> Mapping[str, Any]:
        return {"discriminator_steps": self.discriminator_steps}

    def descents(self) -> Mapping[str, Descent]:
        from functools import partial

        from torch.optim import SGD

        from neurarium.train.descent import Descent

        descent = Descent(optimizer=partial(SGD, lr=self.lr, momentum=self.momentum))
        return {"generator": descent, "discriminator": descent}

    def players(self, shape: tuple[int, ...], *, told: int, shown: int, predicted: int) -> Players:
        from neurarium.networks.dense_gan import DenseDiscriminator, DenseGenerator
        from neurarium.nn.inputs import ImageInput

        units, (channels, *size) = max(1, self.width // 5), shape
        return (
            DenseGenerator(shape=shape, latent_size=self.latent_size, hidden=(self.width, self.width)),
            DenseDiscriminator(shape=shape, hidden=(units, units)),
            ImageInput(channels=channels, size=(size[0], size[1]), mean=[0.0] * channels, std=[1.0] * channels),
        )
