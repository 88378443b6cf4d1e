"""A discriminator that is an autoencoder."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from neurarium.networks.dcgan import START, start_small


class EnergyDiscriminator(nn.Module):
    """D(x) = |Dec(Enc(x)) - x|, the energy of an image; Zhao, Mathieu, LeCun 2016, section 2.3 and appendix D.

    New in the paper: a discriminator that says not with which probability an image is real, but how badly it can put it
    together again, so that each pixel is a target. Convolutions of stride 2 down to 4 x 4 and transposed ones back up,
    batch normalization on all but the outermost layers, weights from N(0, 0.02^2).

    size, channels: of the images; a power of two of at least 8. width: maps after the first halving, twice as many
        after each further one. show_code: whether the scores hold the code too.
    In x (B, channels, size, size), out (B, 1): the Euclidean norm over all values of an image, at most a little above 0
        for one that is known. With the code (B, 1 + code_size(size, width)).
    """

    def __init__(self, *, size: int = 64, channels: int = 3, width: int = 64, show_code: bool = False) -> None:
        super().__init__()
        widths = [channels, *(width * 2**depth for depth in range(_halvings(size)))]
        encoder: list[nn.Module] = []
        for n_in, n_out in pairwise(widths):
            encoder.append(nn.Conv2d(n_in, n_out, 4, 2, 1, bias=n_in == channels))
            encoder += [nn.BatchNorm2d(n_out)] * (n_in != channels) + [nn.LeakyReLU(0.2)]
        decoder: list[nn.Module] = []
        for n_in, n_out in pairwise(widths[:0:-1]):
            decoder += [nn.ConvTranspose2d(n_in, n_out, 4, 2, 1, bias=False), nn.BatchNorm2d(n_out), nn.LeakyReLU(0.2)]
        self.encoder = nn.Sequential(*encoder)
        self.decoder = nn.Sequential(*decoder, nn.ConvTranspose2d(width, channels, 4, 2, 1))
        self.show_code = show_code
        start_small(self)

    def forward(self, x: Tensor) -> Tensor:
        code = self.encoder(x)
        off = (self.decoder(code) - x).flatten(1).float()
        # The root has no slope at 0.
        energy = torch.sqrt(off.square().sum(1, keepdim=True) + 1e-12)
        return torch.cat([energy, code.flatten(1).float()], 1) if self.show_code else energy


def code_size(*, size: int, width: int) -> int:
    """Numbers of the code of an image."""
    return width * 2 ** (_halvings(size) - 1) * START * START


def _halvings(size: int) -> int:
    """Down to 4. Raises ValueError where that is no whole number of halvings."""
    halvings = size.bit_length() - START.bit_length()
    if halvings < 1 or size != START * 2**halvings:
        raise ValueError(f"Expected images whose side is a power of two of at least 8, received {size}.")
    return halvings
