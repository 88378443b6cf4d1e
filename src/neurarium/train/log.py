"""What happens between two log steps, kept on the device; and when it is worth writing something down."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from torch import Tensor

from neurarium.train.data import Batch, State, Stream
from neurarium.train.mean import Mean


class Log:
    """Means of the steps since the last row. Nothing waits for the device before `row`."""

    def __init__(self) -> None:
        self.totals: dict[str, list[Tensor]] = {}
        self.counts: dict[str, list[Tensor | float]] = {}

    def add(self, means: dict[str, Mean]) -> None:
        for name, mean in means.items():
            self.totals.setdefault(name, []).append(mean.total)
            self.counts.setdefault(name, []).append(mean.count)

    def row(self) -> dict[str, float]:
        """Mean of each quantity over all items since the last row, and start anew."""
        sums = [torch.stack([_sum(self.totals[name]), _sum(self.counts[name])]) for name in self.totals]
        numbers = torch.stack([pair.cpu() for pair in sums]).tolist() if sums else []
        row = {name: total / count for name, (total, count) in zip(self.totals, numbers, strict=True)}
        self.totals, self.counts = {}, {}
        return row

    def state(self) -> State:
        """Single values rather than their sums, so that an interrupted row is summed in its own order."""
        pairs = ((self.totals, "total"), (self.counts, "count"))
        return {f"{kind}.{name}": _stack(kept[name]) for kept, kind in pairs for name in kept}

    def restore(self, state: State) -> None:
        self.totals, self.counts = {}, {}
        for key, values in state.items():
            kind, name = key.split(".", 1)
            kept: dict[str, list[Tensor | float]] = self.totals if kind == "total" else self.counts  # type: ignore[assignment]
            kept[name] = list(torch.as_tensor(values).unbind())


def _stack(values: list[Tensor] | list[Tensor | float]) -> Tensor:
    if all(isinstance(value, Tensor) for value in values):
        return torch.stack([torch.as_tensor(value) for value in values])
    return torch.tensor([float(value) for value in values], dtype=torch.float64)


def _sum(values: list[Tensor] | list[Tensor | float]) -> Tensor:
    stacked = _stack(values)
    return stacked.cpu().double().sum() if stacked.device.type == "mps" else stacked.double().sum()


class Drawn:
    """A stream that counts the items that were drawn from it."""

    def __init__(self, stream: Stream, world: int) -> None:
        self.stream = stream
        self.world = world
        self.items = 0

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        batch = next(self.stream)
        self.items += len(batch[0]) * self.world
        return batch


class Cadence:
    """Says when something that only costs time is due: so seldom that it takes at most `share` of the time."""

    def __init__(self, share: float, shortest: float = 10.0) -> None:
        self.share = share
        self.shortest = shortest
        self.cost = 0.0
        self.ended = time.perf_counter()

    def due(self) -> bool:
        return time.perf_counter() - self.ended > max(self.shortest, self.cost / self.share)

    def done(self, started: float) -> None:
        self.ended = time.perf_counter()
        self.cost = self.ended - started
