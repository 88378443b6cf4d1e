"""The law of streams: batch i is a function of (seed, i), every item comes once an epoch, shards make up the whole."""

from __future__ import annotations

import time
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neurarium.data.memory import InMemory, Order, spans
from neurarium.data.seeding import Purpose, mixed
from neurarium.nn.augment import RandomAffine, RandomShift
from neurarium.train.batches import Labelled
from neurarium.train.data import Shard, Spec
from neurarium.train.recipe import UserError

sizes = st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))


class Images(NamedTuple):
    x: Tensor
    y: Tensor


def source(num_items: int, batch_size: int, **settings) -> InMemory:
    x = torch.arange(num_items * 16, dtype=torch.int64).remainder(251).to(torch.uint8).view(num_items, 1, 4, 4)
    y = torch.arange(num_items)
    return InMemory({"train": Images(x, y), "test": Images(x, y)}, Spec((1, 4, 4)), batch_size=batch_size, **settings)


@given(sizes, st.integers(0, 2**63), st.integers(0, 50))
def test_batches_are_the_epochs_permutations_one_after_the_other(size, seed, i):
    num_items, batch_size = size
    stream = source(num_items, batch_size).stream(None, seed=seed, shard=Shard())
    shown = torch.cat([next(stream).y for _ in range(i + 1)])
    order = Order(num_items, batch_size, seed=seed)
    epochs = len(shown) // num_items + 1
    assert shown.tolist() == torch.cat([order.permutation(epoch) for epoch in range(epochs)])[: len(shown)].tolist()


@given(sizes, st.integers(0, 99))
def test_every_item_comes_once_an_epoch_in_batches_of_one_size(size, seed):
    num_items, batch_size = size
    stream = source(num_items, batch_size).stream(None, seed=seed, shard=Shard())
    batches = [next(stream).y for _ in range(3 * num_items // batch_size + 3)]
    assert {len(batch) for batch in batches} == {batch_size}
    shown = torch.cat(batches)
    for epoch in range(3):
        assert sorted(shown[epoch * num_items : (epoch + 1) * num_items].tolist()) == list(range(num_items))


@pytest.mark.parametrize("augment", [RandomShift(1), RandomAffine(10, (0.9, 1.1), 0.1, 5)])
@given(size=sizes, seed=st.integers(0, 99), before=st.integers(0, 60), after=st.integers(0, 60))
@settings(max_examples=50)
def test_a_restored_stream_continues_bit_for_bit(augment, size, seed, before, after):
    data = source(*size, augment=augment)
    straight = data.stream(None, seed=seed, shard=Shard())
    for _ in range(before):
        next(straight)
    resumed = data.stream(None, seed=seed, shard=Shard())
    for _ in range(after % 5):
        next(resumed)  # whatever it did before
    resumed.restore(straight.state())
    for _ in range(4):
        expected, found = next(straight), next(resumed)
        assert torch.equal(expected.x, found.x)
        assert torch.equal(expected.y, found.y)


@pytest.mark.parametrize("augment", [None, RandomShift(1)])
@given(size=sizes, world=st.integers(1, 4), seed=st.integers(0, 9))
@settings(max_examples=30)
def test_shards_together_are_the_whole_batch(augment, size, world, seed):
    data = source(*size, augment=augment)
    whole = data.stream(None, seed=seed, shard=Shard())
    ranks = [data.stream(None, seed=seed, shard=Shard(rank, world)) for rank in range(world)]
    for _ in range(3):
        expected = next(whole)
        for rank, stream in enumerate(ranks):
            share = next(stream)
            assert torch.equal(share.x, expected.x[rank::world])
            assert torch.equal(share.y, expected.y[rank::world])


@given(sizes, st.integers(1, 5))
def test_a_split_is_one_pass_in_order_and_ranks_cover_each_item_once(size, world):
    num_items, batch_size = size
    data = source(num_items, 1, evaluation_batch_size=batch_size)
    assert torch.cat([batch.y for batch in data.split("test", shard=Shard())]).tolist() == list(range(num_items))
    shares = [list(data.split("test", shard=Shard(rank, world))) for rank in range(world)]
    assert len({len(batches) for batches in shares}) == 1  # as many calls on every rank
    assert num_items < world or all(len(batch.y) > 0 for batches in shares for batch in batches)
    seen = sorted(item for batches in shares for batch in batches for item in batch.y.tolist())
    assert seen == list(range(num_items))


@given(st.integers(1, 200), st.integers(1, 50), st.integers(1, 8))
def test_spans_tile_the_items(num_items, batch_size, world):
    tiles = spans(num_items, batch_size, world=world)
    assert [item for start, stop in tiles for item in range(start, stop)] == list(range(num_items))
    assert all(stop - start == max(batch_size, world) for start, stop in tiles[:-1])


def test_full_batch_mini_batch_and_online_are_one_source():
    x, y = torch.randn(12, 3), torch.randn(12)
    gradients = {}
    for batch_size in (12, 4, 1):
        w = torch.zeros(3, requires_grad=True)
        stream = InMemory({"train": Labelled(x, y)}, Spec((3,)), batch_size=batch_size).stream(
            None, seed=0, shard=Shard()
        )
        epoch = []
        for _ in range(12 // batch_size):
            batch = next(stream)
            epoch.append(torch.autograd.grad(((batch.x @ w - batch.y) ** 2).mean(), w)[0])
        gradients[batch_size] = torch.stack(epoch).mean(0)  # unbiased: the mean over an epoch is the full gradient
    closed_form = 2 * x.T @ (-y) / 12
    for gradient in gradients.values():
        torch.testing.assert_close(gradient, closed_form)


def test_seeds_and_epochs_give_unrelated_orders():
    orders = [Order(50, 1, seed=seed).permutation(epoch).tolist() for seed in range(5) for epoch in range(5)]
    assert len({tuple(order) for order in orders}) == 25
    # Positions of item 0 spread over the whole range, as for a uniform draw: mean 24.5, deviation 14.4 / sqrt(1000).
    places = [Order(50, 1, seed=seed).permutation(3).tolist().index(0) for seed in range(1000)]
    assert abs(sum(places) / 1000 - 24.5) < 4 * 14.43 / 1000**0.5


def test_keys_are_mixed_without_collisions():
    keys = [(purpose, a, b) for purpose in (Purpose.ORDER, Purpose.AUGMENT) for a in range(60) for b in range(60)]
    assert len({mixed(*key) for key in keys}) == len(keys)
    assert mixed(Purpose.ORDER, 1) != mixed(Purpose.ORDER, 1, 0)
    assert mixed(Purpose.ORDER, 2**32) != mixed(Purpose.ORDER, 0, 1)
    assert mixed(Purpose.ORDER, -1) == mixed(Purpose.ORDER, 2**64 - 1)


def test_position_is_the_whole_state_and_restoring_is_free():
    stream = source(40, 7).stream(None, seed=0, shard=Shard())
    start = time.thread_time()
    stream.restore({"position": 10**12})
    next(stream)
    assert time.thread_time() - start < 0.5
    assert stream.state() == {"position": 10**12 + 1}


def test_a_batch_has_at_most_all_items():
    stream = source(40, 41).stream(None, seed=0, shard=Shard())
    assert len(next(stream).x) == 40
    with pytest.raises(UserError, match="received 0"):
        source(40, 0)


def test_unknown_split_is_refused_with_a_hint():
    with pytest.raises(UserError, match=r"one of the splits train, test; received 'tset'\. Did you mean 'test'\?"):
        source(4, 1).split("tset", shard=Shard())


def test_overhead_of_a_step_is_small():
    x = torch.zeros(60000, 1, 28, 28, dtype=torch.uint8)
    y = torch.zeros(60000, dtype=torch.int64)
    stream = InMemory({"train": Labelled(x, y)}, Spec((1, 28, 28)), batch_size=128).stream(None, seed=0, shard=Shard())
    index = torch.randint(60000, (128,))

    def fastest(call) -> float:
        times = []
        for _ in range(300):
            start = time.thread_time()
            call()
            times.append(time.thread_time() - start)
        return sorted(times)[100]

    floor = fastest(lambda: (x.index_select(0, index), y.index_select(0, index)))
    assert fastest(lambda: next(stream)) - floor < 60e-6
