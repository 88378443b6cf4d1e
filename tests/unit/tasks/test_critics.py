"""What bounds a critic, against slopes that are known or measured."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from neurarium.losses.adversarial import Wasserstein
from neurarium.nn.inputs import VectorInput
from neurarium.tasks.adversarial import Adversarial
from neurarium.tasks.critics import GradientPenalty
from neurarium.train.descent import Descent
from neurarium.train.stepper import Stepper


class Points(NamedTuple):
    x: Tensor


def critic() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 2), nn.Tanh(), nn.Flatten(), nn.Linear(12, 1))


def images(count: int = 4) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(1)
    return torch.randn(count, 2, 3, 3, generator=draw), torch.randn(count, 2, 3, 3, generator=draw)


def watched(network: nn.Module, seen: list[Tensor]) -> Any:
    def judge(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return network(x)[:, 0]

    return judge


def numeric_norms(network: nn.Module, x: Tensor, h: float = 1e-6) -> Tensor:
    """|grad D(x)| of each sample by central differences over all its entries, one sample at a time."""
    network, norms = copy.deepcopy(network).double(), []
    with torch.no_grad():
        for sample in x.double():
            steps = h * torch.eye(sample.numel(), dtype=torch.float64).view(-1, *sample.shape)
            slopes = (network(sample + steps) - network(sample - steps))[:, 0] / (2 * h)
            norms.append(slopes.norm())
    return torch.stack(norms)


@pytest.mark.catalogue("wgan-gp")
def test_penalty_of_each_sample_is_that_of_its_measured_slope() -> None:
    network, seen = critic(), []
    penalty = GradientPenalty()(watched(network, seen), *images())
    assert penalty.shape == (4,)
    (between,) = seen
    torch.testing.assert_close(penalty.double(), 10 * (numeric_norms(network, between) - 1) ** 2, rtol=1e-4, atol=1e-5)


@pytest.mark.catalogue("wgan-gp")
def test_each_sample_lies_at_one_point_of_the_line_between_real_and_fake() -> None:
    seen: list[Tensor] = []
    real, fake = images(500)
    GradientPenalty()(watched(critic(), seen), real, fake)
    share = ((seen[0] - fake) / (real - fake)).flatten(1)
    middle = share.median(1).values
    torch.testing.assert_close(seen[0], fake + middle.view(-1, 1, 1, 1) * (real - fake), rtol=1e-4, atol=1e-4)
    assert middle.min() >= 0
    assert middle.max() <= 1
    assert middle.mean() == pytest.approx(0.5, abs=0.06)  # 4.6 deviations of a mean of 500
    assert middle.std() == pytest.approx(12**-0.5, abs=0.03)


@pytest.mark.parametrize("length", [0.0, 0.25, 1.0, 3.0])
def test_linear_critic_pays_for_the_length_of_its_weights(length: float) -> None:
    w = torch.ones(18) * length / 18**0.5
    w.requires_grad_()
    penalty = GradientPenalty(weight=2.0)(lambda x: x.flatten(1) @ w, *images())
    assert penalty.tolist() == pytest.approx([2 * (length - 1) ** 2] * 4, abs=1e-4)
    (gradient,) = torch.autograd.grad(penalty.sum(), w)
    # d/dw 2 (|w| - 1)^2 = 4 (|w| - 1) w / |w|, for each of four samples; without a direction at 0.
    expected = torch.zeros(18) if length == 0 else 16 * (length - 1) * w.detach() / length
    torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-3)


def test_gradient_in_the_parameters_agrees_with_differences() -> None:
    network, seen = critic(), []
    GradientPenalty()(watched(network, seen), *images()).sum().backward()
    exact, h = copy.deepcopy(network).double(), 1e-4
    for parameter, twin in zip(network.parameters(), exact.parameters(), strict=True):
        direction = torch.randn(twin.shape, generator=torch.Generator().manual_seed(2)).double()
        values = []
        for sign in (1, -1):
            twin.data += sign * h * direction
            values.append(10 * (numeric_norms(exact, seen[0], h=1e-5) - 1).square().sum())
            twin.data -= sign * h * direction
        measured = (values[0] - values[1]) / (2 * h)
        found = 0.0 if parameter.grad is None else (parameter.grad.double() * direction).sum()
        assert float(found) == pytest.approx(float(measured), rel=1e-3, abs=1e-4)


class Still(nn.Module):
    """A generator whose samples do not depend on the noise."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.tensor([1.0, -1.0]))

    def forward(self, z: Tensor) -> Tensor:
        return self.place.expand(len(z), 2)


def game(discriminator: nn.Module, **options: Any) -> Adversarial:
    sgd = Descent(optimizer=partial(torch.optim.SGD, lr=0.1))
    return Adversarial(
        generator=Still(),
        discriminator=discriminator,
        inputs=VectorInput(),
        latent_size=3,
        game=Wasserstein(),
        descents={"generator": sgd, "discriminator": sgd},
        measure=lambda real, fake, labels: {},
        penalties={"gradient_penalty": GradientPenalty()},
        **options,
    )


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("micro_batches", [1, 3])
def test_update_is_that_of_the_formula(precision: str, micro_batches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One step of the critic equals the loop by hand, with the generator frozen; in bfloat16 the penalty is exact."""
    monkeypatch.setattr(torch, "rand", lambda *shape, device: torch.full(shape, 0.3))
    torch.manual_seed(0)
    task = game(nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)))
    hand: Any = copy.deepcopy(task)
    x = torch.randn(10, 2, generator=torch.Generator().manual_seed(3))

    def make(modules: Any, descent: Descent) -> Stepper:
        return Stepper(task, modules, descent, precision=precision, micro_batches=micro_batches)

    told = task.steppers(make)["discriminator"].update(task.discriminator_loss, Points(x))
    between = (0.3 * x + 0.7 * hand.generator.place.detach()).requires_grad_()
    (slopes,) = torch.autograd.grad(hand.discriminator(between).sum(), between, create_graph=True)
    penalty = 10 * (slopes.norm(dim=1) - 1).square().mean()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        real, fake = hand.discriminator(x), hand.discriminator(hand.generator.place.detach().expand(10, 2))
    (fake.float().mean() - real.float().mean() + penalty).backward()
    assert float(told["gradient_penalty"].value) == pytest.approx(penalty.item(), rel=1e-5)
    loose = {"rtol": 1e-5, "atol": 1e-6} if precision == "float32" else {"rtol": 1e-3, "atol": 2e-3}
    for ours, theirs in zip(task.discriminator.parameters(), hand.discriminator.parameters(), strict=True):
        torch.testing.assert_close(ours.detach(), theirs.detach() - 0.1 * theirs.grad, **loose)
    assert torch.equal(task.generator.place, hand.generator.place)


def test_a_compiled_critic_is_penalised_as_the_plain_one() -> None:
    """Compiled backward passes cannot be differentiated: without care for that, the first update ends in an error."""
    updated = []
    for compiled in (False, True):
        torch.manual_seed(0)
        task = game(nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)))
        if compiled:
            # As the engine does it, but traced only: no compiler is needed to find out.
            task.discriminator.compile(dynamic=False, backend="aot_eager")
        judge = task.steppers(lambda modules, descent: Stepper(task, modules, descent))["discriminator"]  # noqa: B023
        torch.manual_seed(1)
        told = [judge.update(task.discriminator_loss, Points(torch.randn(8, 2))) for _ in range(2)]
        updated.append([*(step["gradient_penalty"].value for step in told), *task.discriminator.parameters()])
    for plain, other in zip(*updated, strict=True):
        torch.testing.assert_close(plain, other)
