"""What the code of an autoencoder can be charged for."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from neurarium.losses.items import check_shapes, sum_per_item


def absolute_activity(code: Tensor) -> Tensor:
    """Sum of the sizes of the code, so that few units are active for an item; Omega of the sparse autoencoder.

        Omega(h) = sum_j |h_j|

    code (B, d) or maps (B, C, h, w); out (B,). Its gradient is sign(h), 0 at 0.
    """
    return sum_per_item(code.abs())


def kl_sparsity(code: Tensor, *, target: float) -> Tensor:
    """Divergence of a wanted activity rho from the mean activity of each unit; Ng 2011, CS294A lecture notes.

        Omega = sum_j KL(rho || r_j) = sum_j [rho log(rho / r_j) + (1 - rho) log((1 - rho) / (1 - r_j))],
        r_j = mean over the batch of h_j

    0 iff every unit is on for the share rho of the items; infinite where one is always 0 or always 1. A mean of batches
    is not that of all items: large batches come nearer.

    code (B, d) of units in (0, 1), as sigmoids give them; out (). Raises ValueError for a target outside (0, 1).
    """
    if not 0 < target < 1:
        raise ValueError(f"kl_sparsity expects a target in (0, 1), received {target}.")
    mean = code.mean(0)
    wanted = torch.full_like(mean, target)
    return (wanted * (wanted / mean).log() + (1 - wanted) * ((1 - wanted) / (1 - mean)).log()).sum()


def jacobian_norm(encoder: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Squared Frobenius norm of the encoder's Jacobian at each item; Rifai et al. 2011, Contractive auto-encoders.

        Omega(x) = || dh / dx ||_F^2 = sum_ij (dh_j / dx_i)^2

    Exact, by one backward pass a unit of the code, which can be differentiated again. Row i of the code must depend on
    row i of x alone, so that batch statistics are excluded.

    x (B, ...), encoder from it to codes (B, d) or maps (B, C, h, w); out (B,).
    """
    x = x if x.requires_grad else x.detach().requires_grad_()
    graph = torch.is_grad_enabled()
    total = torch.zeros(len(x), dtype=x.dtype, device=x.device)
    with torch.enable_grad():
        units = encoder(x).flatten(1).sum(0).unbind()
        for number, unit in enumerate(units, start=1):
            (slope,) = torch.autograd.grad(unit, x, create_graph=graph, retain_graph=graph or number < len(units))
            total = total + sum_per_item(slope.square())
    return total


def sigmoid_jacobian_norm(code: Tensor, weight: Tensor) -> Tensor:
    """The same for one layer of sigmoids, h = g(W x + b), in closed form; Rifai et al. 2011.

        Omega(x) = sum_j (h_j (1 - h_j))^2 sum_i W_ji^2

    code h (B, d); weight W (d, n); out (B,). Raises ValueError when they do not fit.
    """
    check_shapes(code[0], weight[:, 0])
    return (code * (1 - code)).square() @ weight.square().sum(1)
