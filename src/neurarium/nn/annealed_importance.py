"""How large is the sum that nobody can take? Annealed importance sampling of a restricted Boltzmann machine's Z."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from neurarium.nn.rbm import RBM, draw


@dataclass(frozen=True)
class LogPartition:
    """value: log Z in nats. error: its standard error, 0 where it is exact; an estimate as the value is one, and blind
    to states that no chain has found."""

    value: float
    error: float = 0.0


@torch.no_grad()
def annealed_log_partition(
    rbm: RBM, base: Tensor, *, steps: int = 1000, chains: int = 100, generator: torch.Generator | None = None
) -> LogPartition:
    """log Z of the machine; Neal 2001, and Salakhutdinov, Murray 2008, section 4.

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
