"""Mixtures of equal Gaussians: toy distributions on which collapsed generators show, for each mode can be counted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
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
    """x: (B, D) float32."""

    x: Tensor


class GaussianMixture(Data):
    """Equal Gaussians of one deviation: x = mode + std * noise, the mode drawn uniformly.

    Training never ends: batch i is drawn fresh from (seed, i) on the device. Every split of one pass, "train" too, is
    a fixed sample of 10,000 points. `spec.fitted`: kind "points", modes (K lists of D numbers), mode_std, and mean and
    std of the whole distribution, a coordinate: the mean of the modes, and the root of their variance plus std^2.

    modes: K points of D coordinates; D = 1 gives densities on a line.
    std: the deviation of each Gaussian, along every coordinate.
    batch_size: points of a training batch over all ranks.
    """

    splits = ("train", "validation", "test")

    def __init__(self, modes: Sequence[Sequence[float]], *, std: float, batch_size: int) -> None:
        if not modes or not modes[0] or len({len(mode) for mode in modes}) > 1 or std <= 0 or batch_size < 1:
            raise UserError(
                "A mixture needs at least one mode, as many coordinates in each, a positive deviation, and batches of "
                f"at least one point; received modes={modes}, std={std}, batch_size={batch_size}."
            )
        self._batch_size, self._std = batch_size, std
        exact = torch.tensor(modes, dtype=torch.float64)
        self._modes = exact.float()
        self.spec = Spec(
            shape=tuple(exact.shape[1:]),
            sizes={split: SAMPLE_SIZE for split in self.splits[1:]},
            fitted={
                "kind": "points",
                "modes": self._modes.tolist(),
                "mode_std": std,
                "mean": exact.mean(0).tolist(),
                "std": (exact.var(0, correction=0) + std**2).sqrt().tolist(),
            },
        )

    def audit(self) -> list[Finding]:
        return []

    def to(self, device: torch.device) -> None:
        self._modes = self._modes.to(device)

    def stream(self, task: Task, *, seed: int, shard: Shard) -> MixtureStream:
        return MixtureStream(self._modes, self._std, self._batch_size, seed=seed, shard=shard)

    def split(self, name: str, *, shard: Shard) -> Iterator[Points]:
        part = self.splits.index(known_split(name, self.splits))
        # Drawn on the CPU, so that the sample is the same on every device.
        fixed = generator(Purpose.SAMPLE, part)
        sample = Points(draw(self._modes.cpu(), self._std, SAMPLE_SIZE, fixed).to(self._modes.device))
        return one_pass(sample, batch_size=EVALUATION_BATCH_SIZE, shard=shard)


def ring(*, batch_size: int, num_modes: int = 8, radius: float = 2.0, std: float = 0.02) -> GaussianMixture:
    """Modes evenly on a circle, radius (cos t, sin t) with t = 2 pi k / num_modes; Metz et al. 2017 have eight."""
    if num_modes < 3 or radius <= 0:
        raise UserError(
            f"A ring needs at least three modes and a positive radius; received num_modes={num_modes}, radius={radius}."
        )
    angle = 2 * math.pi * torch.arange(num_modes, dtype=torch.float64) / num_modes
    modes = radius * torch.stack((angle.cos(), angle.sin()), dim=1)
    return GaussianMixture(modes.tolist(), std=std, batch_size=batch_size)


def grid(*, batch_size: int, side: int = 5, spacing: float = 2.0, std: float = 0.05) -> GaussianMixture:
    """side x side modes `spacing` apart about the origin, row by row; Srivastava et al. 2017 have 25."""
    if side < 1 or spacing <= 0:
        raise UserError(f"A grid needs a side of at least 1 and a positive spacing; received {side} and {spacing}.")
    places = [spacing * (k - (side - 1) / 2) for k in range(side)]
    return GaussianMixture([(x, y) for y in places for x in places], std=std, batch_size=batch_size)


def line(*modes: float, batch_size: int, std: float = 0.5) -> GaussianMixture:
    """Gaussians on the line: line(4.0, batch_size=64) is N(4, 0.5^2), x (B, 1)."""
    return GaussianMixture([(mode,) for mode in modes], std=std, batch_size=batch_size)


class MixtureStream(Stream):
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
    """(num_points, D) float32: a mode drawn uniformly, plus noise."""
    mode = torch.randint(len(modes), (num_points,), generator=generator, device=modes.device)
    noise = torch.randn(num_points, modes.shape[1], generator=generator, device=modes.device)
    return modes[mode] + std * noise
