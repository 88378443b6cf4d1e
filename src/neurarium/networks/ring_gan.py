"""The two players of a GAN on points of the plane, small enough to watch the game."""

from collections.abc import Sequence

from torch import Tensor, nn

from neurarium.nn.dense import dense_layers


class RingGenerator(nn.Module):
    """Generator of points: Goodfellow et al. 2014, section 3, with multilayer perceptrons as there.

    The ring of Gaussians as a test for mode collapse, latent codes of 256 numbers and two hidden layers of 128 units
    are from Metz, Poole, Pfau, Sohl-Dickstein 2017, section 3.1; weights start as torch starts them.

    In latent codes (B, latent_size), out points (B, 2) without bound. Parameters: 49,666 with the defaults.
    """

    def __init__(self, *, latent_size: int = 256, hidden: Sequence[int] = (128, 128)) -> None:
        super().__init__()
        self.latent_size = latent_size
        self.layers = dense_layers((latent_size, *hidden, 2))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class RingDiscriminator(nn.Module):
    """Judge of points: D(x) = sigmoid(logit) is the probability that x is real; Goodfellow et al. 2014, section 3.

    In points (B, 2), out logits (B, 1). Parameters: 17,025 with the defaults.
    """

    def __init__(self, *, hidden: Sequence[int] = (128, 128)) -> None:
        super().__init__()
        self.layers = dense_layers((2, *hidden, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
