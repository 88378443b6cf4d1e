"""BigGAN, small: residual players of images that are told the class at every layer."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.networks.dcgan import START
from neurarium.nn.spectral_norm import SpectralConv2d, SpectralLinear, start


class ClassConditionalBatchNorm(nn.Module):
    """y = (1 + g(c)) (x - mean) / std + b(c): gain and bias of each map are read from a condition; Brock et al. 2018.

    mean and std are those of the batch in training, running averages in evaluation. g and b are linear maps without
    biases, under spectral normalization.

    In x (B, channels, H, W) and c (B, condition_size), out (B, channels, H, W).
    """

    def __init__(self, channels: int, condition_size: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = SpectralLinear(condition_size, channels, bias=False)
        self.bias = SpectralLinear(condition_size, channels, bias=False)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return self.norm(x) * (1 + self.gain(c))[:, :, None, None] + self.bias(c)[:, :, None, None]


class UpBlock(nn.Module):
    """Residual block that doubles the side; Brock et al. 2018, figure 15 (b).

    In x (B, n_in, H, W) and c (B, condition_size), out (B, n_out, 2 H, 2 W).
    """

    def __init__(self, n_in: int, n_out: int, condition_size: int) -> None:
        super().__init__()
        self.norm1 = ClassConditionalBatchNorm(n_in, condition_size)
        self.conv1 = SpectralConv2d(n_in, n_out, 3, padding=1)
        self.norm2 = ClassConditionalBatchNorm(n_out, condition_size)
        self.conv2 = SpectralConv2d(n_out, n_out, 3, padding=1)
        self.skip = SpectralConv2d(n_in, n_out, 1)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        h = self.conv1(_doubled(F.relu(self.norm1(x, c))))
        h = self.conv2(F.relu(self.norm2(h, c)))
        return h + self.skip(_doubled(x))


class DownBlock(nn.Module):
    """Residual block of the discriminator; Brock et al. 2018, figure 15 (c).

    first: reads the image, and so does not begin with a ReLU. down: halves the side by averaging.
    In (B, n_in, H, W), out (B, n_out, H / 2, W / 2), or of the same side.
    """

    def __init__(self, n_in: int, n_out: int, *, first: bool = False, down: bool = True) -> None:
        super().__init__()
        self.conv1 = SpectralConv2d(n_in, n_out, 3, padding=1)
        self.conv2 = SpectralConv2d(n_out, n_out, 3, padding=1)
        self.skip = SpectralConv2d(n_in, n_out, 1) if first or n_in != n_out else None
        self.first = first
        self.down = down

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x))))
        h = h + (x if self.skip is None else self.skip(x))
        return F.avg_pool2d(h, 2) if self.down else h


class BigGANGenerator(nn.Module):
    """Images of a class from noise; Brock, Donahue, Simonyan 2018, sections 2 and 3, appendix B.

    New in the paper: scale, and what keeps it stable. Noise z is cut into pieces, one for the first layer and one for
    each block, where it joins the class's embedding, which all blocks share, as condition of the batch normalization.
    All layers are spectrally normalised and start orthogonal. Here without the paper's attention.

    size: height and width, a power of two of at least 8. width: maps of the last block, twice as many at each halving.
    In z (B, latent_size) and c (B, num_classes), one-hot; out (B, channels, size, size) in [-1, 1].
    """

    def __init__(
        self,
        *,
        size: int = 32,
        channels: int = 3,
        num_classes: int = 10,
        latent_size: int = 128,
        width: int = 64,
        embedding_size: int = 32,
    ) -> None:
        super().__init__()
        num_blocks = size.bit_length() - START.bit_length()
        if num_blocks < 1 or size != START << num_blocks or latent_size <= num_blocks:
            raise ValueError(
                f"Expected a side that is a power of two of at least 8, and at least {num_blocks + 1} numbers of noise "
                f"for it, received {size} and {latent_size}."
            )
        self.pieces = [len(piece) for piece in torch.arange(latent_size).tensor_split(num_blocks + 1)]
        widths = [width * 2**depth for depth in reversed(range(num_blocks + 1))]
        self.embedding = nn.Linear(num_classes, embedding_size, bias=False)
        self.first = SpectralLinear(self.pieces[0], widths[0] * START * START)
        self.blocks = nn.ModuleList(
            UpBlock(n_in, n_out, embedding_size + piece)
            for (n_in, n_out), piece in zip(pairwise(widths), self.pieces[1:], strict=True)
        )
        self.norm = nn.BatchNorm2d(widths[-1])
        self.last = SpectralConv2d(widths[-1], channels, 3, padding=1)
        start_orthogonal(self)

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        first, *pieces = z.split(self.pieces, 1)
        y = self.embedding(c)
        x = self.first(first).view(len(z), -1, START, START)
        for block, piece in zip(self.blocks, pieces, strict=True):
            x = block(x, torch.cat([y, piece], 1))
        return torch.tanh(self.last(F.relu(self.norm(x))))

    def filters(self) -> tuple[nn.Module, ...]:
        """All layers with a matrix of filters, which are to be at right angles, but the embedding of classes."""
        layers = (layer for layer in self.modules() if isinstance(layer, nn.Conv2d | nn.Linear))
        return tuple(layer for layer in layers if layer is not self.embedding)


class ProjectionDiscriminator(nn.Module):
    """f(x, y) = y^T V phi(x) + psi(phi(x)); Miyato, Koyama 2018, equation 3, with the blocks of Brock et al. 2018.

    phi(x): residual blocks down to 4 x 4, one more that keeps the side, ReLU, and the sum over all places. V: one row
    a class, whose product with phi(x) says how well the image fits the class; psi: a linear map, for any image.

    size, channels, num_classes, width: as the generator's.
    In x (B, channels, size, size) and c (B, num_classes), one-hot; out scores (B, 1).
    """

    def __init__(self, *, size: int = 32, channels: int = 3, num_classes: int = 10, width: int = 64) -> None:
        super().__init__()
        widths = [width * 2**depth for depth in range(size.bit_length() - START.bit_length())]
        blocks = [DownBlock(channels, widths[0], first=True)]
        blocks += [DownBlock(n_in, n_out) for n_in, n_out in pairwise(widths)]
        self.blocks = nn.Sequential(*blocks, DownBlock(widths[-1], widths[-1], down=False))
        self.psi = SpectralLinear(widths[-1], 1)
        self.classes = SpectralLinear(num_classes, widths[-1], bias=False)
        start_orthogonal(self)

    def features(self, x: Tensor) -> Tensor:
        """phi(x), (B, F)."""
        return F.relu(self.blocks(x)).sum((2, 3))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        phi = self.features(x)
        return (self.classes(c) * phi).sum(1, keepdim=True) + self.psi(phi)


def start_orthogonal(network: nn.Module) -> None:
    """Weights whose rows, or columns where these are fewer, are at right angles and of length 1; biases at 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.orthogonal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            if isinstance(layer, SpectralConv2d | SpectralLinear):
                start(layer)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
