"""Experience replay: transitions of the task's own play, remembered and drawn at random.

Lin 1992; Mnih et al. 2013, algorithm 1: "store transition (phi_t, a_t, r_t, phi_t+1) in D; sample random minibatch of
transitions from D".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from neurarium.data.chain import ChainStates, ChainWorld
from neurarium.data.memory import EVALUATION_BATCH_SIZE, known_split, one_pass
from neurarium.data.seeding import Purpose, generator, numpy_generator
from neurarium.train.data import Data, Finding, Shard, Spec, State, Stream
from neurarium.train.recipe import UserError
from neurarium.train.task import Task


class Transitions(NamedTuple):
    """state, next_state: (B, S) float32. action: (B,) int64. reward: (B,) float32. done: (B,) bool.

    done: the world ended in next_state, whose value is then 0. An episode that was cut off by its time limit is not
    done.
    """

    state: Tensor
    action: Tensor
    reward: Tensor
    next_state: Tensor
    done: Tensor


class Actor(Protocol):
    """What a task must do to be played with; it alone decides how much it explores."""

    def act(self, observations: Tensor, /) -> Tensor:
        """(B, S) float32 on the task's device -> (B,) int64."""


class Replay(Data):
    """Batches of past transitions; the world is played while they are drawn.

    For batch 0 the task acts until `warm_up` transitions are stored, then `steps_per_batch` times before every
    further batch. The newest `capacity` transitions are kept. Batches are drawn uniformly, with replacement, by
    (seed, rank, i); the world's luck is drawn by (seed, rank, step). Under several ranks each plays its own world,
    keeps its own memory and draws its share of the batch from it.

    batch_size: transitions of a batch over all ranks.
    discount: gamma, for which the splits validation and test give Q*; both are all states with their
        best values, for the whole world is known and nothing can be held out.
    """

    splits = ("train", "validation", "test")

    def __init__(
        self,
        world: ChainWorld,
        *,
        batch_size: int,
        discount: float,
        capacity: int = 10_000,
        warm_up: int = 500,
        steps_per_batch: int = 1,
    ) -> None:
        if not (1 <= warm_up <= capacity and batch_size >= 1 and steps_per_batch >= 1):
            raise UserError(
                "A replay memory needs 1 <= warm_up <= capacity, and batch_size and steps_per_batch of at least 1; "
                f"received warm_up={warm_up}, capacity={capacity}, batch_size={batch_size}, "
                f"steps_per_batch={steps_per_batch}."
            )
        self.world, self.batch_size = world, batch_size
        self.capacity, self.warm_up, self.steps_per_batch = capacity, warm_up, steps_per_batch
        self._known, self._device = world.known(discount), torch.device("cpu")
        self.spec = Spec(
            shape=(world.length,),
            sizes={split: len(self._known.q) for split in self.splits[1:]},
            fitted={"kind": "states", "actions": list(world.actions), "discount": discount},
        )

    def audit(self) -> list[Finding]:
        return []

    def to(self, device: torch.device) -> None:
        self._device = device
        self._known = ChainStates(*(field.to(device) for field in self._known))

    def stream(self, task: Task, *, seed: int, shard: Shard) -> ReplayStream:
        return ReplayStream(self, task, seed=seed, shard=shard, device=self._device)

    def split(self, name: str, *, shard: Shard) -> Iterator[ChainStates]:
        if known_split(name, self.splits) == "train":
            raise UserError(
                "Experience is made while it is learned from: there is no pass over it. Use the split test."
            )
        return one_pass(self._known, batch_size=EVALUATION_BATCH_SIZE, shard=shard)


class ReplayStream(Stream):
    """Plays, remembers, draws. Its state is the memory, the world's state and two counters."""

    def __init__(self, source: Replay, task: Any, *, seed: int, shard: Shard, device: torch.device) -> None:
        self._source, self._world, self._task, self._device = source, source.world, task, device
        self._seed, self._rank = seed, shard.rank
        self._share = len(range(shard.rank, source.batch_size, shard.world))
        shape = (source.capacity, *source.spec.shape)
        self._memory = Transitions(
            state=torch.zeros(shape, device=device),
            action=torch.zeros(source.capacity, dtype=torch.int64, device=device),
            reward=torch.zeros(source.capacity, device=device),
            next_state=torch.zeros(shape, device=device),
            done=torch.zeros(source.capacity, dtype=torch.bool, device=device),
        )
        self._position = 0  # batches given
        self._steps = 0  # transitions played; the next one is stored at this number modulo capacity
        self._place = self._world.start  # the world's state
        self._episode_steps = 0

    def __next__(self) -> Transitions:
        due = self._source.warm_up + self._position * self._source.steps_per_batch
        while self._steps < due:
            self._play()
        draws = generator(Purpose.REPLAY, self._seed, self._rank, self._position, device=self._device)
        stored = min(self._steps, self._source.capacity)
        index = torch.randint(stored, (self._share,), generator=draws, device=self._device)
        self._position += 1
        return Transitions(*(field.index_select(0, index) for field in self._memory))

    def _play(self) -> None:
        """One step of the world with the task's action, stored over the oldest."""
        observation = self._world.observe(self._place).to(self._device)
        with torch.no_grad():
            action = int(self._task.act(observation[None])[0])
        luck = numpy_generator(Purpose.WORLD, self._seed, self._rank, self._steps).random()
        following, reward, done = self._world.step(self._place, action, luck)
        slot = self._steps % self._source.capacity
        self._memory.state[slot] = observation
        self._memory.action[slot] = action
        self._memory.reward[slot] = reward
        self._memory.next_state[slot] = self._world.observe(following).to(self._device)
        self._memory.done[slot] = done
        self._steps += 1
        self._episode_steps += 1
        self._place = following
        if done or self._episode_steps == self._world.time_limit:
            self._place, self._episode_steps = self._world.start, 0

    def state(self) -> State:
        stored = min(self._steps, self._source.capacity)
        memory = zip(Transitions._fields, self._memory, strict=True)
        return {
            "position": self._position,
            "steps": self._steps,
            "place": self._place,
            "episode_steps": self._episode_steps,
            **{f"memory.{name}": field[:stored].clone() for name, field in memory},
        }

    def restore(self, state: State) -> None:
        self._position, self._steps = int(state["position"]), int(state["steps"])
        self._place, self._episode_steps = int(state["place"]), int(state["episode_steps"])
        for name, field in zip(Transitions._fields, self._memory, strict=True):
            saved = state[f"memory.{name}"]
            assert isinstance(saved, Tensor)
            assert len(saved) == min(self._steps, self._source.capacity), "the capacity differs from the saved run's"
            field[: len(saved)] = saved.to(self._device)
