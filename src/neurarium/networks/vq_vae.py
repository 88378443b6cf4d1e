"""Discrete codes of images: an encoder and a decoder by convolutions, a codebook between them, a prior over codes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.networks.conv_autoencoder import ConvDecoder, ConvEncoder
from neurarium.nn.residual import Residual


class QuantisedEncoder(nn.Module):
    """Images to maps of vectors, z_e; van den Oord, Vinyals, Kavukcuoglu 2017, section 4.1, of any number of halvings.

    channels: after each convolution of stride 2, which halves height and width, rounded up; two residual blocks and a
    linear map to `code_size` numbers follow. Unlike the paper's these are standardised over the batch: else they may
    grow away from the codebook, and few entries are ever the nearest (Lancucki et al. 2020, section 3.1).
    In (B, in_channels, H, W), out (B, code_size, h, w).
    """

    def __init__(
        self, *, size: tuple[int, int], in_channels: int = 1, channels: Sequence[int] = (32, 64), code_size: int = 16
    ) -> None:
        super().__init__()
        wide = channels[-1]
        self.layers = nn.Sequential(
            ConvEncoder(size, (in_channels, *channels), 0),
            *_residual(wide),
            nn.Conv2d(wide, code_size, 1),
            nn.BatchNorm2d(code_size, affine=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        z: Tensor = self.layers(x)
        return z


class QuantisedDecoder(nn.Module):
    """The mirror image of `QuantisedEncoder`. In (B, code_size, h, w), out (B, in_channels, H, W), no activation."""

    def __init__(
        self, *, size: tuple[int, int], in_channels: int = 1, channels: Sequence[int] = (32, 64), code_size: int = 16
    ) -> None:
        super().__init__()
        wide = channels[-1]
        self.layers = nn.Sequential(
            nn.Conv2d(code_size, wide, 3, padding=1), *_residual(wide), ConvDecoder(size, (in_channels, *channels), 0)
        )

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = self.layers(z)
        return x


class Codebook(nn.Module):
    """Replaces each vector by the nearest of K entries e_k; van den Oord et al. 2017, equations 1 and 2.

    In z_e (B, D, h, w), out (B, D, h, w) with the values of the entries and the gradient of z_e: straight through.
    Parameters: K D, which start uniform in +-1/K, so that at first the direction of a vector decides.
    """

    def __init__(self, *, num_codes: int = 64, code_size: int = 16) -> None:
        super().__init__()
        self.entries = nn.Parameter(torch.empty(num_codes, code_size).uniform_(-1 / num_codes, 1 / num_codes))

    def codes(self, encoded: Tensor) -> Tensor:
        """argmin_k ||z_e - e_k||, (B, h, w) int64."""
        vectors = encoded.movedim(1, -1).float()
        # ||z||^2 is the same for all entries.
        distances = self.entries.square().sum(1) - 2 * vectors @ self.entries.T
        return distances.argmin(-1)

    def look_up(self, codes: Tensor) -> Tensor:
        """e of codes (B, h, w), as (B, D, h, w)."""
        return F.embedding(codes, self.entries).movedim(-1, 1)

    def forward(self, encoded: Tensor) -> Tensor:
        chosen = self.look_up(self.codes(encoded))
        return encoded + (chosen - encoded).detach()

    def multiply_adds(self, output: Tensor) -> int:
        """Of every vector with every entry."""
        return output.numel() * len(self.entries)


class CodePrior(nn.Module):
    """p(codes) = prod_t p(c_t | c_1, ..., c_{t-1}) in the order of reading, by a GRU (Cho et al. 2014).

    The paper has a PixelCNN, whose convolutions see a window; this one sees all codes that came before.
    In codes (B, T) int64, out logits (B, T, K): those at t have seen the codes before t.
    """

    def __init__(self, *, num_codes: int = 64, hidden_size: int = 128) -> None:
        super().__init__()
        self.start = num_codes
        self.embedding = nn.Embedding(num_codes + 1, hidden_size)
        self.recurrent = nn.GRU(hidden_size, hidden_size, batch_first=True)
        self.output = nn.Linear(hidden_size, num_codes)

    def forward(self, codes: Tensor) -> Tensor:
        before = F.pad(codes[:, :-1], (1, 0), value=self.start)
        logits: Tensor = self.output(self.recurrent(self.embedding(before))[0])
        return logits

    def sample(self, count: int, length: int, generator: torch.Generator | None = None) -> Tensor:
        """Codes (count, length), drawn one after the other."""
        code = torch.full((count, 1), self.start, device=self.output.weight.device)
        codes, state = [], None
        for _ in range(length):
            given, state = self.recurrent(self.embedding(code), state)
            code = torch.multinomial(self.output(given[:, 0]).softmax(1), 1, generator=generator)
            codes.append(code)
        return torch.cat(codes, 1)


def _residual(channels: int) -> list[nn.Module]:
    """Two blocks x + Conv1x1(ReLU(Conv3x3(ReLU(x)))), and a ReLU."""
    blocks: list[nn.Module] = [
        Residual(
            nn.Sequential(
                nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 1)
            )
        )
        for _ in range(2)
    ]
    return [*blocks, nn.ReLU()]
