"""How large is the sum that nobody can take? Annealed importance sampling of a restricted Boltzmann machine's Z."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from neurarium.nn.rbm import MOST, RBM, draw

MARGIN = 0.02
"""No unit of the model from which annealing starts is surer than this."""


@dataclass(frozen=True)
class LogPartition:
    """value: log Z in nats. error: its standard error, 0 where it is exact; an estimate as the value is one, and blind
    to states that no chain has found."""

    value: float
    error: float = 0.0


def log_partition(rbm: RBM, means: Tensor, *, steps: int = 1000, chains: int = 100, seed: int = 0) -> LogPartition:
    """log Z: exact with up to 20 units in the smaller group, else annealed from independent units with these means
    (V,), those of the data."""
    if min(rbm.num_visible, rbm.num_hidden) <= MOST:
        return LogPartition(rbm.log_partition())
    generator = torch.Generator(means.device).manual_seed(seed)
    base = means.clamp(MARGIN, 1 - MARGIN).logit()
    return annealed_log_partition(rbm, base, steps=steps, chains=chains, generator=generator)


@torch.no_grad()
def annealed_log_partition(
    rbm: RBM, base: Tensor, *, steps: int = 1000, chains: int = 100, generator: torch.Generator | None = None
) -> LogPartition:
    """log Z of the machine; Neal 2001; Salakhutdinov, Murray 2008.

    Chains start at independent visible units with biases `base` (V,) (log-odds of the data's means are good ones),
    whose Z_0 is known, and are led to the machine through the distributions

        p_k(v) ~ exp((1 - t) base v + t b v) prod_j (1 + exp(t (c + v W)_j)),    t = k / steps,  k = 0 ... steps

    by one Gibbs step at each. Z / Z_0 is the mean over chains of prod_k p*_k(v_{k-1}) / p*_{k-1}(v_{k-1}). Its mean is
    exact for any number of steps, so that log Z is too low on average; the more steps, the less.
    """
    v = draw(torch.sigmoid(base).expand(chains, -1), generator)
    weights = torch.zeros(chains, dtype=torch.float64, device=v.device)
    for k in range(1, steps + 1):
        before, now = (k - 1) / steps, k / steps
        fields = v @ rbm.weight + rbm.hidden_bias
        grown = F.softplus(now * fields) - F.softplus(before * fields)
        weights += (grown.sum(1) + (now - before) * (v @ (rbm.visible_bias - base))).double()
        h = draw(torch.sigmoid(now * fields), generator)
        v = draw(torch.sigmoid((1 - now) * base + now * (rbm.visible_bias + h @ rbm.weight.T)), generator)
    start = rbm.num_hidden * math.log(2) + float(F.softplus(base.double()).sum())
    log_mean = torch.logsumexp(weights, 0) - math.log(chains)
    shares = (weights - log_mean).exp()
    return LogPartition(start + float(log_mean), float(shares.std()) / math.sqrt(chains))
