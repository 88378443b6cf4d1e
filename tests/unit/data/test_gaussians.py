"""Mixtures of Gaussians: their modes, their moments, and their law of batches."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import kstest, norm

from neurarium.data.gaussians import GaussianMixture, grid, line, ring
from neurarium.train.data import Shard
from neurarium.train.recipe import UserError


def test_samples_follow_the_formula():
    data = ring(batch_size=64)
    x = drawn(data)
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
    data = ring(batch_size=10, num_modes=5)
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
    data = ring(batch_size=10)
    samples = {split: [batch.x for batch in data.split(split, shard=Shard())] for split in data.splits}
    for split, batches in samples.items():
        again = list(data.split(split, shard=Shard()))
        assert all(torch.equal(x, batch.x) for x, batch in zip(batches, again, strict=True))
    assert not torch.equal(samples["validation"][0], samples["test"][0])


def drawn(data: GaussianMixture) -> torch.Tensor:
    return torch.cat([batch.x for batch in data.split("test", shard=Shard())])


def test_the_grid_has_25_modes_as_published():
    data = grid(batch_size=64)
    modes = torch.tensor(data.spec.fitted["modes"])
    assert data.spec.shape == (2,)
    assert modes.tolist() == [[x, y] for y in (-4, -2, 0, 2, 4) for x in (-4, -2, 0, 2, 4)]
    x = drawn(data)
    distance, nearest = torch.cdist(x, modes).min(1)
    counts = nearest.bincount(minlength=25)
    assert (counts - 400).abs().max() < 5 * math.sqrt(10_000 / 25 * 24 / 25)
    assert abs(float(distance.square().mean()) / (2 * 0.05**2) - 1) < 5 / math.sqrt(10_000)
    # The variance of -4, -2, 0, 2, 4 is 8.
    assert data.spec.fitted["mean"] == [0, 0]
    assert data.spec.fitted["std"] == pytest.approx([math.sqrt(8 + 0.05**2)] * 2, rel=1e-12)
    assert next(data.stream(None, seed=0, shard=Shard())).x.shape == (64, 2)


def test_gaussians_on_the_line_follow_their_density():
    data = line(4.0, batch_size=32)
    assert data.spec.shape == (1,)
    assert data.spec.fitted["modes"] == [[4.0]]
    assert next(data.stream(None, seed=0, shard=Shard())).x.shape == (32, 1)
    x = drawn(data)
    assert kstest(x[:, 0].numpy(), norm(4.0, 0.5).cdf).pvalue > 1e-3
    two = line(-1.0, 2.0, batch_size=32, std=0.3)
    halves = lambda t: (norm(-1, 0.3).cdf(t) + norm(2, 0.3).cdf(t)) / 2  # noqa: E731
    assert kstest(drawn(two)[:, 0].numpy(), halves).pvalue > 1e-3
    assert two.spec.fitted["mean"] == [0.5]
    assert two.spec.fitted["std"] == pytest.approx([math.sqrt(1.5**2 + 0.3**2)], rel=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ring(batch_size=1, num_modes=2), r"num_modes=2"),
        (lambda: ring(batch_size=0), r"batch_size=0"),
        (lambda: grid(batch_size=1, side=0), r"received 0 and 2"),
        (lambda: line(batch_size=1), r"at least one mode"),
        (lambda: line(1.0, batch_size=1, std=0), r"std=0"),
        (lambda: GaussianMixture([(0, 0), (1,)], std=1, batch_size=1), r"as many coordinates in each"),
        (lambda: ring(batch_size=1).split("other", shard=Shard()), r"splits train, validation, test"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(UserError, match=message):
        make()
