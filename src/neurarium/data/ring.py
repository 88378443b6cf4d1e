"""Gaussians on a ring: the toy distribution on which collapsed generators show, for each mode can be counted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from neurarium.data.memory import EVALUATION_BATCH_SIZE, known_split, one_pass
from neurarium.data.seeding import Purpose, generator, mixed
from neurarium.train.data import Data, Finding, Shard, Spec, State, Stream
from neurarium.train.recipe import UserError
from neurarium.train.task import Task

SAMPLE_SIZE = 10_000


class Points(NamedTuple):
    """x: (B, 2) float32."""

    x: Tensor


class RingOfGaussians(Data):
    """Equal Gaussians evenly on a circle: x = radius (cos t, sin t) + std * noise, t = 2 pi k / num_modes.

    Training never ends: batch i is drawn fresh from (seed, i) on the device. Every split of one pass, "train" too, is
    a fixed sample of 10,000 points. `spec.fitted`: kind "points", modes [[x, y], ...], mode_std, and mean and std of
    the whole distribution, E x = 0 and E x_j^2 = radius^2 / 2 + std^2.

    batch_size: points of a training batch over all ranks.
    """

    splits = ("train", "validation", "test")

    def __init__(self, *, batch_size: int, num_modes: int = 8, radius: float = 2.0, std: float = 0.02) -> None:
        if num_modes < 3 or radius <= 0 or std <= 0 or batch_size < 1:
            raise UserError(
                "A ring needs at least three modes, a positive radius and deviation, and batches of at least one point;"
                f" received num_modes={num_modes}, radius={radius}, std={std}, batch_size={batch_size}."
            )
        self._batch_size, self._std = batch_size, std
        angle = 2 * math.pi * torch.arange(num_modes, dtype=torch.float64) / num_modes
        self._modes = (radius * torch.stack((angle.cos(), angle.sin()), dim=1)).float()
        spread = math.sqrt(radius**2 / 2 + std**2)
        self.spec = Spec(
            shape=(2,),
            sizes={split: SAMPLE_SIZE for split in self.splits[1:]},
            fitted={
                "kind": "points",
                "modes": self._modes.tolist(),
                "mode_std": std,
                "mean": [0.0, 0.0],
                "std": [spread, spread],
            },
        )

    def audit(self) -> list[Finding]:
        return []

    def to(self, device: torch.device) -> None:
        self._modes = self._modes.to(device)

    def stream(self, task: Task, *, seed: int, shard: Shard) -> RingStream:
        return RingStream(self._modes, self._std, self._batch_size, seed=seed, shard=shard)

    def split(self, name: str, *, shard: Shard) -> Iterator[Points]:
        part = self.splits.index(known_split(name, self.splits))
        # Drawn on the CPU, so that the sample is the same on every device.
        fixed = generator(Purpose.SAMPLE, part)
        sample = Points(draw(self._modes.cpu(), self._std, SAMPLE_SIZE, fixed).to(self._modes.device))
        return one_pass(sample, batch_size=EVALUATION_BATCH_SIZE, shard=shard)


class RingStream(Stream):
    """Fresh points without end."""

    def __init__(self, modes: Tensor, std: float, batch_size: int, *, seed: int, shard: Shard) -> None:
        self._modes, self._std, self._batch_size = modes, std, batch_size
        self._seed, self._shard = seed, shard
        self._generator = torch.Generator(modes.device)
        self._position = 0

    def __next__(self) -> Points:
        self._generator.manual_seed(mixed(Purpose.SAMPLE, self._seed, self._position))
        self._position += 1
        return Points(self._shard.of(draw(self._modes, self._std, self._batch_size, self._generator)))

    def state(self) -> State:
        return {"position": self._position}

    def restore(self, state: State) -> None:
        self._position = int(state["position"])


def draw(modes: Tensor, std: float, num_points: int, generator: torch.Generator) -> Tensor:
    """(num_points, 2) float32: a mode drawn uniformly, plus noise."""
    mode = torch.randint(len(modes), (num_points,), generator=generator, device=modes.device)
    noise = torch.randn(num_points, 2, generator=generator, device=modes.device)
    return modes[mode] + std * noise
