"""The chain's best values, by enumeration; experience that continues bit for bit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from neurarium.data.chain import ChainWorld
from neurarium.data.replay import Replay
from neurarium.train.data import Shard
from neurarium.train.recipe import UserError


class Player:
    """Goes right with probability 0.7, by a generator of its own whose state a checkpoint would hold."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(0)
        self.observations = []

    def act(self, observations):
        self.observations.append(observations.clone())
        return (torch.rand(len(observations), generator=self.generator) < 0.7).long()


def replay(**settings) -> Replay:
    world = settings.pop("world", ChainWorld(length=5, slip=0.2, time_limit=9))
    return Replay(world, **{"batch_size": 6, "discount": 0.9, "capacity": 40, "warm_up": 10, **settings})


def test_best_values_without_slip_are_powers_of_the_discount():
    q = ChainWorld(length=6).optimal_q(0.8)
    for state in range(5):
        assert q[state, 1] == pytest.approx(0.8 ** (4 - state), abs=1e-12)
        assert q[state, 0] == pytest.approx(0.8 * 0.8 ** (4 - max(state - 1, 0)), abs=1e-12)
    assert q[5].tolist() == [0, 0]


@pytest.mark.parametrize("slip", [0.0, 0.1, 0.4, 0.5, 0.9])
@pytest.mark.parametrize("discount", [0.0, 0.5, 0.9, 0.99])
def test_best_values_are_the_best_of_all_policies_and_value_iterations_limit(slip, discount):
    world = ChainWorld(length=5, slip=slip)
    q = world.optimal_q(discount)
    iterated = np.zeros((5, 2))
    for _ in range(3000):  # value iteration, written out from the rules of the world
        best = iterated.max(1)
        for state in range(4):
            left, right = discount * best[max(state - 1, 0)], discount * best[state + 1] + (state + 1 == 4)
            iterated[state] = ((1 - slip) * left + slip * right, (1 - slip) * right + slip * left)
    np.testing.assert_allclose(q, iterated, atol=1e-10)
    values = []
    for policy in itertools.product((0, 1), repeat=4):  # every policy, each by its own linear equations
        P, R = np.zeros((4, 4)), np.zeros(4)
        for state, action in enumerate(policy):
            for right, probability in ((action == 1, 1 - slip), (action == 0, slip)):
                following = state + 1 if right else max(state - 1, 0)
                if following == 4:
                    R[state] += probability
                else:
                    P[state, following] += probability
        values.append(np.linalg.solve(np.eye(4) - discount * P, R))
    np.testing.assert_allclose(q[:4].max(1), np.max(values, axis=0), atol=1e-10)


def test_stored_transitions_are_those_that_were_played():
    data, player = replay(batch_size=500, warm_up=40), Player()
    batch = next(data.stream(player, seed=3, shard=Shard()))
    world, clock, place, played = data.world, 0, 0, []
    rng = torch.Generator().manual_seed(0)
    actions = [int(torch.rand(1, generator=rng) < 0.7) for _ in range(40)]
    assert all(observation.shape == (1, 5) for observation in player.observations)
    visited = [int(observation.argmax()) for observation in player.observations]
    for step, action in enumerate(actions):
        assert visited[step] == place
        # The observation that follows tells where the world went, unless the episode ended there.
        clock += 1
        following = visited[step + 1] if step + 1 < 40 else None
        goes_right = place == 3 and following == 0 and clock < 9
        if clock == 9 or following is None:
            break
        done = goes_right
        following = 4 if done else following
        assert following in (place + 1, max(place - 1, 0))
        played.append((place, action, float(done), following, done))
        place, clock = (0, 0) if done else (following, clock)
    assert len(played) >= 8
    stored = {
        (int(s.argmax()), int(a), float(r), int(n.argmax()), bool(d)) for s, a, r, n, d in zip(*batch, strict=True)
    }
    assert set(played) <= stored
    for state, _, reward, following, done in stored:
        assert following in (state + 1, max(state - 1, 0))
        assert done == (following == world.length - 1) == (reward == 1)


def test_cutting_an_episode_off_is_not_its_end():
    world = ChainWorld(length=50, time_limit=3)
    data = Replay(world, batch_size=300, discount=0.9, warm_up=30, capacity=30)

    class Right:
        def act(self, observations):
            return torch.ones(len(observations), dtype=torch.int64)

    batch = next(data.stream(Right(), seed=0, shard=Shard()))
    assert not batch.done.any()
    assert set(batch.state.argmax(1).tolist()) == {0, 1, 2}
    assert set(batch.next_state.argmax(1).tolist()) == {1, 2, 3}


def test_slips_are_as_frequent_as_told():
    world = ChainWorld(length=30, slip=0.3, time_limit=10_000)
    data = Replay(world, batch_size=1, discount=0.9, warm_up=4000, capacity=4000)

    class Left:
        def act(self, observations):
            return torch.zeros(len(observations), dtype=torch.int64)

    stream = data.stream(Left(), seed=0, shard=Shard())
    next(stream)
    state, following = (stream.state()[f"memory.{name}"].argmax(1) for name in ("state", "next_state"))
    share = float((following > state).float().mean())
    assert abs(share - 0.3) < 5 * (0.21 / 4000) ** 0.5


@pytest.mark.parametrize("before", [0, 1, 7, 60])  # 60: the memory of 40 has turned over
def test_a_restored_stream_continues_bit_for_bit(before):
    data = replay(steps_per_batch=2)
    straight_player, resumed_player = Player(), Player()
    straight = data.stream(straight_player, seed=1, shard=Shard())
    for _ in range(before):
        next(straight)
    saved = {name: value.clone() if hasattr(value, "clone") else value for name, value in straight.state().items()}
    resumed = data.stream(resumed_player, seed=1, shard=Shard())
    resumed.restore(saved)
    resumed_player.generator.set_state(straight_player.generator.get_state())
    for _ in range(30):
        for a, b in zip(next(straight), next(resumed), strict=True):
            assert torch.equal(a, b)
    final, other = straight.state(), resumed.state()
    assert final.keys() == other.keys()
    for name, value in final.items():
        assert torch.equal(value, other[name]) if hasattr(value, "equal") else value == other[name]
    assert all(not isinstance(value, (dict, list)) for value in final.values())


def test_sampling_is_uniform_over_the_newest_and_breaks_the_order():
    data = replay(capacity=40, warm_up=40, batch_size=1000)
    stream = data.stream(Player(), seed=0, shard=Shard())
    next(stream)
    # Rows are told apart by marking them.
    stream._memory.reward.copy_(torch.arange(40.0))
    marks = next(stream).reward
    kept = marks.long().bincount(minlength=40)
    assert (kept - 25).abs().max() < 6 * 25**0.5
    assert abs(float(torch.corrcoef(torch.stack((marks[:-1], marks[1:])))[0, 1])) < 5 / 1000**0.5


def test_ranks_play_apart_and_share_the_batch():
    data = replay(batch_size=7)
    streams = [data.stream(Player(), seed=0, shard=Shard(rank, 3)) for rank in range(3)]
    batches = [next(stream) for stream in streams]
    assert [len(batch.action) for batch in batches] == [3, 2, 2]
    memories = [stream.state()["memory.next_state"] for stream in streams]
    assert not torch.equal(memories[0], memories[1])


def test_test_split_is_all_states_with_their_best_values():
    data = replay()
    (batch,) = data.split("test", shard=Shard())
    assert torch.equal(batch.state, torch.eye(5)[:4])
    np.testing.assert_allclose(batch.q.numpy(), data.world.optimal_q(0.9)[:4], rtol=1e-6)
    assert data.spec.fitted["actions"] == ["left", "right"]
    with pytest.raises(UserError, match="Use the split test"):
        data.split("train", shard=Shard())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"warm_up": 50}, "warm_up=50, capacity=40"),
        ({"discount": 1.0}, "received 1.0"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(UserError, match=message):
        replay(**settings)


def test_chain_that_cannot_be():
    with pytest.raises(UserError, match="length=1"):
        ChainWorld(length=1)
