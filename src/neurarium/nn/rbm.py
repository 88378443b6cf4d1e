"""The restricted Boltzmann machine, and what is drawn and summed with it."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MOST = 20
"""Units over which a sum of all states is taken: 2^20 of them."""
CHUNK = 1 << 14
"""States of such a sum that are looked at together."""


class RBM(nn.Module):
    """Restricted Boltzmann machine: visible units v (V) and hidden ones h (H), and no weights within either group.

    E(v, h) = -b v - c h - v W h, so that p(h_j = 1 | v) = sigmoid(c_j + (v W)_j) and p(v_i = 1 | h) =
    sigmoid(b_i + (W h)_i), each group independent given the other; Smolensky 1986, Hinton 2002. Weights start from
    N(0, 0.01^2) and biases at 0 (Hinton 2012, section 8).

    In visible states (B, V) of 0 and 1, out p(h = 1 | v) (B, H). Parameters: V H + V + H.
    """

    def __init__(self, *, num_visible: int, num_hidden: int, scale: float = 0.01) -> None:
        super().__init__()
        self.num_visible, self.num_hidden = num_visible, num_hidden
        self.weight = nn.Parameter(scale * torch.randn(num_visible, num_hidden))
        self.visible_bias = nn.Parameter(torch.zeros(num_visible))
        self.hidden_bias = nn.Parameter(torch.zeros(num_hidden))

    def forward(self, v: Tensor) -> Tensor:
        return torch.sigmoid(v @ self.weight + self.hidden_bias)

    def multiply_adds(self, output: Tensor) -> int:
        return output.numel() * self.num_visible

    def visible(self, h: Tensor) -> Tensor:
        """p(v = 1 | h) (B, V) of hidden states (B, H)."""
        return torch.sigmoid(h @ self.weight.T + self.visible_bias)

    def energy(self, v: Tensor, h: Tensor) -> Tensor:
        """E(v, h) (B,)."""
        return -v @ self.visible_bias - h @ self.hidden_bias - ((v @ self.weight) * h).sum(1)

    def free_energy(self, v: Tensor) -> Tensor:
        """F(v) = -log sum_h exp(-E(v, h)) = -b v - sum_j log(1 + exp(c_j + (v W)_j)), (B,); p(v) = exp(-F(v)) / Z."""
        # Sums over hundreds of units keep their digits where products are taken in bfloat16.
        fields = (v @ self.weight).to(self.hidden_bias.dtype) + self.hidden_bias
        return -(v * self.visible_bias).sum(1) - F.softplus(fields).sum(1)

    def log_conditional(self, v: Tensor, units: Tensor) -> Tensor:
        """log p(v_i | the other visible units) (B, m) of the units i (B, m) int64 of each item; of all V units their
        sum is the pseudo-log-likelihood of Besag 1975: log sigmoid(F(v with v_i turned over) - F(v))."""
        fields = v @ self.weight + self.hidden_bias
        without = F.softplus(fields).sum(1)
        columns = []
        for unit in units.T:
            turn = 1 - 2 * v.gather(1, unit[:, None])[:, 0]
            turned = F.softplus(torch.addcmul(fields, turn[:, None], self.weight[unit])).sum(1)
            columns.append(F.logsigmoid(without - turned - turn * self.visible_bias[unit]))
        return torch.stack(columns, 1)

    @torch.no_grad()
    def gibbs(self, v: Tensor, *, steps: int = 1, generator: torch.Generator | None = None) -> Tensor:
        """Visible states (B, V) after `steps` times h ~ p(h | v), v ~ p(v | h)."""
        for _ in range(steps):
            v = draw(self.visible(draw(self(v), generator)), generator)
        return v

    @torch.no_grad()
    def transposed(self) -> RBM:
        """The same machine with its groups exchanged: what is visible here is hidden there."""
        other = copy.deepcopy(self)  # a new one would draw weights
        other.num_visible, other.num_hidden = self.num_hidden, self.num_visible
        other.weight = nn.Parameter(self.weight.T.clone())
        other.visible_bias, other.hidden_bias = other.hidden_bias, other.visible_bias
        return other

    @torch.no_grad()
    def log_partition(self) -> float:
        """log Z, exact, by a sum over all states of the smaller group. ValueError for more than 20 units in it."""
        if self.num_visible < self.num_hidden:
            return self.transposed().log_partition()
        weight, b, c = (p.double() for p in (self.weight, self.visible_bias, self.hidden_bias))
        sums = [
            torch.logsumexp(h @ c + F.softplus(h @ weight.T + b).sum(1), 0)
            for h in all_states(self.num_hidden).to(weight).split(CHUNK)
        ]
        return float(torch.logsumexp(torch.stack(sums), 0))


def draw(probabilities: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """0 or 1 with these probabilities."""
    return torch.bernoulli(probabilities, generator=generator)


def all_states(units: int) -> Tensor:
    """(2^units, units) uint8: every state once. ValueError for more than 20 units."""
    if units > MOST:
        raise ValueError(f"All states are looked at for up to {MOST} units, received {units}.")
    return (torch.arange(2**units)[:, None] >> torch.arange(units) & 1).to(torch.uint8)
