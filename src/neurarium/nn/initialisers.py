"""How weights start."""

import math

import torch
from torch import Tensor, nn


@torch.no_grad()
def lecun_uniform_(tensor: Tensor, *, fan_in: int, bound: float = 2.4) -> Tensor:
    """Fill in place with U(-bound / fan_in, bound / fan_in); LeCun, Bottou, Bengio, Haffner 1998, appendix A.

    fan_in: inputs of one unit. Note the division by fan_in itself, not by its root: the paper's weights are smaller
    than those of today's rules, because its squashing units are meant to start in their linear range.
    """
    _check(fan_in)
    return nn.init.uniform_(tensor, -bound / fan_in, bound / fan_in)


@torch.no_grad()
def lecun_normal_(tensor: Tensor, *, fan_in: int) -> Tensor:
    """Fill in place with N(0, 1 / fan_in); LeCun, Bottou, Orr, Mueller 1998, "Efficient BackProp", section 4.6.

    Inputs of unit variance then give weighted sums of unit variance.
    """
    _check(fan_in)
    return nn.init.normal_(tensor, 0.0, 1 / math.sqrt(fan_in))


def _check(fan_in: int) -> None:
    if fan_in < 1:
        raise ValueError(f"fan_in is the number of inputs of one unit, at least 1; received {fan_in}.")
