"""Every draw is keyed: what for, under which seed, and for which step, epoch or split."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import torch

_WORD = (1 << 64) - 1


class Purpose(IntEnum):
    """What a draw is for; two purposes never share their random numbers."""

    ORDER = 1
    AUGMENT = 2
    SAMPLE = 3
    SPLIT = 4
    WORLD = 5
    REPLAY = 6


def mixed(purpose: Purpose, *keys: int) -> int:
    """63 well-mixed bits of (purpose, keys), by numpy's SeedSequence: near keys give unrelated numbers.

    Each key counts modulo 2^64 and takes two words, so that (1, 0) and (1,) and (2^32, 1) all differ.
    """
    words = [int(purpose), len(keys)]
    for key in keys:
        key &= _WORD
        words += (key & 0xFFFFFFFF, key >> 32)
    low, high = np.random.SeedSequence(words).generate_state(2)
    return int(low) | (int(high) >> 1) << 32


def generator(purpose: Purpose, *keys: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator that stands at the beginning of the draws of (purpose, keys)."""
    return torch.Generator(device).manual_seed(mixed(purpose, *keys))


def numpy_generator(purpose: Purpose, *keys: int) -> np.random.Generator:
    """The same for numpy; its PCG64 draws are alike on all platforms."""
    return np.random.default_rng(mixed(purpose, *keys))
