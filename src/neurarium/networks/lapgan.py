"""LAPGAN: dense players for the smallest images, convolutional ones for what each doubling of the side adds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from neurarium.nn.dense import dense_layers

WINDOW = 5
"""Height and width of the windows; the paper leaves them open."""


class BaseGenerator(nn.Module):
    """Images from noise by two hidden layers of ReLUs; Denton et al. 2015, section 4.1: G_K, 1,200 units a layer.

    In z (B, latent_size), out (B, *shape), of any size. Parameters: 1,581,616 for 4 x 4 grey images, 100 numbers.
    """

    def __init__(self, *, shape: Sequence[int], latent_size: int = 100, hidden: int = 1200) -> None:
        super().__init__()
        layers = dense_layers((latent_size, hidden, hidden, math.prod(shape)))
        self.layers = nn.Sequential(*layers, nn.Unflatten(1, tuple(shape)))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class BaseDiscriminator(nn.Module):
    """Two hidden layers of ReLUs with dropout; Denton et al. 2015, section 4.1: D_K, 600 units a layer.

    In (B, *shape), out scores (B, 1).
    """

    def __init__(self, *, shape: Sequence[int], hidden: int = 600, dropout: float = 0.5) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), *dense_layers((math.prod(shape), hidden, hidden, 1), dropout=dropout))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class DifferenceGenerator(nn.Module):
    """What is missing in an upscaled image; Denton et al. 2015, section 4.1: G_k, three convolutions.

    Noise enters as one more plane beside the image's channels.

    In z (B, 1, H, W) and l (B, C, H, W), out h (B, C, H, W), of any size and sign.
    Parameters: 107,329 for grey images and 64 maps.
    """

    def __init__(self, *, channels: int, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels + 1, width, WINDOW, padding="same"),
            nn.ReLU(),
            nn.Conv2d(width, width, WINDOW, padding="same"),
            nn.ReLU(),
            nn.Conv2d(width, channels, WINDOW, padding="same"),
        )

    def forward(self, z: Tensor, low: Tensor) -> Tensor:
        return self.layers(torch.cat([low, z], 1))


class DifferenceDiscriminator(nn.Module):
    """Whether a difference fits the upscaled image; Denton et al. 2015, section 4.1: D_k, two convolutions.

    The two are added before the first layer (section 3.2). Convolutions have a stride of 2.

    In h and l (B, C, size, size), out scores (B, 1).
    """

    def __init__(self, *, size: int, channels: int, width: int = 64) -> None:
        super().__init__()
        pad = WINDOW // 2
        side = -(-size // 4)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, WINDOW, stride=2, padding=pad),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, WINDOW, stride=2, padding=pad),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(width * side * side, 1),
        )

    def forward(self, h: Tensor, low: Tensor) -> Tensor:
        return self.layers(h + low)
