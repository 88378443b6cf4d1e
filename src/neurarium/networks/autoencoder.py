"""Dense autoencoders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import cast

from torch import Tensor, nn

from neurarium.nn.dense import dense_layers
from neurarium.nn.tied import TiedLinear


class DenseAutoencoder(nn.Module):
    """An encoder to a code and a decoder back to the input: h = f(x), r = g(h).

    Rumelhart, Hinton, Williams 1986 (the encoder problem). f: R^n -> R^k, g: R^k -> R^n. The decoder has the widths of
    the encoder in reverse order. k < n (undercomplete) compresses; k > n needs a penalty on h or noise on x, or the
    network learns to copy.

    shape: of one item, whose n = prod(shape) numbers are flattened. hidden: widths between input and code, () for one
        layer each way. activation: of the hidden layers. code_activation: of the code; none by default.
    tied: the decoder's weights are the encoder's, transposed (Vincent et al. 2008).
    In (B, *shape), code (B, code_size), out (B, *shape) without activation.
    Parameters: sum over the layers, both ways, of (n_in + 1) n_out; tied layers have n_out biases alone.
    Raises ValueError for widths below 1.
    """

    def __init__(
        self,
        *,
        shape: Sequence[int],
        hidden: Sequence[int] = (128,),
        code_size: int = 32,
        activation: Callable[[], nn.Module] = nn.ReLU,
        code_activation: Callable[[], nn.Module] = nn.Identity,
        tied: bool = False,
    ) -> None:
        super().__init__()
        widths = (prod(shape), *hidden, code_size)
        way_in = dense_layers(widths, activation=activation)
        way_out = dense_layers(widths[::-1], activation=activation)
        if tied:
            places = [number for number, layer in enumerate(way_in) if isinstance(layer, nn.Linear)]
            for place, source in zip(places, places[::-1], strict=True):
                way_out[place] = TiedLinear(cast(nn.Linear, way_in[source]))
        self.encoder = nn.Sequential(nn.Flatten(), way_in, code_activation())
        self.decoder = nn.Sequential(way_out, nn.Unflatten(1, tuple(shape)))

    def encode(self, x: Tensor) -> Tensor:
        code: Tensor = self.encoder(x)
        return code

    def decode(self, code: Tensor) -> Tensor:
        x: Tensor = self.decoder(code)
        return x

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))
