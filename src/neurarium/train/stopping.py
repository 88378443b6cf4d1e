"""When a run has seen enough: a condition on what its evaluations measure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from neurarium.train.recipe import UserError, near

_FORM = re.compile(r"(\w+)\s*([<>])\s*([-+.\deE]+)(?::(\d+))?")


@dataclass(frozen=True)
class StopWhen:
    """`measure` below or above `bound` at so many evaluations in a row."""

    measure: str
    below: bool
    bound: float
    times: int = 1

    @classmethod
    def parse(cls, text: str) -> StopWhen:
        """From "measure<value" or "measure>value:times". Raises UserError for anything else."""
        found = _FORM.fullmatch(text.strip())
        try:
            if found is None or found[4] == "0":
                raise ValueError
            return cls(found[1], found[2] == "<", float(found[3]), int(found[4] or 1))
        except ValueError:
            raise UserError(
                "--stop-when expects MEASURE<VALUE or MEASURE>VALUE, and :TIMES for so many evaluations in a row, such "
                f"as discriminator_accuracy<0.55:3; received {text!r}. Put it in quotes, for < and > mean something to "
                "the shell."
            ) from None

    def holds(self, measures: dict[str, float]) -> bool:
        """Of one evaluation. Raises UserError where it has no such measure."""
        if self.measure not in measures:
            raise UserError(
                f"--stop-when names {self.measure!r}, which is none of the measures.{near(self.measure, measures)}"
            )
        value = measures[self.measure]
        return value < self.bound if self.below else value > self.bound

    def __str__(self) -> str:
        often = f" at {self.times} evaluations in a row" if self.times > 1 else ""
        return f"{self.measure} was {'below' if self.below else 'above'} {self.bound:g}{often}"
