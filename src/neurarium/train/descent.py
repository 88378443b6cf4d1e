"""How parameters move: an optimizer of torch's and what goes with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import nn
from torch.optim import Optimizer

from neurarium.train.recipe import UserError
from neurarium.train.schedules import Schedule, constant


@dataclass(frozen=True, kw_only=True)
class Descent:
    """Settings of one stepper.

    optimizer: from parameters to an optimizer, e.g. `partial(torch.optim.SGD, lr=0.1, momentum=0.9)`.
    schedule: factor on its learning rate, by step.
    clip_norm: largest Euclidean norm of the whole gradient. clip_value: largest size of each of its entries.
    l1: factor of a lasso penalty on weights (biases are left alone): after each step they are drawn to zero by
        rate * l1, and become exactly 0 when they would cross it. With SGD this is proximal gradient descent (ISTA,
        Daubechies et al. 2004); with an adaptive optimizer it is decoupled, as AdamW's weight decay is.
    weight_bound: c; after each step every parameter is clamped to [-c, c] (Arjovsky et al. 2017, algorithm 1).
    history: factor of |w - m|^2 in what is minimised, with m the mean of the parameters over all steps so far, which
        is a constant to the gradient: historical averaging (Salimans et al. 2016, section 3.3).
    ema: decay of an exponential moving average of the weights, with which the task is evaluated and stored as best.
    swa: updates after which the equal-weight mean of the weights is kept in the same way (Izmailov et al. 2018).
    """

    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer]
    schedule: Schedule = constant()
    clip_norm: float | None = None
    clip_value: float | None = None
    l1: float = 0.0
    weight_bound: float | None = None
    history: float = 0.0
    ema: float | None = None
    swa: int | None = None

    def __post_init__(self) -> None:
        for name in ("clip_norm", "clip_value", "weight_bound"):
            bound = getattr(self, name)
            if bound is not None and bound <= 0:
                raise UserError(f"{name} must be positive, received {bound}. Leave it out to train without clipping.")
        for name in ("l1", "history"):
            factor = getattr(self, name)
            if factor < 0:
                raise UserError(f"{name} must not be negative, received {factor}. Leave it out to train without it.")
        if self.ema is not None and self.swa is not None:
            raise UserError("ema and swa are two averages of the same weights. Leave one of them out.")
        if self.ema is not None and not 0 < self.ema < 1:
            raise UserError(f"ema must lie between 0 and 1, received {self.ema}; 0.999 is usual.")
