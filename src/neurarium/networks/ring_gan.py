"""The two players of a GAN on points of the plane, small enough to watch the game."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from neurarium.nn.dense import dense_layers
from neurarium.nn.minibatch_discrimination import MinibatchDiscrimination


class RingGenerator(nn.Module):
    """Generator of points: Goodfellow et al. 2014, section 3, with multilayer perceptrons as there.

    The ring of Gaussians as a test for mode collapse, latent codes of 256 numbers and two hidden layers of 128 units
    are from Metz, Poole, Pfau, Sohl-Dickstein 2017, section 3.1; weights start as torch starts them.

    In latent codes (B, latent_size), out points (B, coordinates) without bound. Parameters: 49,666 with the defaults.
    """

    def __init__(self, *, latent_size: int = 256, hidden: Sequence[int] = (128, 128), coordinates: int = 2) -> None:
        super().__init__()
        self.latent_size = latent_size
        self.layers = dense_layers((latent_size, *hidden, coordinates))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class RingDiscriminator(nn.Module):
    """Judge of points: D(x) = sigmoid(logit) is the probability that x is real; Goodfellow et al. 2014, section 3.

    In points (B, coordinates), out logits (B, 1). Parameters: 17,025 with the defaults.

    num_kernels: of minibatch discrimination before the last layer; 0: none. Each has five numbers (Salimans et al.
        2016, section 3.2).
    linear: from two widths to a layer, such as SpectralLinear for a critic of bounded slope.
    """

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (128, 128),
        coordinates: int = 2,
        num_kernels: int = 0,
        linear: Callable[[int, int], nn.Module] = nn.Linear,
    ) -> None:
        super().__init__()
        layers = list(dense_layers((coordinates, *hidden, 1), linear=linear))
        if num_kernels:
            beside = MinibatchDiscrimination(hidden[-1], num_kernels=num_kernels)
            layers[-1:] = [beside, linear(hidden[-1] + num_kernels, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer, (B, hidden[-1]) and what minibatch discrimination adds."""
        return self.layers[:-1](x)
