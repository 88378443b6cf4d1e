"""What autograd keeps, against sums by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from neurarium.recipes import CATALOGUE
from neurarium.recipes.find import fill
from neurarium.train import hardware, memory
from neurarium.train.data import Shard
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.memory import TrainingMemory, training_memory
from neurarium.train.settings import Settings
from neurarium.train.stepper import Stepper
from neurarium.train.training import Training, build


class Items(NamedTuple):
    x: Tensor


class Squares(nn.Module):
    """The squared length of what a network says, in `updates` updates a step."""

    def __init__(self, network: nn.Module, updates: int) -> None:
        super().__init__()
        self.network, self.updates = network, updates

    def loss(self, batch: Items) -> dict[str, Mean]:
        return {"loss": Mean.of(self.network(batch.x).square().flatten(1).sum(1))}

    def step(self, batches: Iterator[Items], steppers: Mapping[str, Stepper]) -> dict[str, Mean]:
        for _ in range(self.updates):
            told = steppers["model"].update(self.loss, next(batches))
        return told


def measured(network: nn.Module, shape: tuple[int, ...], *, updates: int = 1, batch: int = 9, **descent: Any) -> Any:
    def stream() -> Iterator[Items]:
        while True:
            yield Items(torch.randn(batch, *shape))

    task: Any = Squares(network, updates)
    kind = {"optimizer": partial(torch.optim.Adam, lr=0.01), **descent}
    steppers = {"model": Stepper(task, network, Descent(**kind))}
    return training_memory(Training(task, steppers, stream()))  # type: ignore[arg-type]


def dense() -> nn.Module:
    return nn.Sequential(nn.Linear(10, 6), nn.Tanh(), nn.Linear(6, 3))


def test_dense_layers_by_hand() -> None:
    found = measured(dense(), (10,))
    parameters = 4 * (10 * 6 + 6 + 6 * 3 + 3)
    # The input, tanh's output (which the next layer reads: one storage), and what is squared.
    assert found.per_item == 4 * (10 + 6 + 3)
    assert (found.weights, found.gradients) == (parameters, parameters)
    assert found.optimizer == 2 * parameters + 4 * 4  # two moments, and a step counter for each of four parameters
    assert found.fixed <= 8
    assert found.total(100) == 4 * parameters + 16 + found.fixed + 100 * 76


def test_convolutions_by_hand() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2))
    maps, pooled = 2 * 6 * 6, 2 * 3 * 3
    # The image; the maps after ReLU; of each pooled number its place (eight bytes) and its value, which is squared.
    assert measured(network, (1, 8, 8)).per_item == 4 * 64 + 4 * maps + (8 + 4) * pooled


@pytest.mark.parametrize(
    ("optimizer", "moments"),
    [
        (partial(torch.optim.SGD, lr=0.1), 0),
        (partial(torch.optim.SGD, lr=0.1, momentum=0.9), 1),
        (partial(torch.optim.RMSprop, lr=0.1, centered=True, momentum=0.5), 3),
    ],
    ids=["sgd", "momentum", "rmsprop"],
)
def test_the_optimizer_keeps_its_moments(optimizer: Callable[..., Any], moments: int) -> None:
    found = measured(nn.Linear(50, 40, bias=False), (50,), optimizer=optimizer)
    assert found.optimizer // 8000 == moments
    averaged = measured(nn.Linear(50, 40, bias=False), (50,), optimizer=optimizer, ema=0.9)
    assert averaged.optimizer - found.optimizer == 8000


def test_a_step_of_several_updates_needs_no_more_than_one() -> None:
    assert measured(dense(), (10,), updates=3) == measured(dense(), (10,))


def test_batches_of_one_item_are_put_together() -> None:
    assert measured(dense(), (10,), batch=1) == measured(dense(), (10,))


def test_the_largest_power_of_two_that_fits() -> None:
    found = TrainingMemory(weights=10, gradients=20, optimizer=30, fixed=40, per_item=5)
    assert found.largest_batch(100 + 5 * 64) == 64
    assert found.largest_batch(100 + 5 * 64 - 1) == 32
    assert found.largest_batch(105) == 1
    assert found.largest_batch(104) == 0


PEAKS_MOVE = ("hinge-gan", "energy-based-gan", "biggan")
"""Which moment of a step keeps most depends on the batch where small networks hold more weights than items."""


@pytest.mark.parametrize("name", CATALOGUE)
def test_memory_grows_in_proportion_to_the_batch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, settings = fill(CATALOGUE[name], CATALOGUE[name].tiny), Settings(device="cpu", threads=1)

    def found() -> TrainingMemory:
        training = build(recipe, recipe.open_data(), settings, hardware.plain_path(settings), Shard())
        return training_memory(training)

    few = found()
    monkeypatch.setattr(memory, "ITEMS", (3, 7))
    many = found()
    if name in PEAKS_MOVE:
        assert many.total(64) == pytest.approx(few.total(64), rel=0.05)
    else:
        assert many == few
