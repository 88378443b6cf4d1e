"""Stacks of dense layers."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

from neurarium.nn.dropout import Dropout
from neurarium.nn.residual import Residual


def dense_layers(
    widths: Sequence[int],
    *,
    activation: Callable[[], nn.Module] = nn.ReLU,
    dropout: float = 0.0,
    normalization: Callable[[int], nn.Module] | None = None,
    skip: bool = False,
    linear: Callable[[int, int], nn.Module] = nn.Linear,
) -> nn.Sequential:
    """Linear layers between the given widths, with normalization, activation and dropout after each but the last.

    widths: inputs, hidden layers, outputs. normalization: from a width to a layer, such as nn.BatchNorm1d.
    skip: each hidden layer but the first adds what it is given to what it gives, through a linear map without bias
    where the widths differ. linear: from two widths to the layer between them.
    Parameters without skip and normalization: sum over neighbours of (n_in + 1) n_out.
    """
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"dense_layers expects at least two widths, each at least 1; received {list(widths)}.")
    layers: list[nn.Module] = []
    for depth, (n_in, n_out) in enumerate(pairwise(widths[:-1])):
        hidden: list[nn.Module] = [linear(n_in, n_out)]
        if normalization is not None:
            hidden.append(normalization(n_out))
        hidden.append(activation())
        if dropout:
            hidden.append(Dropout(dropout))
        if skip and depth:
            bypass = None if n_in == n_out else nn.Linear(n_in, n_out, bias=False)
            hidden = [Residual(nn.Sequential(*hidden), projection=bypass)]
        layers += hidden
    # The last layer is linear: what its outputs mean is the loss's business.
    return nn.Sequential(*layers, linear(widths[-2], widths[-1]))
