"""The ring: its modes, its moments, and its law of batches."""

from __future__ import annotations

import math

import pytest
import torch

from neurarium.data.ring import RingOfGaussians
from neurarium.train.data import Shard
from neurarium.train.recipe import UserError


def test_samples_follow_the_formula():
    data = RingOfGaussians(batch_size=64)
    x = torch.cat([batch.x for batch in data.split("test", shard=Shard())])
    assert x.shape == (10_000, 2)
    k = torch.arange(8)
    modes = 2 * torch.stack((torch.cos(2 * math.pi * k / 8), torch.sin(2 * math.pi * k / 8)), dim=1)
    torch.testing.assert_close(torch.tensor(data.spec.fitted["modes"]), modes, atol=1e-6, rtol=0)
    distance, nearest = torch.cdist(x, modes).min(1)
    counts = nearest.bincount(minlength=8)
    assert (counts - 1250).abs().max() < 5 * math.sqrt(10_000 / 8 * 7 / 8)
    # The distance from the mode is Rayleigh: E r^2 = 2 std^2, with deviation 2 std^2 of r^2.
    assert abs(float(distance.square().mean()) / (2 * 0.02**2) - 1) < 5 / math.sqrt(10_000)
    torch.testing.assert_close(x.std(0), torch.tensor(data.spec.fitted["std"]), atol=0.03, rtol=0)


def test_batch_i_is_a_function_of_seed_and_i():
    data = RingOfGaussians(batch_size=10, num_modes=5)
    straight = data.stream(None, seed=7, shard=Shard())
    batches = [next(straight).x for _ in range(5)]
    resumed = data.stream(None, seed=7, shard=Shard())
    resumed.restore({"position": 3})
    assert torch.equal(next(resumed).x, batches[3])
    assert resumed.state() == {"position": 4}
    assert len({tuple(batch.flatten().tolist()) for batch in batches}) == 5
    ranks = [data.stream(None, seed=7, shard=Shard(rank, 3)) for rank in range(3)]
    for rank, stream in enumerate(ranks):
        assert torch.equal(next(stream).x, batches[0][rank::3])


def test_splits_are_fixed_and_differ():
    data = RingOfGaussians(batch_size=10)
    samples = {split: [batch.x for batch in data.split(split, shard=Shard())] for split in data.splits}
    for split, batches in samples.items():
        again = list(data.split(split, shard=Shard()))
        assert all(torch.equal(x, batch.x) for x, batch in zip(batches, again, strict=True))
    assert not torch.equal(samples["validation"][0], samples["test"][0])


def test_what_cannot_be_is_refused():
    with pytest.raises(UserError, match="num_modes=2"):
        RingOfGaussians(batch_size=1, num_modes=2)
    with pytest.raises(UserError, match="splits train, validation, test"):
        RingOfGaussians(batch_size=1).split("other", shard=Shard())
