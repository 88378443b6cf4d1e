"""DCGAN: images from noise, by convolutions alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurarium.recipes.image_gan import ImageGAN
from neurarium.train.recipe import Claim


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
    claims: ClassVar[tuple[Claim, ...]] = ()
