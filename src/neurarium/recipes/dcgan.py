"""DCGAN: images from noise, by convolutions alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from neurarium.recipes.image_gan import ImageGAN
from neurarium.train.recipe import Claim

if TYPE_CHECKING:
    from neurarium.losses.adversarial import Game


@dataclass(frozen=True, kw_only=True)
class DCGAN(ImageGAN):
    """Radford, Metz, Chintala 2015: strided convolutions for pooling, batch normalization, no hidden dense layers.

    neurarium train dcgan                       # MNIST
    neurarium train dcgan --data cifar10 --width 64 --batch-size 128
    neurarium train dcgan --data faces
    neurarium train dcgan --data rooms/         # a folder of images by class, such as bedrooms
    """

    name: ClassVar[str] = "dcgan"
    paper: ClassVar[str] = (
        "Radford, Metz, Chintala 2015, Unsupervised representation learning with deep convolutional generative "
        "adversarial networks"
    )
    claims: ClassVar[tuple[Claim, ...]] = (Claim("frechet_distance", 0.12, at="most", knobs=(("steps", 2000),)),)

    loss: Literal["non-saturating", "minimax", "smoothed"] = "non-saturating"
    """What the players minimise; smoothed: non-saturating with the target 0.9 for real images."""

    def game(self) -> Game:
        from neurarium.losses.adversarial import GAMES

        return GAMES[self.loss]
