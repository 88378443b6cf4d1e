"""Damage that an autoencoder learns to undo: functions of (x, generator) on what the encoder reads.

x: float (B, ...), images on the scale 0..1. The draws come from `generator`, or from torch's own generator if None.
What is given to one item does not depend on the values of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F


class Corruption(Protocol):
    """Spoils inputs (B, ...) as the encoder reads them; all draws come from `generator`, or from torch's own."""

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor: ...


def corrupt_alone(corrupt: Corruption, x: Tensor) -> Tensor:
    """Each item (1, ...) of x spoiled by a generator that its own values seed: in every batch and run the same."""
    rows = x.cpu()
    seeds = (rows.double() * 255).flatten(1).sum(1).round().long().tolist()
    spoiled = [
        corrupt(row, torch.Generator().manual_seed(seed)) for row, seed in zip(rows.split(1), seeds, strict=True)
    ]
    return torch.cat(spoiled).to(x.device)


@dataclass(frozen=True, slots=True)
class MaskingNoise:
    """Of each item a fixed number of values, `share` of all, chosen at random, are set to 0; Vincent et al. 2008."""

    share: float

    def __post_init__(self) -> None:
        _check_share(self.share, "MaskingNoise")

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return torch.where(_chosen(x, self.share, generator), 0.0, x)


@dataclass(frozen=True, slots=True)
class SaltAndPepper:
    """Of each item `share` of the values, chosen at random, become 0 or 1 with equal chance; Vincent et al. 2010."""

    share: float

    def __post_init__(self) -> None:
        _check_share(self.share, "SaltAndPepper")

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        chosen = _chosen(x, self.share, generator)
        coins = torch.randint(2, x.shape, generator=generator, device=x.device).to(x.dtype)
        return torch.where(chosen, coins, x)


@dataclass(frozen=True, slots=True)
class AdditiveNoise:
    """x + w with w ~ N(0, deviation^2) for every value; nothing is cut off at 0 and 1."""

    deviation: float

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        return x + self.deviation * noise


_WORD = (
    "### ### ### #.#",
    "#.. #.# #.# #.#",
    "#.. #.# ### ###",
    "#.. #.# #.. .#.",
    "### ### #.. .#.",
)


@dataclass(frozen=True, slots=True)
class Watermark:
    """A word lies over each image at a place drawn at random: x + opacity m (1 - x), m being 1 on its letters.

    width: of the word as a share of the image's width; it is as high as a third of that, as far as whole pixels allow.
    opacity: 0 leaves the image, 1 puts white over it. Images (B, C, H, W) alone; ValueError for other shapes.
    """

    width: float = 0.7
    opacity: float = 0.6

    def __post_init__(self) -> None:
        _check_share(self.width, "Watermark")
        _check_share(self.opacity, "Watermark")

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return x + self.opacity * self.mask(x, generator) * (1 - x)

    def mask(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Where the word lies in each image, (B, 1, H, W), 0 or 1: what a call with the same generator draws."""
        if x.dim() != 4:
            raise ValueError(f"Watermark expects images (B, C, H, W), received {tuple(x.shape)}.")
        B, _, H, W = x.shape
        wide = max(1, round(self.width * W))
        word = _word((max(1, min(H, round(wide / 3))), wide), x)
        free = torch.tensor((H - word.shape[0] + 1, W - word.shape[1] + 1), device=x.device)
        corner = (torch.rand(B, 2, generator=generator, device=x.device) * free).long()
        rows = torch.arange(H, device=x.device) - corner[:, :1]
        columns = torch.arange(W, device=x.device) - corner[:, 1:]
        inside = ((rows >= 0) & (rows < word.shape[0]))[:, :, None] & ((columns >= 0) & (columns < wide))[:, None, :]
        letters = word[rows.clamp(0, word.shape[0] - 1)[:, :, None], columns.clamp(0, wide - 1)[:, None, :]]
        return (letters * inside)[:, None]


def _word(size: tuple[int, int], x: Tensor) -> Tensor:
    """(h, w), 1 on the letters."""
    bitmap = torch.tensor([[letter == "#" for letter in line] for line in _WORD], dtype=x.dtype, device=x.device)
    return F.interpolate(bitmap[None, None], size, mode="nearest")[0, 0]


def _chosen(x: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """True for `share` of the values of each item, rounded to a whole number; shaped as x."""
    draws = torch.rand((len(x), x[0].numel()), generator=generator, device=x.device)
    places = draws.topk(round(share * draws.shape[1]), dim=1).indices
    return torch.zeros_like(draws, dtype=torch.bool).scatter_(1, places, True).view(x.shape)


def _check_share(value: float, name: str) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} expects shares in 0..1, received {value}.")
