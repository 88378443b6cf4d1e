"""Encoders to a Gaussian over codes, and decoders from codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import torch
from torch import Tensor, nn

from neurarium.networks.conv_autoencoder import ConvDecoder, ConvEncoder
from neurarium.nn.dense import dense_layers


class DenseEncoder(nn.Module):
    """q(z | x) = N(mu, diag s^2), its parameters by dense layers; Kingma, Welling 2014, appendix C.2.

    shape: of one item. hidden: widths of the hidden layers. condition_size: numbers c that are told besides the item,
        such as a class, one-hot (Sohn et al. 2015).
    In x (B, *shape), and c (B, condition_size) where it is not 0; out (B, 2 d): mu, then log s^2.
    """

    def __init__(
        self,
        *,
        shape: Sequence[int],
        hidden: Sequence[int] = (400,),
        latent_size: int = 20,
        condition_size: int = 0,
        activation: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        self.layers = dense_layers((prod(shape) + condition_size, *hidden, 2 * latent_size), activation=activation)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        x = x.flatten(1)
        parameters: Tensor = self.layers(x if c is None else torch.cat([x, c], 1))
        return parameters


class DenseDecoder(nn.Module):
    """Parameters of p(x | z) by dense layers; the mirror image of `DenseEncoder`.

    In z (B, latent_size), and c (B, condition_size) where it is not 0; out (B, *shape), without activation.
    """

    def __init__(
        self,
        *,
        shape: Sequence[int],
        hidden: Sequence[int] = (400,),
        latent_size: int = 20,
        condition_size: int = 0,
        activation: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        self.shape = tuple(shape)
        widths = (latent_size + condition_size, *reversed(hidden), prod(shape))
        self.layers = dense_layers(widths, activation=activation)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        x: Tensor = self.layers(z if c is None else torch.cat([z, c], 1))
        return x.view(len(z), *self.shape)


class ConvCodeEncoder(nn.Module):
    """q(z | x) by convolutions of stride 2, each of which halves height and width, and one dense layer.

    shape: of one image, (C, H, W), of any size. hidden: channels after each halving. Further numbers c enter as maps of
    one value beside the image's channels. In and out as of `DenseEncoder`.
    """

    def __init__(
        self, *, shape: Sequence[int], hidden: Sequence[int] = (32, 64), latent_size: int = 20, condition_size: int = 0
    ) -> None:
        super().__init__()
        channels, height, width = shape
        self.layers = ConvEncoder((height, width), (channels + condition_size, *hidden), 2 * latent_size)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        if c is not None:
            x = torch.cat([x, c[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)
        parameters: Tensor = self.layers(x)
        return parameters


class ConvCodeDecoder(nn.Module):
    """The mirror image of `ConvCodeEncoder`; in and out as of `DenseDecoder`."""

    def __init__(
        self, *, shape: Sequence[int], hidden: Sequence[int] = (32, 64), latent_size: int = 20, condition_size: int = 0
    ) -> None:
        super().__init__()
        channels, height, width = shape
        self.layers = ConvDecoder((height, width), (channels, *hidden), latent_size + condition_size)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        x: Tensor = self.layers(z if c is None else torch.cat([z, c], 1))
        return x
