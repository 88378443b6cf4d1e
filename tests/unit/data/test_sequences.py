"""Parity: labels counted by hand, splits disjoint as strings."""

from __future__ import annotations

import pytest
import torch

from neurarium.data.sequences import parity
from neurarium.train.data import Shard
from neurarium.train.recipe import UserError


def strings(items) -> list[str]:
    return ["".join(map(str, row[:n].tolist())) for row, n in zip(items.x, items.lengths, strict=True)]


@pytest.mark.parametrize("max_length", [2, 5, 6, 20])
def test_labels_lengths_and_padding(max_length):
    data = parity(batch_size=8, max_length=max_length)
    assert data.splits == ("train", "validation", "test", "longer")
    for split in data.splits:
        items = data.items(split)
        assert items.x.dtype == torch.int32
        assert items.lengths.dtype == items.y.dtype == torch.int64
        assert items.x.shape == (data.spec.sizes[split], max_length * (2 if split == "longer" else 1))
        for string, row, label in zip(strings(items), items.x, items.y, strict=True):
            assert label == (string.count("1") % 2 == 0)
            assert row[len(string) :].eq(0).all()
        low, high = (max_length + 1, 2 * max_length) if split == "longer" else (1, max_length)
        assert items.lengths.min() >= low
        assert items.lengths.max() == high
    assert data.items("train").lengths.unique().tolist() == list(range(1, max_length + 1))
    assert abs(float(data.items("train").y.float().mean()) - 0.5) < 0.05
    assert data.spec.shape == (max_length,)
    assert data.spec.classes == ("odd", "even")


@pytest.mark.parametrize("max_length", [6, 12, 20])
def test_splits_are_disjoint_as_strings(max_length):
    data = parity(batch_size=8, max_length=max_length, seed=5)
    train, validation, test = (set(strings(data.items(split))) for split in ("train", "validation", "test"))
    assert not train & validation
    assert not train & test
    assert not validation & test
    assert data.audit() == []


def test_seed_and_sizes():
    sizes = {"train": 50, "test": 7}
    first, again, other = (parity(batch_size=5, sizes=sizes, seed=seed) for seed in (1, 1, 2))
    assert first.spec.sizes == sizes
    assert strings(first.items("train")) == strings(again.items("train"))
    assert strings(first.items("train")) != strings(other.items("train"))
    batch = next(first.stream(None, seed=0, shard=Shard()))
    assert batch.x.shape == (5, 20)
    for wrong in ({"test": 5}, {"train": 0}, {"train": 5, "other": 1}):
        with pytest.raises(UserError, match="parity needs"):
            parity(batch_size=1, sizes=wrong)
