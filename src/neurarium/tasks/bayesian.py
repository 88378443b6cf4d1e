"""How much, and how sure?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neurarium.losses.likelihood import gaussian_nll
from neurarium.nn.bayesian import BayesianLinear, KeptDropout
from neurarium.plots.intervals import calibration, predictive_bands
from neurarium.tasks.classification import to_tensor
from neurarium.train.data import Batch
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.task import Figures, LossTask, mean_over

LEVELS = (0.5, 0.9)


class BayesianRegressor(LossTask):
    """Learns a distribution over networks, and says of each number how far off it may be.

    The network holds layers that can be drawn (BayesianLinear, KeptDropout). It minimises the negative evidence lower
    bound per item, in nats:

        L = - log N(y; f(x; w), s^2) + KL(q(w), p(w)) / N,    w ~ q drawn anew in each pass, s learned

    of which the second term is there where weights are random (Blundell et al. 2015, equation 2); with dropout alone
    weight decay takes its place (Gal, Ghahramani 2016). What it says of an input is an even mixture of the Gaussians
    of `draws` networks, told by mean and deviation.

    network: from prepared inputs to (B, 1). num_items: N, of the training split. mean, std: of the target there.
    """

    def __init__(
        self,
        *,
        network: nn.Module,
        inputs: nn.Module,
        num_items: int,
        mean: float,
        std: float,
        descent: Descent,
        draws: int = 50,
    ) -> None:
        super().__init__()
        self.network = network
        self.inputs = inputs
        self.num_items = num_items
        self.mean = mean
        self.std = std
        self.descent = descent
        self.draws = draws
        self.log_noise = nn.Parameter(torch.tensor(-1.0))
        self.random = [layer for layer in network.modules() if isinstance(layer, BayesianLinear | KeptDropout)]

    def loss(self, batch: Batch) -> dict[str, Mean]:
        """loss: negative evidence lower bound an item. divergence: its second term. noise: s in the target's unit."""
        x, y = batch
        output = self.network(self.inputs(x)).float().squeeze(1)
        layers = [layer for layer in self.random if isinstance(layer, BayesianLinear)]
        divergence = sum((layer.divergence() for layer in layers), start=torch.zeros_like(self.log_noise))
        share = (divergence / self.num_items).expand(len(y))
        found = gaussian_nll(output, y, 2 * self.log_noise) + share
        noise = (self.log_noise.detach().exp() * self.std).expand(len(y))
        return {"loss": Mean.of(found), "divergence": Mean.of(share.detach()), "noise": Mean.of(noise)}

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """loss: negative log of the predictive density (nats, of the standardised target). absolute_error: in the
        target's unit. coverage_50, coverage_90: share of targets inside the predictive interval of that level.
        """
        return mean_over(batches, self._judge)

    def _judge(self, batch: Batch) -> dict[str, Mean]:
        x, y = batch
        outputs = self._outputs(x)  # (S, B)
        densities = torch.stack([gaussian_nll(output, y, 2 * self.log_noise) for output in outputs])
        loss = math.log(len(outputs)) - torch.logsumexp(-densities, dim=0)
        mean, deviation = self._moments(outputs)
        off = (mean - y).abs()
        inside = {f"coverage_{100 * level:.0f}": Mean.of(off <= _width(level) * deviation) for level in LEVELS}
        return {"loss": Mean.of(loss), "absolute_error": Mean.of(off * self.std), **inside}

    @contextmanager
    def _drawn(self, number: int) -> Iterator[None]:
        """Network `number` of those that are averaged; the same in every call."""
        generator = torch.Generator().manual_seed(number)
        for layer in self.random:
            layer.draw(generator)
        try:
            yield
        finally:
            for layer in self.random:
                layer.release()

    @torch.no_grad()
    def _outputs(self, x: Tensor) -> Tensor:
        """(draws, B) of the standardised target."""
        prepared, outputs = self.inputs(x), []
        for number in range(self.draws):
            with self._drawn(number):
                outputs.append(self.network(prepared).float().squeeze(1))
        return torch.stack(outputs)

    def _moments(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        spread = outputs.var(0, correction=0) + self.log_noise.detach().exp().square()
        return outputs.mean(0), spread.sqrt()

    def predict(self, x: Any) -> Tensor:
        """Means (N,) float32 in the target's own unit."""
        return self.predict_distribution(x)[0]

    def predict_distribution(self, x: Any) -> tuple[Tensor, Tensor]:
        """Mean and deviation (N,), (N,) of the target at N inputs, in its own unit; noise included."""
        mean, deviation = self._moments(self._outputs(to_tensor(x).to(self.device)))
        return (mean * self.std + self.mean).cpu(), (deviation * self.std).cpu()

    def predict_interval(self, x: Any, level: float = 0.9) -> tuple[Tensor, Tensor]:
        """Low and high end (N,), (N,) of the interval that holds the target with this probability, if the mixture is
        taken for a Gaussian of its mean and deviation.
        """
        if not 0 < level < 1:
            raise ValueError(f"predict_interval expects a level between 0 and 1, received {level}.")
        mean, deviation = self.predict_distribution(x)
        return mean - _width(level) * deviation, mean + _width(level) * deviation

    def networks(self, batch: Batch) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        return {"network": (self.network, (self.inputs(batch[0]),))}

    def deployed(self, batch: Batch) -> tuple[nn.Module, tuple[Tensor, ...]]:
        return nn.Sequential(self.inputs, self.network, _Unit(self.mean, self.std)), (batch[0],)

    def pictures(self, batches: Iterable[Batch]) -> Figures:
        """Bands around the mean for one input; for more, how often intervals hold what they should."""
        xs, ys = (torch.cat(column).cpu() for column in zip(*batches, strict=True))
        y = (ys * self.std + self.mean).numpy()
        if xs[0].numel() == 1:
            low, high = float(xs.min()), float(xs.max())
            grid = torch.linspace(low - 0.2 * (high - low), high + 0.2 * (high - low), 200)[:, None]
            mean, deviation = (values.numpy() for values in self.predict_distribution(grid))
            bands = {level: (mean - _width(level) * deviation, mean + _width(level) * deviation) for level in LEVELS}
            return {"intervals": predictive_bands(xs.flatten().numpy(), y, grid.flatten().numpy(), mean, bands)}
        mean, deviation = (values.numpy() for values in self.predict_distribution(xs))
        levels = np.linspace(0.05, 0.95, 19)
        observed = [float((np.abs(y - mean) <= _width(level) * deviation).mean()) for level in levels]
        return {"calibration": calibration(levels, observed)}


def _width(level: float) -> float:
    """Half the width of the interval of this level, in deviations of a Gaussian: 1.645 for 0.9."""
    return math.sqrt(2) * float(torch.erfinv(torch.tensor(level, dtype=torch.float64)))


class _Unit(nn.Module):
    """From the standardised number to the target's own unit, (B, 1) to (B,)."""

    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        self.mean = mean
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x.squeeze(1) * self.std + self.mean
