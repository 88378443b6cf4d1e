"""How much?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from neurarium.losses.regression import squared_error
from neurarium.plots.points import true_against_predicted
from neurarium.tasks.classification import to_tensor
from neurarium.train.data import Batch
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.task import Figures, LossTask


class Regressor(LossTask):
    """Learns one real number an item by squared error, on a standardised target.

    network: from prepared inputs to (B, 1). mean, std: of the target in the training split, in its own unit.
    """

    def __init__(self, *, network: nn.Module, inputs: nn.Module, mean: float, std: float, descent: Descent) -> None:
        super().__init__()
        self.network = network
        self.inputs = inputs
        self.mean = mean
        self.std = std
        self.descent = descent

    def loss(self, batch: Batch) -> dict[str, Mean]:
        """loss: mean squared error in variances of the target; absolute_error: in the target's own unit."""
        x, y = batch
        output = self.network(self.inputs(x)).float().squeeze(1)
        off = (output.detach() - y).abs() * self.std
        return {"loss": Mean.of(squared_error(output, y)), "absolute_error": Mean.of(off)}

    @torch.no_grad()
    def predict(self, x: Any) -> Tensor:
        """Numbers (N,) float32 in the target's own unit, of N items as the data holds them."""
        output: Tensor = self.network(self.inputs(to_tensor(x).to(self.device))).squeeze(1) * self.std + self.mean
        return output.cpu()

    def networks(self, batch: Batch) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        return {"network": (self.network, (self.inputs(batch[0]),))}

    def deployed(self, batch: Batch) -> tuple[nn.Module, tuple[Tensor, ...]]:
        return _Numbers(self), (batch[0],)

    def pictures(self, batches: Iterable[Batch]) -> Figures:
        pairs = [(batch[1].cpu() * self.std + self.mean, self.predict(batch[0])) for batch in batches]
        true, predicted = (torch.cat(column).numpy() for column in zip(*pairs, strict=True))
        return {"predictions": true_against_predicted(true, predicted)}


class _Numbers(nn.Module):
    """The whole way from inputs to numbers in the target's unit, for export."""

    def __init__(self, task: Regressor) -> None:
        super().__init__()
        self.inputs = task.inputs
        self.network = task.network
        self.mean = task.mean
        self.std = task.std

    def forward(self, x: Tensor) -> Tensor:
        numbers: Tensor = self.network(self.inputs(x)).squeeze(1) * self.std + self.mean
        return numbers
