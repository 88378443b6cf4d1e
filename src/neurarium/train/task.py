"""The contract of tasks: what is learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from neurarium.train import ranks
from neurarium.train.data import Batch
from neurarium.train.mean import Mean

if TYPE_CHECKING:
    from neurarium.train.descent import Descent
    from neurarium.train.stepper import Stepper

Figures = dict[str, Any]
"""File name without ending -> matplotlib figure."""

MakeStepper = Callable[["nn.Module | Iterable[nn.Module]", "Descent"], "Stepper"]
"""make(modules, descent): a stepper that moves the parameters of these modules and of no others."""


class Task(nn.Module, ABC):
    """Owns networks and says what is learned; networks come from the recipe.

    The networks are the task's direct children with parameters. What a person wants from a trained task is a method
    with the field's name: `predict`, `sample`, `translate`, `act`, ...
    """

    @abstractmethod
    def steppers(self, make: MakeStepper) -> dict[str, Stepper]:
        """Who is optimised, by name."""

    @abstractmethod
    def step(self, batches: Iterator[Batch], steppers: Mapping[str, Stepper]) -> dict[str, Mean]:
        """One step, as in the paper. The batches drawn are the data's position."""

    @abstractmethod
    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Measures of a whole split. Under several ranks each sees its share, and totals are summed over ranks."""

    @abstractmethod
    def pictures(self, batches: Iterable[Batch]) -> Figures:
        """What a person wants to look at while it learns; may read as much of the split as it needs."""

    @abstractmethod
    def networks(self, batch: Batch) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        """Each network with an example of its arguments, for layer tables and diagrams."""

    @abstractmethod
    def deployed(self, batch: Batch) -> tuple[nn.Module, tuple[Tensor, ...]]:
        """What is exported, with an example of its arguments: from what a person has to what the networks say."""

    def warnings(self, rows: Sequence[Mapping[str, Any]], steps: int) -> list[str]:
        """What a person must be told of the last of these evaluations, and that does not end the run of `steps` steps.

        rows: all evaluations so far, measures by name and "step". Each text is said once in a run, so it holds no
        figures of one evaluation.
        """
        return []

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device


class LossTask(Task):
    """A task that is one loss, minimised by one stepper. Most tasks write `loss` and nothing else of this.

    descent: how its parameters move.
    """

    descent: Descent

    @abstractmethod
    def loss(self, batch: Batch) -> dict[str, Mean]:
        """Means by name: those with a gradient are minimised (their sum), the others are only reported."""

    def steppers(self, make: MakeStepper) -> dict[str, Stepper]:
        return {"model": make(self, self.descent)}

    def step(self, batches: Iterator[Batch], steppers: Mapping[str, Stepper]) -> dict[str, Mean]:
        return steppers["model"].update(self.loss, next(batches))

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        return mean_over(batches, self.loss)


def mean_over(batches: Iterable[Batch], measures: Callable[[Any], dict[str, Mean]]) -> dict[str, float]:
    """Means over all items of all batches and ranks, and under "items" how many there were."""
    totals: Tensor | None = None
    names: tuple[str, ...] = ()
    for batch in batches:
        means = measures(batch)
        names = tuple(means)
        rows = [torch.stack([_double(mean.total), _double(mean.count, mean.total)]) for mean in means.values()]
        part = torch.stack([*rows, torch.full_like(rows[0], float(len(batch[0])))])
        totals = part if totals is None else totals + part
    if totals is None:
        raise ValueError("A split without items cannot be evaluated.")
    numbers = ranks.sum_over_ranks(totals).tolist()
    *sums, (items, _) = numbers
    return {name: total / count for name, (total, count) in zip(names, sums, strict=True)} | {"items": items}


def _double(number: Tensor | float, like: Tensor | None = None) -> Tensor:
    """Totals of a whole split are summed in double precision, where the device has it."""
    device = number.device if isinstance(number, Tensor) else like.device  # type: ignore[union-attr]
    return torch.as_tensor(
        number, device=device, dtype=torch.float32 if device.type == "mps" else torch.float64
    ).detach()
