"""What every task and every network keeps to, over the whole catalogue."""

from __future__ import annotations

import copy
import itertools
import json
import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

from neurarium.nn.summary import summarise
from neurarium.recipes import CATALOGUE
from neurarium.recipes.find import fill
from neurarium.train import hardware
from neurarium.train.data import Batch, Data, Shard, Spec
from neurarium.train.hardware import FastPath
from neurarium.train.recipe import Recipe
from neurarium.train.settings import Settings
from neurarium.train.training import Training, build

KINDS = pytest.mark.parametrize("name", CATALOGUE)
CLASSIFIERS = ("logistic-regression", "mlp", "small-convnet", "lenet5", "rnn-parity")
PLAIN = FastPath("cpu")

FIRST_LOSS = {
    **{name: {"loss": math.log(10)} for name in ("logistic-regression", "mlp", "small-convnet", "lenet5")},
    "linear-regression": {"loss": 1.0},  # the mean is what W = 0 says of a standardised target
    "rnn-parity": {"loss": math.log(2)},
    "fcn": {"loss": math.log(2)},  # all scores start at 0
    **{
        name: {"discriminator_loss": 2 * math.log(2), "generator_loss": math.log(2)}
        for name in ("gan-ring", "gan", "dcgan", "conditional-gan")
    },
    "ac-gan": {"discriminator_loss": 2 * math.log(2), "real_class": math.log(10), "generator_fake_class": math.log(10)},
    "infogan": {"discriminator_loss": 2 * math.log(2), "category": math.log(10), "numbers": 1 / 3},
    "lsgan": {"discriminator_loss": 0.5, "generator_loss": 0.5},
    "lapgan": {
        f"{player}_loss_{k}": times * math.log(2)
        for player, times in (("discriminator", 2), ("generator", 1))
        for k in (0, 2)
    },
    "coupled-gan": {
        "discriminator_loss_x": 2 * math.log(2),
        "discriminator_loss_other": 2 * math.log(2),
        "class": math.log(10),
    },
    "ali": {"discriminator_loss": 2 * math.log(2), "generator_loss": 2 * math.log(2)},
    "wgan-gp": {"gradient_penalty": 10.0},  # of a critic that is nearly flat
    "perceptron": {"loss": 0.0},  # every point lies on the hyperplane w = 0, at distance 0
}
"""What theory says of untrained networks; DQN's depends on the rewards seen, so it has none."""
FROM_ZERO = ("perceptron", "linear-regression", "logistic-regression", "fcn")
"""Their last layer starts at 0: no input matters before the first step."""


@cache
def opened(name: str) -> tuple[Recipe, Data]:
    recipe = fill(CATALOGUE[name], {**CATALOGUE[name].tiny, **({"dropout": 0.0} if name == "mlp" else {})})
    return recipe, recipe.open_data()


def fresh(name: str) -> tuple[Training, Data]:
    recipe, data = opened(name)
    torch.set_num_threads(1)
    return build(recipe, data, Settings(threads=1), PLAIN, Shard()), data


def held_out(data: Data, items: int = 16) -> Any:
    batch: Any = next(iter(data.split(data.splits[-1], shard=Shard())))
    return type(batch)(*(field[:items] for field in batch))


class Repeated:
    """The same few batches again and again, as a stream."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches: Iterator[Batch] = itertools.cycle(batches)

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        return next(self.batches)


@pytest.mark.parametrize("name", FIRST_LOSS)
def test_first_loss_is_what_theory_says(name: str) -> None:
    training, _ = fresh(name)
    losses = training.task.step(training.stream, training.steppers)
    for quantity, expected in FIRST_LOSS[name].items():
        assert float(losses[quantity].value) == pytest.approx(expected, rel=0.15, abs=1e-6)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_one_batch_is_learned_by_heart(name: str) -> None:
    training, _ = fresh(name)
    batch: Any = next(training.stream)
    few = Repeated([type(batch)(*(field[:16] for field in batch))])
    (stepper,) = training.steppers.values()
    stepper.rates = [0.1 if name == "logistic-regression" else 0.005]
    object.__setattr__(stepper, "descent", copy.copy(stepper.descent))
    object.__setattr__(stepper.descent, "schedule", lambda step: 1.0)
    first = float(training.task.step(few, training.steppers)["loss"].value)
    for _ in range(150):
        last = training.task.step(few, training.steppers)
    assert float(last["loss"].value) < 0.1 * first
    assert float(last["accuracy"].value) == 1


@KINDS
def test_every_parameter_is_moved_by_exactly_one_stepper(name: str) -> None:
    training, _ = fresh(name)
    owned = [parameter for stepper in training.steppers.values() for parameter in stepper.parameters]
    wanted = [parameter for parameter in training.task.parameters() if parameter.requires_grad]
    assert len({id(p) for p in owned}) == len(owned)
    assert {id(p) for p in owned} == {id(p) for p in wanted}
    before = [p.detach().clone() for p in owned]
    for _ in range(6):
        training.task.step(training.stream, training.steppers)
    if name != "perceptron":  # whose rule moves only on a mistake
        assert all(not torch.equal(a, b) for a, b in zip(before, owned, strict=True))
    assert all(parameter.grad is None for parameter in training.task.parameters())


@KINDS
def test_rows_of_a_batch_do_not_see_each_other(name: str) -> None:
    """Row i of the output, and its gradient, depend on row i of the input alone.

    But for networks with a layer that says that it `sees_batch`, as minibatch discrimination does.
    """
    training, data = fresh(name)
    training.task.eval()
    for network, args in training.task.networks(held_out(data, 6)).values():
        if any(getattr(layer, "sees_batch", False) for layer in network.modules()):
            continue
        whole = network(*args)
        rows = torch.cat([network(*(arg[i : i + 1] for arg in args)) for i in range(6)])
        torch.testing.assert_close(whole, rows, rtol=1e-4, atol=1e-5)
        if args[0].is_floating_point():
            x = args[0].detach().clone().requires_grad_()
            (gradient,) = torch.autograd.grad(network(x, *args[1:])[2].sum(), x)
            assert gradient[2].abs().sum() > 0 or name in FROM_ZERO
            assert gradient[[0, 1, 3, 4, 5]].abs().sum() == 0


@KINDS
def test_layout_and_reload_change_nothing(name: str) -> None:
    training, data = fresh(name)
    recipe, _ = opened(name)
    batch = held_out(data)
    for _ in range(2):
        training.task.step(training.stream, training.steppers)
    other = recipe.task(Spec.from_json(json.loads(json.dumps(data.spec.to_json()))))
    other.load_state_dict(training.task.state_dict())
    hardware.place(other, FastPath("cpu", channels_last=True))
    training.task.eval(), other.eval()
    torch.manual_seed(5)
    ours = training.task.networks(batch)
    torch.manual_seed(5)
    for (one, args), (two, others) in zip(ours.values(), other.networks(batch).values(), strict=True):
        torch.testing.assert_close(one(*args), two(*others), rtol=1e-4, atol=1e-5)


@KINDS
def test_evaluation_leaves_everything_alone_and_does_not_depend_on_batches(name: str) -> None:
    training, data = fresh(name)
    split = CATALOGUE[name].goal.split
    weights = copy.deepcopy(training.task.state_dict())
    generators = hardware.generators()
    with training.evaluating():
        whole = training.task.evaluate(data.split(split, shard=Shard()))
    with training.evaluating():
        pieces = (
            type(batch)(*(field[i : i + 37] for field in batch))  # type: ignore[call-arg]
            for batch in data.split(split, shard=Shard())
            for i in range(0, len(batch[0]), 37)
        )
        again = training.task.evaluate(pieces)
    assert again == pytest.approx(whole, rel=1e-5)
    for key, value in training.task.state_dict().items():
        assert torch.equal(value, weights[key])
    for key, value in hardware.generators().items():
        assert torch.equal(torch.as_tensor(value), torch.as_tensor(generators[key])) if key == "torch" else True


@KINDS
def test_what_is_shown_and_deployed(name: str) -> None:
    training, data = fresh(name)
    training.task.eval()
    with torch.no_grad():
        for network, args in training.task.networks(held_out(data, 2)).values():
            total = summarise(network, *args)[-1]
            assert total.parameters == sum(p.numel() for p in network.parameters())
            assert total.multiply_adds is not None
        for items in (1, 7):
            module, args = training.task.deployed(held_out(data, items))
            assert isinstance(module, nn.Module)
            out = module(*args)
            assert len(out) == items
            assert out.isfinite().all()
        figures = training.task.pictures(data.split(data.splits[-1], shard=Shard()))
    assert figures
    assert all(hasattr(figure, "savefig") for figure in figures.values())


@KINDS
def test_default_data_pass_the_audit(name: str) -> None:
    _, data = opened(name)
    assert [finding for finding in data.audit() if finding.severity == "error"] == []


def test_the_recurrent_network_does_not_see_the_future() -> None:
    training, data = fresh("rnn-parity")
    network: Any = training.task.get_submodule("network")
    tokens = held_out(data, 8)[0].clone()
    before = network.states(tokens)
    tokens[:, 5:] = 1 - tokens[:, 5:]
    after = network.states(tokens)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.equal(before[:, 5:], after[:, 5:])
