"""Bit strings of unequal length with their parity: what no fixed window sees and a recurrent network can count."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import torch

from neurarium.data.memory import InMemory
from neurarium.data.seeding import Purpose, numpy_generator
from neurarium.train.batches import LabelledSequences
from neurarium.train.data import Spec
from neurarium.train.recipe import UserError

SHORTEST_SHARED_OUT = 6
"""Shorter strings are too few (2 to 32 a length) to be shared out among the splits."""

SHARES = {"train": range(14), "validation": range(14, 17), "test": range(17, 20)}
"""Which twentieths of all strings belong to which split."""

DEFAULT_SIZES = {"train": 10_000, "validation": 1_000, "test": 1_000, "longer": 1_000}


def parity(
    *, batch_size: int, max_length: int = 20, sizes: Mapping[str, int] = DEFAULT_SIZES, seed: int = 0
) -> InMemory:
    """LabelledSequences of bits: y = 1 ("even") when the number of ones is even, else 0 ("odd").

    x: (N, T) int32 of 0 and 1, padded with 0 behind `lengths`; T = max_length, and twice that in "longer".
    Lengths are drawn uniformly in 1..max_length, bits are fair, and a string that belongs to another split is drawn
    again. Every string of at least six bits belongs to one of train, validation and test; shorter ones are in train
    alone. So the three are disjoint, unless max_length is under six, where strings are too few and all splits draw
    from all. The split "longer" has lengths from max_length + 1 to 2 max_length: whoever learned to count answers it
    too.

    sizes: number of strings a split, "train" first; splits may be left out.
    """
    unknown = [split for split in sizes if split not in DEFAULT_SIZES]
    if max_length < 2 or next(iter(sizes), None) != "train" or unknown or min(sizes.values()) < 1:
        raise UserError(
            "parity needs max_length of at least 2 and positive sizes for train first, and for any of validation, test "
            f"and longer; received max_length={max_length}, sizes={dict(sizes)}."
        )
    splits = {}
    for split, size in sizes.items():
        low, high = (max_length + 1, 2 * max_length) if split == "longer" else (1, max_length)
        random = numpy_generator(Purpose.SAMPLE, seed, list(DEFAULT_SIZES).index(split))
        bits, lengths = _draw(split, size, low, high, shared_out=max_length >= SHORTEST_SHARED_OUT, random=random)
        splits[split] = LabelledSequences(
            x=torch.from_numpy(bits),
            lengths=torch.from_numpy(lengths),
            y=torch.from_numpy((bits.sum(1) % 2 == 0).astype(np.int64)),
        )
    spec = Spec(
        shape=(max_length,),
        sizes=dict(sizes),
        classes=("odd", "even"),
        vocabulary=("0", "1"),
        fitted={"kind": "tokens"},
    )
    return InMemory(splits, spec, batch_size=batch_size, name="parity")


def _draw(
    split: str, size: int, low: int, high: int, *, shared_out: bool, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """bits (size, high) int32 and lengths (size,) int64 of strings that belong to the split."""
    found: list[tuple[np.ndarray, np.ndarray]] = []
    missing = size
    while missing > 0:
        lengths = random.integers(low, high, size=8 * missing + 64, endpoint=True)
        bits = random.integers(0, 2, size=(len(lengths), high), dtype=np.int32)
        bits *= np.arange(high) < lengths[:, None]
        if shared_out and split != "longer":
            mine = [_belongs(split, row[:length]) for row, length in zip(bits, lengths, strict=True)]
            bits, lengths = bits[mine], lengths[mine]
        found.append((bits[:missing], lengths[:missing]))
        missing -= len(found[-1][0])
    return np.concatenate([bits for bits, _ in found]), np.concatenate([lengths for _, lengths in found])


def _belongs(split: str, string: np.ndarray) -> bool:
    if len(string) < SHORTEST_SHARED_OUT:
        return split == "train"
    digest = hashlib.blake2b(string.astype(np.uint8).tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "little") % 20 in SHARES[split]
