"""Stacked digits: three grey images as the channels of one, a thousand modes that a classifier of digits can count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from neurarium.data.memory import EVALUATION_BATCH_SIZE, InMemory, at_most_all, known_split, spans
from neurarium.data.seeding import Purpose, generator, mixed
from neurarium.train.batches import Labelled
from neurarium.train.data import Data, Finding, Shard, State, Stream
from neurarium.train.task import Task

CHANNELS = 3


class Stacked(Data):
    """Images of three channels, each a grey image drawn uniformly; Metz et al. 2017, section 3.3.1 (stacked MNIST).

    x: (B, 3, H, W) uint8. y: (B,) int64 = 100 a + 10 b + c, where a, b and c are the classes of red, green and blue.
    Training never ends: batch i is drawn fresh from (seed, i) on the device. One pass over a split is a fixed sample
    of as many stacks as the split has single images, made of these alone; an epoch counts as many.

    digits: grey images of ten classes. Mean and std of each channel are theirs.
    batch_size: stacks of a training batch over all ranks.
    """

    def __init__(self, digits: InMemory, *, batch_size: int, name: str = "stacked digits") -> None:
        assert digits.spec.shape[0] == 1
        assert len(digits.spec.classes) == 10
        self._digits, self.splits = digits, digits.splits
        self._batch_size = at_most_all(batch_size, num_items=digits.spec.sizes["train"], name=name)
        single = digits.spec.fitted
        self.spec = replace(
            digits.spec,
            shape=(CHANNELS, *digits.spec.shape[1:]),
            classes=tuple(f"{label:03d}" for label in range(1000)),
            fitted={**single, "mean": single["mean"] * CHANNELS, "std": single["std"] * CHANNELS},
        )

    def audit(self) -> list[Finding]:
        return self._digits.audit()

    def to(self, device: torch.device) -> None:
        self._digits.to(device)

    def stream(self, task: Task, *, seed: int, shard: Shard) -> StackedStream:
        return StackedStream(Labelled(*self._digits.items("train")), self._batch_size, seed=seed, shard=shard)

    def split(self, name: str, *, shard: Shard) -> Iterator[Labelled]:
        part = self.splits.index(known_split(name, self.splits))
        x, y = self._digits.items(name)
        # Drawn on the CPU, so that the sample is the same on every device.
        chosen = torch.randint(len(x), (len(x), CHANNELS), generator=generator(Purpose.SAMPLE, part)).to(x.device)
        for start, stop in spans(len(x), EVALUATION_BATCH_SIZE, world=shard.world):
            yield stack(x, y, shard.of(chosen[start:stop]))


class StackedStream(Stream):
    """Fresh stacks without end."""

    def __init__(self, digits: Labelled, batch_size: int, *, seed: int, shard: Shard) -> None:
        self._digits, self._batch_size = digits, batch_size
        self._seed, self._shard = seed, shard
        self._generator = torch.Generator(digits.x.device)
        self._position = 0

    def __next__(self) -> Labelled:
        x, y = self._digits
        self._generator.manual_seed(mixed(Purpose.SAMPLE, self._seed, self._position))
        self._position += 1
        chosen = torch.randint(len(x), (self._batch_size, CHANNELS), generator=self._generator, device=x.device)
        return stack(x, y, self._shard.of(chosen))

    def state(self) -> State:
        return {"position": self._position}

    def restore(self, state: State) -> None:
        self._position = int(state["position"])


def stack(x: Tensor, y: Tensor, chosen: Tensor) -> Labelled:
    """Images (N, 1, H, W), classes (N,) and numbers (B, 3) of images -> stacks (B, 3, H, W) and their labels (B,)."""
    B = len(chosen)
    images = x.index_select(0, chosen.flatten()).view(B, CHANNELS, *x.shape[2:])
    hundreds, tens, ones = y[chosen].unbind(1)
    return Labelled(images, 100 * hundreds + 10 * tens + ones)
