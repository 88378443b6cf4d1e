"""A judge of pairs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neurarium.networks.dcgan import DCGANDiscriminator
from neurarium.nn.dense import dense_layers
from neurarium.nn.dropout import Dropout


class PairDiscriminator(nn.Module):
    """Whether an image came first or its code; Dumoulin et al. 2016, section 2.5 and appendix A.

    Convolutions of stride 2 read the image, two dense layers the code, and three more both together, all with dropout
    and LeakyReLU in place of the paper's maxout. No layer mixes items.

    size, channels, width: of the image, as of `DCGANDiscriminator`, whose convolutions these are, without
        normalization. hidden: units of the dense layers; twice as many of those that see both.
    In x (B, channels, size, size) and z (B, latent_size), out scores (B, 1).
    """

    def __init__(
        self,
        *,
        size: int,
        channels: int,
        latent_size: int,
        width: int = 32,
        hidden: int = 256,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        *layers, last, flatten = DCGANDiscriminator(size=size, channels=channels, width=width, norm="none").layers
        self.image = nn.Sequential(*layers, flatten, Dropout(dropout))
        assert isinstance(last, nn.Conv2d)
        features = last.in_channels * 16  # of maps of 4 x 4
        act = _leaky
        self.code = nn.Sequential(
            *dense_layers((latent_size, hidden, hidden), activation=act, dropout=dropout), act(), Dropout(dropout)
        )
        self.both = dense_layers((features + hidden, 2 * hidden, 2 * hidden, 1), activation=act, dropout=dropout)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return self.both(torch.cat([self.image(x), self.code(z)], 1))


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.1)
