"""Players of a coupled GAN: pairs of networks that have some layers in common."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from neurarium.networks.dcgan import DCGANDiscriminator, DCGANGenerator


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


def coupled_discriminators(**settings: Any) -> tuple[Coupled, Coupled]:
    """Two discriminators whose last layers are the same modules; Liu, Tuzel 2016, section 3.

    Only the first convolution, which reads the pixels, is each one's own, as in the paper's networks for digits, which
    have no batch normalization either. settings: of `DCGANDiscriminator`, whose layers these are.
    Each: in (B, channels, size, size), out (B, 1 + num_predicted).
    """
    one, two = (DCGANDiscriminator(norm="none", **settings).layers for _ in range(2))
    shared = one[2:]
    return Coupled(one[:2], shared), Coupled(two[:2], shared)
