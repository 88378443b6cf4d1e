"""The two players of the first GAN on digits: dense layers alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from neurarium.nn.activations import Maxout
from neurarium.nn.dense import dense_layers
from neurarium.nn.dropout import Dropout


class DenseGenerator(nn.Module):
    """Generator of small images; Goodfellow et al. 2014, section 5: rectified linear units, then sigmoids.

    New in the paper: a generator that is trained by what another network says of its samples. The widths are those of
    the authors' published configuration for MNIST, and so is the start: weights from U(-0.05, 0.05) and, by `start_at`,
    biases of the output that make the mean image. From other starts this pair was seen to collapse to one digit.

    shape: of one image, (C, H, W). In z (B, latent_size), out (B, C, H, W) in [0, 1].
    Parameters: 2,503,984 for MNIST.
    """

    def __init__(
        self, *, shape: Sequence[int] = (1, 28, 28), latent_size: int = 100, hidden: Sequence[int] = (1200, 1200)
    ) -> None:
        super().__init__()
        layers = dense_layers((latent_size, *hidden, math.prod(shape)))
        self.layers = nn.Sequential(*layers, nn.Sigmoid(), nn.Unflatten(1, tuple(shape)))
        _start(self, 0.05)

    @torch.no_grad()
    def start_at(self, image: Sequence[float]) -> None:
        """Set the biases of the output to the logits of these C H W pixels in [0, 1], kept 1e-3 off the ends."""
        bias = self.layers[-3].bias
        assert isinstance(bias, nn.Parameter)
        bias.copy_(torch.tensor(image).logit(1e-3))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class DenseDiscriminator(nn.Module):
    """Judge of small images; Goodfellow et al. 2014, section 5: maxout units, trained with dropout.

    shape: of one image, (C, H, W). hidden: units of each hidden layer. pieces: of a maxout unit. dropout: of the pixels
    and of the hidden units; of the published configuration, as the widths and the start from U(-0.005, 0.005). Dropped
    values are made up for by scaling.
    In (B, C, H, W), out logits (B, 1). Parameters: 1,231,441 for MNIST.
    """

    def __init__(
        self,
        *,
        shape: Sequence[int] = (1, 28, 28),
        hidden: Sequence[int] = (240, 240),
        pieces: int = 5,
        dropout: tuple[float, float] = (0.2, 0.5),
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten(), Dropout(dropout[0])]
        width = math.prod(shape)
        for units in hidden:
            layers += [nn.Linear(width, units * pieces), Maxout(pieces=pieces), Dropout(dropout[1])]
            width = units
        self.layers = nn.Sequential(*layers, nn.Linear(width, 1))
        _start(self, 0.005)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def _start(network: nn.Module, bound: float) -> None:
    """Weights from U(-bound, bound), biases at 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.zeros_(layer.bias)
