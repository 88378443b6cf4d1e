"""Schedules against closed forms and torch's own."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurarium.train.schedules import constant, cosine, inverse_square_root, linear_warmup, one_cycle, step_decay


def judged(make: type[torch.optim.lr_scheduler.LRScheduler], steps: int, **options: object) -> list[float]:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    schedule = make(optimizer, **options)  # type: ignore[arg-type]
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def test_torch_agrees() -> None:
    steps = 50
    assert [step_decay(7, 0.3)(t) for t in range(steps)] == pytest.approx(
        judged(torch.optim.lr_scheduler.StepLR, steps, step_size=7, gamma=0.3)
    )
    assert [cosine(steps, 0.1)(t) for t in range(steps)] == pytest.approx(
        judged(torch.optim.lr_scheduler.CosineAnnealingLR, steps, T_max=steps, eta_min=0.1)
    )


def test_closed_forms() -> None:
    assert constant()(123) == 1
    assert [linear_warmup(4)(t) for t in range(6)] == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])
    assert linear_warmup(4, step_decay(1))(6) == pytest.approx(0.25)
    assert cosine(100)(50) == pytest.approx(0.5)
    assert cosine(100)(1000) == pytest.approx(0)
    for t in (0, 10, 399, 400, 4000, 10**6):
        step = t + 1  # Vaswani et al. count from 1: min(step^-0.5, step warmup^-1.5), here over its peak warmup^-0.5
        assert inverse_square_root(400)(t) == pytest.approx(min(step**-0.5, step * 400**-1.5) / 400**-0.5)


@given(st.integers(2, 5000), st.floats(0.05, 0.9))
def test_one_cycle_rises_to_one_and_falls(steps: int, peak_at: float) -> None:
    schedule = one_cycle(steps, peak_at=peak_at, start=0.04, final=1e-5)
    values = [schedule(t) for t in range(steps + 1)]
    assert values[0] == pytest.approx(0.04) or peak_at * steps <= 0
    assert values[-1] == pytest.approx(1e-5)
    assert max(values) <= 1 + 1e-12
    top = math.ceil(peak_at * steps)
    assert values[: top + 1] == sorted(values[: top + 1]) or values[top] <= values[top - 1]
    assert values[top:] == sorted(values[top:], reverse=True)
    assert schedule(steps // 2) == values[steps // 2], "a pure function of the step"
