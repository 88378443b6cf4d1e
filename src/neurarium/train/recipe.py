"""The contract of recipes, on the standard library alone: listing a hundred of them never loads torch."""

from __future__ import annotations

import difflib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from neurarium.train.data import Data, Spec
    from neurarium.train.task import Task


POSITIVE = (
    "batch_size",
    "steps",
    "hidden_size",
    "latent_size",
    "discriminator_steps",
    "generator_steps",
    "target_every",
    "memory",
    "components",
)
SHARES = ("dropout", "ema", "slip", "discount", "momentum")

OptimizerName = Literal["sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "adamw"]
"""The knob of recipes that leave the optimizer open; train/optimizers.py says what each is."""


class UserError(ValueError):
    """Something that the user can mend: the command line prints the message alone and exits with 2."""


def near(name: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name: " Did you mean 'lenet5'?" or, without a near one, the known names."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return " Did you mean " + " or ".join(repr(match) for match in close) + "?"
    return " Known: " + ", ".join(known) + "."


@dataclass(frozen=True, slots=True)
class Goal:
    """Which measure of which split decides what is best, and the value at which training may stop."""

    measure: str
    best: str = "max"  # or "min"
    split: str = "validation"
    target: float | None = None

    def improves(self, value: float, record: float | None) -> bool:
        if value != value:  # NaN never is a record
            return False
        return record is None or (value > record if self.best == "max" else value < record)

    def reached(self, value: float) -> bool:
        return self.target is not None and (value >= self.target if self.best == "max" else value <= self.target)


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence that `neurarium verify` measures: over `seeds` runs, the mean of `measure` on `split` is at least
    (or at most) `bound`.

    knobs: fields of the recipe that differ from its defaults.
    paper: the figure that the paper or another source states, in words with its protocol.
    """

    measure: str
    bound: float
    at: str = "least"  # or "most"
    split: str = "test"
    seeds: int = 3
    knobs: tuple[tuple[str, Any], ...] = ()
    seconds: float | None = None  # longest training time of one run on two CPU cores
    paper: str = ""

    def holds(self, value: float) -> bool:
        return value >= self.bound if self.at == "least" else value <= self.bound


@dataclass(frozen=True, kw_only=True)
class Recipe(ABC):
    """One system: its fields are the flags of the command line, the run's JSON and the studio's form.

    A subclass is a frozen dataclass with at most 15 fields. It imports networks, tasks and data inside its methods.
    """

    name: ClassVar[str]
    family: ClassVar[str]
    paper: ClassVar[str]
    goal: ClassVar[Goal]
    claims: ClassVar[tuple[Claim, ...]] = ()
    tiny: ClassVar[dict[str, Any]]
    evaluations: ClassVar[int] = 10

    def __post_init__(self) -> None:
        """What is wrong in any system: numbers that are negative or not finite, empty batches, shares outside 0..1."""
        for field in fields(self):
            value, flag = getattr(self, field.name), "--" + field.name.replace("_", "-")
            if isinstance(value, int | float) and not (math.isfinite(value) and value >= 0):
                raise UserError(f"{flag} must not be negative, received {value}. The default is {field.default}.")
            if field.name in POSITIVE and value < 1:
                raise UserError(f"{flag} must be at least 1, received {value}. The default is {field.default}.")
            if field.name in SHARES and value >= 1:
                raise UserError(f"{flag} must lie in [0, 1), received {value}. The default is {field.default}.")

    @abstractmethod
    def open_data(self) -> Data:
        """What it learns from. Raises UserError when that cannot be read."""

    @abstractmethod
    def task(self, spec: Spec) -> Task:
        """What it learns, with its networks and optimizers; needs no data, so that a saved run loads without."""

    @abstractmethod
    def num_steps(self, spec: Spec) -> int:
        """How many steps it trains for."""
