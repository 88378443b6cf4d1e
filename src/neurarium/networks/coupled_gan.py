"""Players of a coupled GAN: pairs of networks that have some layers in common."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from neurarium.networks.dcgan import DCGANGenerator


class Coupled(nn.Module):
    """Layers in two parts, one of which is a part of another network too.

    In and out as of `first`, then `last`.
    """

    def __init__(self, first: nn.Module, last: nn.Module) -> None:
        super().__init__()
        self.first = first
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x))


def coupled_generators(*, latent_size: int = 100, **settings: Any) -> tuple[Coupled, Coupled]:
    """Two generators whose first layers are the same modules; Liu, Tuzel 2016, section 3.

    The first layers decide what there is to see. Only the last convolution, which draws it, is each one's own, as in
    the paper's networks for digits. settings: of `DCGANGenerator`, whose layers these are.
    Each: in z (B, latent_size), out (B, channels, size, size) in [-1, 1].
    """
    one, two = (list(DCGANGenerator(latent_size=latent_size, **settings).layers) for _ in range(2))
    shared = nn.Sequential(nn.Unflatten(1, (latent_size, 1, 1)), *one[:-2])
    return Coupled(shared, nn.Sequential(*one[-2:])), Coupled(shared, nn.Sequential(*two[-2:]))


def coupled_discriminators(
    *, size: int, channels: int = 1, width: int = 20, num_predicted: int = 0
) -> tuple[Coupled, Coupled]:
    """Two discriminators whose last layers are the same modules; Liu, Tuzel 2016, section 3.

    Those of the paper for digits, a LeNet: 5 x 5 convolutions to 20 and 50 maps, max-pooling after each, a dense layer
    of 500 units with PReLU, and the scores. Only the first convolution, which reads the pixels, is each one's own.
    Borders are padded here, so that images of any size fit. width: maps of the first layer.
    Each: in (B, channels, size, size), out (B, 1 + num_predicted).
    """
    maps, units, side = 5 * width // 2, 25 * width, size // 4
    first = [nn.Sequential(nn.Conv2d(channels, width, 5, padding=2), nn.MaxPool2d(2)) for _ in range(2)]
    shared = nn.Sequential(
        nn.Conv2d(width, maps, 5, padding=2),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(maps * side * side, units),
        nn.PReLU(),
        nn.Linear(units, 1 + num_predicted),
    )
    return Coupled(first[0], shared), Coupled(first[1], shared)
