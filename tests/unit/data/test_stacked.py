"""Stacks of three digits: pixels, labels, the law of batches, and the thousand modes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from neurarium.data.sources import open_labelled
from neurarium.train.data import Shard
from neurarium.train.recipe import UserError

TASK: Any = None


def test_each_channel_is_a_digit_of_the_split_and_the_label_tells_all_three() -> None:
    data: Any = open_labelled("stacked-digits", batch_size=50)
    digits: Any = open_labelled("digits", batch_size=50)
    assert data.spec.shape == (3, 8, 8)
    assert data.spec.classes[::111] == ("000", "111", "222", "333", "444", "555", "666", "777", "888", "999")
    batches = {"train": next(data.stream(TASK, seed=3, shard=Shard()))}
    batches |= {split: next(data.split(split, shard=Shard())) for split in ("validation", "test")}
    for split, (x, y) in batches.items():
        items = digits.items(split)
        classes = {bytes(image): int(label) for image, label in zip(items.x.numpy(), items.y, strict=True)}
        assert x.dtype == torch.uint8
        for image, label in zip(x.numpy(), y.tolist(), strict=True):
            assert "".join(str(classes[bytes(channel)]) for channel in image) == data.spec.classes[label]
    assert data.spec.fitted["mean"] == digits.spec.fitted["mean"] * 3
    assert data.spec.fitted["std"] == digits.spec.fitted["std"] * 3


def test_batch_i_is_a_function_of_seed_and_i() -> None:
    data: Any = open_labelled("stacked-digits", batch_size=12)
    straight = data.stream(TASK, seed=7, shard=Shard())
    batches = [next(straight) for _ in range(5)]
    resumed = data.stream(TASK, seed=7, shard=Shard())
    resumed.restore({"position": 3})
    assert all(torch.equal(a, b) for a, b in zip(next(resumed), batches[3], strict=True))
    assert resumed.state() == {"position": 4}
    assert len({tuple(batch.y.tolist()) for batch in batches}) == 5
    for rank in range(3):
        part = next(data.stream(TASK, seed=7, shard=Shard(rank, 3)))
        assert all(torch.equal(mine, whole[rank::3]) for mine, whole in zip(part, batches[0], strict=True))
    large: Any = open_labelled("stacked-digits", batch_size=12, image_size=16)
    assert next(large.stream(TASK, seed=7, shard=Shard())).x.shape == (12, 3, 16, 16)
    other = next(data.stream(TASK, seed=8, shard=Shard()))
    assert not torch.equal(other.y, batches[0].y)


def test_a_split_is_a_fixed_sample_shared_by_ranks() -> None:
    data: Any = open_labelled("stacked-digits", batch_size=12)
    whole = torch.cat([batch.y for batch in data.split("test", shard=Shard())])
    again = torch.cat([batch.y for batch in data.split("test", shard=Shard())])
    assert len(whole) == data.spec.sizes["test"] == 450
    assert torch.equal(whole, again)
    ranks = [torch.cat([batch.y for batch in data.split("test", shard=Shard(rank, 2))]) for rank in range(2)]
    assert torch.equal(torch.cat(ranks).sort().values, whole.sort().values)


def test_stacked_mnist_has_a_thousand_modes(data_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURARIUM_DATA", str(data_home))
    data: Any = open_labelled("stacked-mnist", batch_size=64, validation=0)
    assert data.spec.shape == (3, 28, 28)
    assert data.spec.sizes == {"train": 60_000, "test": 10_000}
    labels = torch.cat([batch.y for batch in data.split("train", shard=Shard())])
    counts = labels.bincount(minlength=1000)
    # The published counts of the digits give the chance of each mode: from 5421^3 to 6742^3 of 60000^3.
    digits = torch.tensor([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]).double() / 60_000
    chance = torch.einsum("a,b,c->abc", digits, digits, digits).flatten()
    expected = 60_000 * chance
    assert len(counts) == 1000
    assert counts.min() > 0
    assert ((counts - expected).abs() < 5 * (expected * (1 - chance)).sqrt()).all()


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("stacked-digits", {"channels": 3}, r"three digits each, where channels would be ignored"),
        ("stacked-digits", {"balanced": True}, r"where balanced would be ignored"),
        ("stacked-digits", {"batch_size": 0}, r"at least 1, received 0"),
        ("stacked-digits:20", {}, r"stacked-digits is read while it is trained on and cannot be cut"),
    ],
)
def test_what_cannot_be_is_refused(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_labelled(name, **{"batch_size": 8, **settings})
