"""DCGAN: the two players as convolutional networks without pooling and without hidden dense layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from neurarium.nn.convolution import WholeMapConv2d
from neurarium.nn.spectral_norm import SpectralConv2d

Norm = Literal["batch", "layer", "spectral", "none"]
"""What keeps a discriminator in bounds: values normalised over a batch or over each image, or weights divided by their
largest singular value. The gradient penalty is on each sample's own slope, which statistics of a batch would mix: there
"layer" (Gulrajani et al. 2017, section 4)."""

START = 4
"""Height and width of the smallest maps, as in the paper."""


class DCGANGenerator(nn.Module):
    """Generator of images; Radford, Metz, Chintala 2015, section 3 and figure 1.

    New in the paper: a generator that is convolutional throughout and yet trains. Noise is projected to 4 x 4 maps, and
    fractionally strided convolutions double the side until the image's is reached, with batch normalization and ReLU
    after each but the last, whose output goes through tanh. Weights start from N(0, 0.02^2), without biases.
    The paper draws windows of 5 x 5; 4 x 4 ones meet every output pixel equally often at a stride of 2.

    size: height and width, a power of two of at least 8. width: maps of the largest hidden layer, twice as many at each
        halving; the paper's network has size 64, width 128. condition_size: length of c, which is appended to z.
    In z (B, latent_size), and c (B, condition_size) where there is one; out (B, channels, size, size) in [-1, 1].
    Parameters: 3,576,704 for size 64, width 64, 3 channels.
    """

    def __init__(
        self, *, size: int = 64, channels: int = 3, latent_size: int = 100, width: int = 128, condition_size: int = 0
    ) -> None:
        super().__init__()
        widths = [width * 2**depth for depth in reversed(range(_doublings(size)))]
        layers: list[nn.Module] = [nn.ConvTranspose2d(latent_size + condition_size, widths[0], START, bias=False)]
        for n_in, n_out in zip(widths, [*widths[1:], channels], strict=True):
            layers += [nn.BatchNorm2d(n_in), nn.ReLU(), nn.ConvTranspose2d(n_in, n_out, 4, 2, 1, bias=False)]
        self.layers = nn.Sequential(*layers, nn.Tanh())
        start_small(self)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        z = z if c is None else torch.cat([z, c], 1)
        return self.layers(z[:, :, None, None])


class DCGANDiscriminator(nn.Module):
    """Judge of images; Radford, Metz, Chintala 2015, section 3.

    Convolutions of stride 2 with LeakyReLU of slope 0.2 halve the side to 4 x 4, from which one more convolution makes
    the scores: no pooling, no hidden dense layer. Batch normalization after all convolutions but the first and the
    last. Weights start from N(0, 0.02^2); hidden layers have biases where nothing normalises their values.

    size, width: as the generator's. norm: "batch"; "layer", over all values of one image; "spectral" of all weights,
        the last included, which start as torch starts them; "none".
    condition_size: length of c, which enters as that many constant maps beside the image.
    num_predicted: further scores from the same features, such as those of classes.
    In x (B, channels, size, size), and c (B, condition_size) where there is one; out (B, 1 + num_predicted), of which
    the first says "real". Parameters: 2,765,632 for size 64, width 64, 3 channels.
    """

    def __init__(
        self,
        *,
        size: int = 64,
        channels: int = 3,
        width: int = 128,
        norm: Norm = "batch",
        condition_size: int = 0,
        num_predicted: int = 0,
    ) -> None:
        super().__init__()
        widths = [width * 2**depth for depth in range(_doublings(size))]
        layers: list[nn.Module] = []
        convolution = SpectralConv2d if norm == "spectral" else nn.Conv2d
        for depth, (n_in, n_out) in enumerate(zip([channels + condition_size, *widths[:-1]], widths, strict=True)):
            normalised = depth > 0 and norm in _NORMS
            layers.append(convolution(n_in, n_out, 4, 2, 1, bias=not normalised))
            if normalised:
                layers.append(_NORMS[norm](n_out))
            layers.append(nn.LeakyReLU(0.2))
        # Without a bias: it would raise real and generated scores alike, which a Wasserstein critic cannot learn.
        to_scores = SpectralConv2d if norm == "spectral" else WholeMapConv2d
        last = to_scores(widths[-1], 1 + num_predicted, START, bias=False)
        self.layers = nn.Sequential(*layers, last, nn.Flatten())
        start_small(self)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        x = x if c is None else torch.cat([x, c[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)
        return self.layers(x)


def start_small(network: nn.Module) -> None:
    """Weights of convolutions from N(0, 0.02^2), biases at 0; Radford et al. 2015, section 4.

    Spectral layers keep their start: their scale is divided away, and their singular vectors were found for it.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and not isinstance(layer, SpectralConv2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _doublings(size: int) -> int:
    """From 4 to the size. Raises ValueError where that is no whole number of doublings."""
    doublings = size.bit_length() - START.bit_length()
    if doublings < 1 or size != START * 2**doublings:
        raise ValueError(f"DCGAN makes images whose side is a power of two of at least 8, received {size}.")
    return doublings


_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "layer": lambda channels: nn.GroupNorm(1, channels),
}
