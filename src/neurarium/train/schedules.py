"""Learning-rate schedules: pure functions from the step (0, 1, 2, ...) to a factor on the optimizer's rate."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int], float]


def constant() -> Schedule:
    """f(t) = 1."""
    return lambda step: 1.0


def step_decay(every: int, factor: float = 0.5) -> Schedule:
    """f(t) = factor^floor(t / every)."""
    return lambda step: factor ** (step // every)


def cosine(steps: int, final: float = 0.0) -> Schedule:
    """f(t) = final + (1 - final) (1 + cos(pi t / steps)) / 2, Loshchilov and Hutter 2017, eq. 5, without restarts.

    After `steps` it stays at `final`.
    """
    return lambda step: final + (1 - final) * (1 + math.cos(math.pi * min(step / steps, 1.0))) / 2


def one_cycle(steps: int, peak_at: float = 0.3, start: float = 0.04, final: float = 1e-5) -> Schedule:
    """Smith and Topin 2018: half a cosine wave from `start` up to 1 at `peak_at * steps`, another down to `final`."""
    peak = peak_at * steps

    def factor(step: int) -> float:
        if step < peak:
            return 1 + (start - 1) * (1 + math.cos(math.pi * step / peak)) / 2
        done = min((step - peak) / (steps - peak), 1.0) if steps > peak else 1.0
        return final + (1 - final) * (1 + math.cos(math.pi * done)) / 2

    return factor


def linear_warmup(steps: int, then: Schedule | None = None) -> Schedule:
    """f(t) = (t + 1) / steps for t < steps, then `then(t - steps)` (1 by default)."""
    follow = then or constant()
    return lambda step: (step + 1) / steps if step < steps else follow(step - steps)


def inverse_square_root(warmup: int) -> Schedule:
    """f(t) = min((t + 1) / warmup, sqrt(warmup / (t + 1))): Vaswani et al. 2017, eq. 3, scaled to a peak of 1."""
    return lambda step: min((step + 1) / warmup, math.sqrt(warmup / (step + 1)))
