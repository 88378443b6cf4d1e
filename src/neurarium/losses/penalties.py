"""Penalties on weights, to be added to a loss. Biases are usually left out of `parameters`."""

from collections.abc import Iterable

import torch
from torch import Tensor


def l2_penalty(parameters: Iterable[Tensor]) -> Tensor:
    """Sum of squares, sum_j w_j^2 (ridge); gradient 2 w. Times lambda it is weight decay; out: a number ()."""
    return torch.stack([parameter.square().sum() for parameter in parameters]).sum()


def l1_penalty(parameters: Iterable[Tensor]) -> Tensor:
    """Sum of absolute values, sum_j |w_j| (lasso, Tibshirani 1996); gradient sign(w), 0 at 0; out: a number ()."""
    return torch.stack([parameter.abs().sum() for parameter in parameters]).sum()


def orthogonality_penalty(weights: Iterable[Tensor]) -> Tensor:
    """Sum over weights of |W W^T * (1 - I)|_F^2, filters as rows: how far they are from right angles to each other.

    Their lengths are free, for the diagonal is left out; Brock et al. 2018, equation 3. weights: (n_out, ...), of
    filters of any shape; out: a number ().
    """
    total = []
    for weight in weights:
        rows = weight.flatten(1)
        products = rows @ rows.T
        total.append((products - products.diag().diag()).square().sum())
    return torch.stack(total).sum()
