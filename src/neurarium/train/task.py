"""The contract of tasks: what is learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

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
    def example(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Arguments of one call of the first network, for layer tables and export."""

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device
