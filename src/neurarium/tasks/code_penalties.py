"""Penalties on the code of an autoencoder, each with its weight."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from neurarium.losses.code_penalties import absolute_activity, jacobian_norm, kl_sparsity, sigmoid_jacobian_norm


@dataclass(frozen=True, slots=True)
class L1Activity:
    """weight sum_j |h_j|, mean over the items."""

    weight: float

    def __call__(self, encoder: nn.Module, x: Tensor, code: Tensor) -> Tensor:
        return self.weight * absolute_activity(code.float()).mean()


@dataclass(frozen=True, slots=True)
class KLSparsity:
    """weight sum_j KL(target || mean over the items of h_j), for codes of sigmoids."""

    weight: float
    target: float

    def __call__(self, encoder: nn.Module, x: Tensor, code: Tensor) -> Tensor:
        return self.weight * kl_sparsity(code.float(), target=self.target)


@dataclass(frozen=True, slots=True)
class Contractive:
    """weight || dh / dx ||_F^2, mean over the items: in closed form for one layer of sigmoids, else by autograd."""

    weight: float

    def __call__(self, encoder: nn.Module, x: Tensor, code: Tensor) -> Tensor:
        layer = single_sigmoid_layer(encoder)
        norm = jacobian_norm(encoder, x) if layer is None else sigmoid_jacobian_norm(code.float(), layer.weight)
        return self.weight * norm.float().mean()


def single_sigmoid_layer(encoder: nn.Module) -> nn.Linear | None:
    """The dense layer of an encoder that is one dense layer under sigmoids, and flattens at most; else None."""
    if any(type(module) is not nn.Sequential and next(module.children(), None) for module in encoder.modules()):
        return None
    leaves = [m for m in encoder.modules() if not isinstance(m, nn.Sequential | nn.Flatten | nn.Identity)]
    for first, second in pairwise(leaves):
        if len(leaves) == 2 and isinstance(first, nn.Linear) and isinstance(second, nn.Sigmoid):
            return first
    return None
