"""A mean that remembers its total and its count."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Mean:
    """Sum of values and number of items: `value = total / count`.

    Means of uneven batches, micro-batches and ranks are combined exactly by summing totals and counts, where an
    average of averages would be wrong.

    total: 0-d float tensor; carries the gradient when the quantity is to be minimised.
    count: number of items behind it, as a 0-d tensor or a plain number.
    """

    total: Tensor
    count: Tensor | float

    @classmethod
    def of(cls, values: Tensor, weights: Tensor | None = None) -> Mean:
        """Mean of per-item values of any shape; with weights, sum(w v) / sum(w)."""
        values = values.float()
        if weights is None:
            return cls(values.sum(), values.numel())
        return cls((values * weights).sum(), weights.sum())

    @property
    def value(self) -> Tensor:
        return self.total / self.count

    def detach(self) -> Mean:
        return Mean(self.total.detach(), self.count)

    def __add__(self, other: Mean) -> Mean:
        """Sum of two means over the same items, e.g. reconstruction and KL of the same images.

        The counts must be equal: folding two denominators into one weighs the terms wrongly. Plain counts are
        compared at once. Counts on the device are compared there, and a mismatch makes the total NaN, so that the run
        stops at the next log step with this quantity named and nothing waits for the device meanwhile.
        """
        if self.count is other.count:
            return Mean(self.total + other.total, self.count)
        if isinstance(self.count, Tensor) or isinstance(other.count, Tensor):
            same = torch.as_tensor(self.count == other.count, device=self.total.device)
            return Mean(torch.where(same, self.total + other.total, torch.nan), self.count)
        if self.count != other.count:
            raise ValueError(
                f"Adding two means needs equal counts, received {self.count} and {other.count}. "
                "Return losses with different denominators under different names."
            )
        return Mean(self.total + other.total, self.count)

    def __mul__(self, factor: float | Tensor) -> Mean:
        return Mean(self.total * factor, self.count)

    __rmul__ = __mul__
