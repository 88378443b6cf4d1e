"""Boltzmann machines: binary units whose states have the probability exp(-E) / Z."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neurarium.nn.rbm import all_states, draw


class BoltzmannMachine(nn.Module):
    """Every unit may see every other: Ackley, Hinton, Sejnowski 1985, at the temperature 1.

    E(s) = -sum_{i<j} w_ij s_i s_j - sum_i b_i s_i, with s = (v, h) in {0, 1}^N, visible units first. The entries of
    `weight` (N, N) above the diagonal are the w_ij; the others do not count. New in the paper: hidden units, and a rule
    that learns from the units of a pair alone, d log p(v) / d w_ij = <s_i s_j> with v clamped - <s_i s_j> running free.

    In visible states (B, num_visible) of 0 and 1, out log p(v) (B,), exact, by a sum over all states of all units;
    ValueError for more than 20 units. Parameters that count: N (N - 1) / 2 + N.
    """

    def __init__(self, *, num_visible: int, num_hidden: int = 0, scale: float = 0.1) -> None:
        super().__init__()
        self.num_visible, self.num_hidden = num_visible, num_hidden
        units = num_visible + num_hidden
        self.weight = nn.Parameter(scale * torch.randn(units, units))
        self.bias = nn.Parameter(torch.zeros(units))

    @property
    def couplings(self) -> Tensor:
        """w (N, N), symmetric, with a diagonal of 0."""
        upper = self.weight.triu(1)
        return upper + upper.T

    def energy(self, states: Tensor) -> Tensor:
        """E(s) (B,) of states (B, N)."""
        return -((states @ self.weight.triu(1)) * states).sum(1) - states @ self.bias

    def log_partition(self) -> Tensor:
        """log Z = log sum_s exp(-E(s)), a scalar."""
        return torch.logsumexp(-self.energy(all_states(len(self.bias)).to(self.bias)), 0)

    def forward(self, v: Tensor) -> Tensor:
        hidden = all_states(self.num_hidden).to(self.bias)
        pairs = torch.cat([v.repeat_interleave(len(hidden), 0), hidden.repeat(len(v), 1)], 1)
        return torch.logsumexp(-self.energy(pairs).view(len(v), -1), 1) - self.log_partition()

    @torch.no_grad()
    def gibbs(
        self, states: Tensor, *, steps: int = 1, clamped: int = 0, generator: torch.Generator | None = None
    ) -> Tensor:
        """States (B, N) after `steps` sweeps, each of which draws unit after unit from p(s_i = 1 | the others) =
        sigmoid(sum_j w_ij s_j + b_i). The first `clamped` units stay as they are.
        """
        states, weights = states.clone(), self.couplings
        for unit in [unit for _ in range(steps) for unit in range(clamped, len(self.bias))]:
            states[:, unit] = draw(torch.sigmoid(states @ weights[unit] + self.bias[unit]), generator)
        return states
