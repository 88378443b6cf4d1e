"""Convolutional autoencoders."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn


class ConvAutoencoder(nn.Module):
    """Convolutions down to a code, transposed convolutions back up; after Masci et al. 2011, with strides for pooling.

    Encoder: 3 x 3 convolutions of stride 2 with ReLU, each of which halves height and width, rounded up. Decoder:
    4 x 4 transposed convolutions of stride 2, which double them; where a size was odd the last row or column is cut
    off, so that the output is as large as the input. The paper pools in place of strides.

    channels: of the maps after each halving. size: height and width of the images.
    code_size: numbers of the code, between two dense layers; 0: the last maps are the code, and `forward` takes images
        of any size.
    In (B, in_channels, H, W), code (B, code_size) or (B, channels[-1], h, w), out (B, out_channels, H, W) without
    activation. Raises ValueError for widths below 1.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int],
        in_channels: int = 1,
        out_channels: int | None = None,
        channels: Sequence[int] = (16, 32),
        code_size: int = 32,
    ) -> None:
        super().__init__()
        if not channels or min(*channels, *size) < 1 or code_size < 0:
            raise ValueError(
                "ConvAutoencoder expects channels and sizes of at least 1 and a code of at least 0, received channels "
                f"{tuple(channels)}, size {tuple(size)} and code_size {code_size}."
            )
        self.encoder = ConvEncoder(size, (in_channels, *channels), code_size)
        self.decoder = ConvDecoder(size, (out_channels or in_channels, *channels), code_size)

    def encode(self, x: Tensor) -> Tensor:
        code: Tensor = self.encoder(x)
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Images of the size that was named, from codes, or from maps flattened to (B, d)."""
        x: Tensor = self.decoder(code)
        return x

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.decoder(self.encoder(x), (x.shape[-2], x.shape[-1]))
        return y


class ConvEncoder(nn.Module):
    """Images (B, widths[0], H, W) to codes (B, code_size), or for 0 to maps (B, widths[-1], h, w)."""

    def __init__(self, size: tuple[int, int], widths: Sequence[int], code_size: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(widths):
            layers += [nn.Conv2d(n_in, n_out, 3, stride=2, padding=1), nn.ReLU()]
        if code_size:
            layers += [nn.Flatten(), nn.Linear(prod(_maps(size, widths)), code_size)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        code: Tensor = self.layers(x)
        return code


class ConvDecoder(nn.Module):
    """Codes (B, code_size), or maps (B, widths[-1], h, w) or (B, d), to images (B, widths[0], H, W)."""

    def __init__(self, size: tuple[int, int], widths: Sequence[int], code_size: int) -> None:
        super().__init__()
        self.size = size
        self.maps = _maps(size, widths)
        self.dense = nn.Sequential(nn.Linear(code_size, prod(self.maps)), nn.ReLU()) if code_size else None
        # Windows of 4 at stride 2 cover every pixel equally often; those of 3 leave a chequered pattern.
        self.layers = nn.ModuleList(
            nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1) for n_in, n_out in pairwise(widths[::-1])
        )

    def forward(self, code: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        x = code if self.dense is None else self.dense(code)
        x = x.view(-1, *self.maps) if x.dim() == 2 else x
        for number, layer in enumerate(self.layers):
            height, width = _halved(size or self.size, len(self.layers) - 1 - number)
            x = layer(x if number == 0 else x.relu())[..., :height, :width]
        return x


def _halved(size: tuple[int, int], times: int) -> tuple[int, int]:
    """Height and width, halved so many times and rounded up: that is what a 3 x 3 convolution of stride 2 leaves."""
    return -(-size[0] // 2**times), -(-size[1] // 2**times)


def _maps(size: tuple[int, int], widths: Sequence[int]) -> tuple[int, int, int]:
    return (widths[-1], *_halved(size, len(widths) - 1))
