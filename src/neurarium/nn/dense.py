"""Stacks of dense layers."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn


def dense_layers(
    widths: Sequence[int], *, activation: Callable[[], nn.Module] = nn.ReLU, dropout: float = 0.0
) -> nn.Sequential:
    """Linear layers between the given widths, with activation and dropout after each but the last.

    widths: inputs, hidden layers, outputs. Parameters: sum over neighbours of (n_in + 1) n_out.
    """
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"dense_layers expects at least two widths, each at least 1; received {list(widths)}.")
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), activation()]
        if dropout:
            layers.append(nn.Dropout(dropout))
    # The last layer is linear: what its outputs mean is the loss's business.
    return nn.Sequential(*layers[: -2 if dropout else -1])
