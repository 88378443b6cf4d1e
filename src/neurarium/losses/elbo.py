"""Terms of the evidence lower bound, one value per item, in nats."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from neurarium.losses.items import check_shapes, sum_per_item


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Divergence of a diagonal Gaussian from the standard normal; Kingma, Welling 2014, appendix B.

        KL(N(mu, diag s^2) || N(0, I)) = 1/2 sum_j (s_j^2 + mu_j^2 - 1 - log s_j^2),    log_variance = log s^2

    It is 0 where mu = 0 and s = 1, and larger everywhere else.

    mean and log_variance (B, ...) of equal shape; summed over all axes but the first, never averaged, so that it stands
    beside a likelihood that is summed over pixels; out (B,). Raises ValueError when the shapes differ.
    """
    check_shapes(mean, log_variance)
    # expm1: close to the prior s^2 - 1 would lose its digits.
    return sum_per_item(0.5 * (mean.square() + torch.expm1(log_variance) - log_variance))


def importance_weighted_bound(log_weights: Tensor) -> Tensor:
    """Lower bound on log p(x) by S draws; Burda, Grosse, Salakhutdinov 2016, equation 8.

        L_S = log 1/S sum_s w_s,    w_s = p(x, z_s) / q(z_s | x),    z_s ~ q(z | x)

    L_1 is the ELBO, E L_S never falls with S, and L_S tends to log p(x).

    log_weights: log w_s, (B, S); out (B,). Raises ValueError for another number of axes.
    """
    if log_weights.ndim != 2:
        raise ValueError(f"Expected log weights of shape (B, S), received {tuple(log_weights.shape)}.")
    return torch.logsumexp(log_weights, dim=1) - math.log(log_weights.shape[1])
