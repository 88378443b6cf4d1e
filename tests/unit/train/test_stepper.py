"""A Stepper against the loop that one writes by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from neurarium.train import checkpoint
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.recipe import UserError
from neurarium.train.schedules import step_decay
from neurarium.train.stepper import Stepper

OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "sgd": partial(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=1e-3),
    "adam": partial(torch.optim.Adam, lr=0.01),
    "adamw": partial(torch.optim.AdamW, lr=0.01),
    "adagrad": partial(torch.optim.Adagrad, lr=0.05),
    "rmsprop": partial(torch.optim.RMSprop, lr=0.005, momentum=0.5),
    "nadam": partial(torch.optim.NAdam, lr=0.01),
}


class Pair(NamedTuple):
    x: Tensor
    y: Tensor


class Two(nn.Module):
    """A task with two networks."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3))
        self.other = nn.Linear(3, 1)

    def loss(self, batch: Pair) -> dict[str, Mean]:
        out = self.one(batch.x)
        return {"loss": Mean.of((out - batch.y).square().sum(1)), "size": Mean.of(out.detach().abs())}


def batches(count: int, items: int = 53) -> list[Pair]:
    draw = torch.Generator().manual_seed(1)
    return [Pair(torch.randn(items, 5, generator=draw), torch.randn(items, 3, generator=draw)) for _ in range(count)]


def task() -> Two:
    torch.manual_seed(0)
    return Two()


def weights(module: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in module.parameters()]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("micro_batches", [1, 4])
def test_equals_the_hand_written_loop(name: str, micro_batches: int) -> None:
    ours, hand = task(), task()
    stepper = Stepper(ours, ours.one, Descent(optimizer=OPTIMIZERS[name]), micro_batches=micro_batches)
    optimizer = OPTIMIZERS[name](hand.one.parameters())
    for batch in batches(20):
        told = stepper.update(ours.loss, batch)
        loss = (hand.one(batch.x) - batch.y).square().sum(1).mean()
        assert float(told["loss"].value) == pytest.approx(loss.item(), rel=1e-5)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    for a, b in zip(weights(ours), weights(hand), strict=True):
        torch.testing.assert_close(a, b, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("micro_batches", [1, 4])
def test_losses_with_different_denominators(micro_batches: int) -> None:
    """Each is divided by its own count over the whole batch, also where a micro-batch has none of one kind."""
    ours, hand = task(), task()
    (batch,) = batches(1)

    def losses(batch: Pair) -> dict[str, Mean]:
        out = ours.one(batch.x)
        chosen = batch.y[:, 0] > 1.0
        return {"all": Mean.of(out.square().sum(1)), "some": Mean.of(out[:, 0].abs(), chosen.float())}

    stepper = Stepper(ours, ours.one, Descent(optimizer=partial(torch.optim.SGD, lr=1.0)), micro_batches=micro_batches)
    stepper.update(losses, batch)
    out = hand.one(batch.x)
    chosen = batch.y[:, 0] > 1.0
    (out.square().sum(1).mean() + out[chosen, 0].abs().mean()).backward()
    for parameter in hand.one.parameters():
        assert parameter.grad is not None
        parameter.data -= parameter.grad
    for a, b in zip(weights(ours.one), weights(hand.one), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["norm", "value"])
def test_clipping_equals_torchs(kind: str) -> None:
    ours, hand = task(), task()
    bound = 0.05
    descent = Descent(optimizer=partial(torch.optim.SGD, lr=1.0), **{f"clip_{kind}": bound})  # type: ignore[arg-type]
    stepper = Stepper(ours, ours.one, descent, micro_batches=3)
    optimizer = torch.optim.SGD(hand.one.parameters(), lr=1.0)
    clip: Any = torch.nn.utils.clip_grad_norm_ if kind == "norm" else torch.nn.utils.clip_grad_value_
    for batch in batches(5):
        stepper.update(ours.loss, batch)
        optimizer.zero_grad()
        (hand.one(batch.x) - batch.y).square().sum(1).mean().backward()
        clip(hand.one.parameters(), bound)
        optimizer.step()
    for a, b in zip(weights(ours.one), weights(hand.one), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.catalogue("wasserstein-gan")
@pytest.mark.parametrize("micro_batches", [1, 3])
def test_weights_are_clamped_after_each_step(micro_batches: int) -> None:
    """WGAN's algorithm 1, lines 6 and 7, with its RMSProp: w = clip(w + a RMSProp(w, g), -c, c), biases too."""
    ours, hand = task(), task()
    rmsprop = partial(torch.optim.RMSprop, lr=5e-3)
    descent = Descent(optimizer=rmsprop, weight_bound=0.1)
    stepper = Stepper(ours, ours.one, descent, micro_batches=micro_batches)
    optimizer = rmsprop(hand.one.parameters())
    before = weights(ours.other)
    for batch in batches(6):
        stepper.update(ours.loss, batch)
        optimizer.zero_grad()
        (hand.one(batch.x) - batch.y).square().sum(1).mean().backward()
        optimizer.step()
        for parameter in hand.one.parameters():
            parameter.data = parameter.data.maximum(torch.tensor(-0.1)).minimum(torch.tensor(0.1))
    for a, b in zip(weights(ours), weights(hand), strict=True):
        torch.testing.assert_close(a, b, rtol=2e-5, atol=2e-6)
    assert max(float(w.abs().max()) for w in weights(ours.one)) == pytest.approx(0.1)
    assert all(torch.equal(a, b) for a, b in zip(before, weights(ours.other), strict=True))


@pytest.mark.parametrize("name", ["sgd", "rmsprop"])
def test_a_bad_step_clamps_nothing(name: str) -> None:
    ours = task()
    stepper = Stepper(ours, ours.one, Descent(optimizer=OPTIMIZERS[name], weight_bound=0.1))
    kept = weights(ours.one)
    assert max(float(w.abs().max()) for w in kept) > 0.1
    (batch,) = batches(1)
    stepper.update(ours.loss, Pair(batch.x * torch.nan, batch.y))
    assert all(torch.equal(a, b) for a, b in zip(kept, weights(ours.one), strict=True))
    stepper.update(ours.loss, batch)
    assert max(float(w.abs().max()) for w in weights(ours.one)) <= 0.1001


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_moments_after_a_bad_first_step_are_those_of_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the memory held that they are made in."""
    monkeypatch.setattr(torch, "empty_like", lambda tensor, **kind: torch.full_like(tensor, torch.nan, **kind))
    ours, fresh = task(), task()
    one, other = (Stepper(t, t.one, Descent(optimizer=OPTIMIZERS[name])) for t in (ours, fresh))
    bad, good = batches(2)
    one.update(ours.loss, Pair(bad.x * torch.nan, bad.y))
    for stepper, whole in ((one, ours), (other, fresh)):
        stepper.update(whole.loss, good)
    for a, b in zip(weights(ours), weights(fresh), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.catalogue("gan-training-tricks")
@pytest.mark.parametrize("micro_batches", [1, 3])
@pytest.mark.parametrize("clip", [None, 0.05])
def test_historical_averaging_draws_to_the_mean_of_all_steps(micro_batches: int, clip: float | None) -> None:
    """The hand-written loss has the term |w - mean(w_1 .. w_t)|^2 with the past kept as a list."""
    ours, hand = task(), task()
    sgd = partial(torch.optim.SGD, lr=0.1)
    descent = Descent(optimizer=sgd, history=0.7, clip_norm=clip)
    stepper = Stepper(ours, ours.one, descent, micro_batches=micro_batches)
    optimizer, past = sgd(hand.one.parameters()), []
    for batch in batches(8):
        stepper.update(ours.loss, batch)
        past.append(weights(hand.one))
        optimizer.zero_grad()
        loss = (hand.one(batch.x) - batch.y).square().sum(1).mean()
        for parameter, values in zip(hand.one.parameters(), zip(*past, strict=True), strict=True):
            loss = loss + 0.7 * (parameter - torch.stack(values).mean(0)).square().sum()
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(hand.one.parameters(), clip)
        optimizer.step()
    for a, b in zip(weights(ours), weights(hand), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_bounds_and_factors_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UserError, match=r"weight_bound must be positive, received 0"):
        Descent(optimizer=OPTIMIZERS["sgd"], weight_bound=0)
    with pytest.raises(UserError, match=r"history must not be negative, received -1"):
        Descent(optimizer=OPTIMIZERS["sgd"], history=-1)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("first", [True, False], ids=["first step", "later step"])
def test_a_step_that_is_not_finite_moves_nothing(name: str, first: bool) -> None:
    ours = task()
    stepper = Stepper(ours, ours.one, Descent(optimizer=OPTIMIZERS[name]))
    good = batches(4)
    if not first:
        for batch in good:
            stepper.update(ours.loss, batch)
    kept, moments = weights(ours), copy.deepcopy(stepper.state())
    x = good[0].x.clone()
    x[3, 2] = torch.nan
    stepper.update(ours.loss, Pair(x, good[0].y))
    assert all(torch.equal(a, b) for a, b in zip(kept, weights(ours), strict=True))
    assert float(stepper.num_bad) == 1
    for key, value in moments.items():
        if key.startswith("optimizer"):
            torch.testing.assert_close(stepper.state()[key], value, rtol=0, atol=0)
    stepper.update(ours.loss, good[1])
    assert not torch.equal(kept[0], weights(ours)[0])


def test_the_other_player_is_frozen_and_thawed() -> None:
    ours = task()
    stepper = Stepper(ours, ours.one, Descent(optimizer=OPTIMIZERS["adam"]))
    (batch,) = batches(1)
    seen: list[bool] = []

    def through_the_other(batch: Pair) -> Mean:
        seen.extend(p.requires_grad for p in ours.other.parameters())
        return Mean.of(ours.other(ours.one(batch.x)).squeeze(1))

    stepper.update(through_the_other, batch)
    assert seen == [False, False]
    assert all(p.requires_grad and p.grad is None for p in ours.other.parameters())

    def failing(batch: Pair) -> Mean:
        raise RuntimeError("in the loss")

    with pytest.raises(RuntimeError, match="in the loss"):
        stepper.update(failing, batch)
    assert all(p.requires_grad for p in ours.parameters())


def test_a_loss_without_gradient_is_an_error() -> None:
    ours = task()
    stepper = Stepper(ours, ours.one, Descent(optimizer=OPTIMIZERS["adam"]))
    with pytest.raises(ValueError, match=r"'size'.*carries a gradient"):
        stepper.update(lambda batch: {"size": ours.loss(batch)["size"]}, batches(1)[0])


def test_average_equals_torchs() -> None:
    ours = task()
    stepper = Stepper(ours, ours.one, Descent(optimizer=OPTIMIZERS["sgd"], ema=0.9))
    judge = torch.optim.swa_utils.AveragedModel(ours.one, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    judge.update_parameters(ours.one)  # its first call copies
    for batch in batches(7):
        stepper.update(ours.loss, batch)
        judge.update_parameters(ours.one)
    kept = weights(ours.one)
    with stepper.averaged():
        for a, b in zip(weights(ours.one), weights(judge.module), strict=True):
            torch.testing.assert_close(a, b)
        assert not torch.equal(kept[0], weights(ours.one)[0])
    assert all(torch.equal(a, b) for a, b in zip(kept, weights(ours.one), strict=True))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_through_a_file_goes_on_bit_for_bit(name: str, tmp_path: Path) -> None:
    """With channels_last weights too: moments must lie in memory as their weights do."""

    def make() -> tuple[nn.Module, Stepper, Callable[[Pair], Mean]]:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2)).to(
            memory_format=torch.channels_last
        )
        whole = nn.ModuleDict({"network": network})
        descent = Descent(optimizer=OPTIMIZERS[name], ema=0.9, schedule=step_decay(3), history=0.1, weight_bound=0.3)
        return whole, Stepper(whole, whole, descent), lambda batch: Mean.of(network(batch.x).square())

    draw = torch.Generator().manual_seed(2)
    data = [Pair(torch.randn(6, 3, 4, 4, generator=draw), torch.zeros(6)) for _ in range(8)]
    straight, one, loss = make()
    for batch in data[:4]:
        one.update(loss, batch)
    checkpoint.save(tmp_path / "state.safetensors", checkpoint.under("s", one.state()) | dict(straight.state_dict()))
    state = checkpoint.load(tmp_path / "state.safetensors")
    again, two, other_loss = make()
    for parameter, (key, value) in zip(again.parameters(), straight.state_dict().items(), strict=True):
        assert torch.equal(torch.as_tensor(state[key]), value)
        parameter.data.copy_(value)
    two.restore(checkpoint.part(state, "s"))
    for batch in data[4:]:
        one.update(loss, batch)
        two.update(other_loss, batch)
    for a, b in zip(straight.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    for key, value in one.state().items():
        assert torch.equal(torch.as_tensor(value), torch.as_tensor(two.state()[key])), key


def test_the_rate_follows_the_schedule() -> None:
    ours = task()
    stepper = Stepper(ours, ours.one, Descent(optimizer=OPTIMIZERS["sgd"], schedule=step_decay(2, 0.1)))
    rates = []
    for batch in batches(5):
        stepper.update(ours.loss, batch)
        rates.append(stepper.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])


def test_bfloat16_stays_near() -> None:
    ours, exact = task(), task()
    low = Stepper(ours, ours.one, Descent(optimizer=OPTIMIZERS["sgd"]), precision="bfloat16")
    full = Stepper(exact, exact.one, Descent(optimizer=OPTIMIZERS["sgd"]))
    for batch in batches(30):
        low.update(ours.loss, batch)
        full.update(exact.loss, batch)
    for a, b in zip(weights(ours.one), weights(exact.one), strict=True):
        assert a.dtype == torch.float32
        torch.testing.assert_close(a, b, rtol=0.1, atol=0.02)
        assert not torch.equal(a, b), "autocast was on"
