"""Dense autoencoders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from torch import Tensor, nn

from neurarium.nn.dense import dense_layers


class DenseAutoencoder(nn.Module):
    """An encoder to a code and a decoder back to the input: h = f(x), r = g(h).

    Rumelhart, Hinton, Williams 1986 (the encoder problem). f: R^n -> R^k, g: R^k -> R^n. The decoder has the widths of
    the encoder in reverse order. k < n (undercomplete) compresses; k > n needs a penalty on h or noise on x, or the
    network learns to copy.

    shape: of one item, whose n = prod(shape) numbers are flattened. hidden: widths between input and code, () for one
        layer each way. activation: of the hidden layers. code_activation: of the code; none by default.
    In (B, *shape), code (B, code_size), out (B, *shape) without activation.
    Parameters: sum over the layers, both ways, of (n_in + 1) n_out. Raises ValueError for widths below 1.
    """

    def __init__(
        self,
        *,
        shape: Sequence[int],
        hidden: Sequence[int] = (128,),
        code_size: int = 32,
        activation: Callable[[], nn.Module] = nn.ReLU,
        code_activation: Callable[[], nn.Module] = nn.Identity,
    ) -> None:
        super().__init__()
        widths = (prod(shape), *hidden, code_size)
        self.encoder = nn.Sequential(nn.Flatten(), dense_layers(widths, activation=activation), code_activation())
        self.decoder = nn.Sequential(dense_layers(widths[::-1], activation=activation), nn.Unflatten(1, tuple(shape)))

    def encode(self, x: Tensor) -> Tensor:
        code: Tensor = self.encoder(x)
        return code

    def decode(self, code: Tensor) -> Tensor:
        x: Tensor = self.decoder(code)
        return x

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))
