"""Weights that were published for a network: as they are, or with another head or other input channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


@torch.no_grad()
def load_published(network: Network, state: Mapping[str, Tensor], *, stem: str, heads: Sequence[str]) -> Network:
    """Fill a network with weights of the same names; parts that cannot fit are adapted or stay new.

    stem: name of the first convolution's weight (F, C, kh, kw). Where the network has other input channels, its filters
        become the mean over the published channels, scaled by C / channels, so that grey images and repeated channels
        give the same sums as before.
    heads: names of last layers; where their classes differ they keep their new weights, all of them.
    Returns the network. Raises ValueError for weights that are missing, left over, or of another shape.
    """
    own = network.state_dict()
    new = {name for head in heads for name in own if name.startswith(f"{head}.")}
    fits = all(name in state and state[name].shape == own[name].shape for name in new)
    chosen = {name: values for name, values in state.items() if fits or name not in new}
    if stem in chosen and chosen[stem].shape[1] != own[stem].shape[1]:
        filters, channels = chosen[stem], own[stem].shape[1]
        shared = filters.mean(1, keepdim=True) * (filters.shape[1] / channels)
        chosen[stem] = shared.expand(-1, channels, -1, -1)
    expected = set(own) if fits else set(own) - new
    counters = {name for name in expected if name.endswith("num_batches_tracked")}  # old files lack them
    missing, extra = expected - counters - chosen.keys(), chosen.keys() - expected
    other = [name for name in expected & chosen.keys() if chosen[name].shape != own[name].shape]
    if missing or extra or other:
        what = f"missing {_few(missing)}, left over {_few(extra)}, of another shape {_few(other)}"
        raise ValueError(f"The weights are not those of this {type(network).__name__}: {what}.")
    network.load_state_dict(chosen, strict=False)  # new heads and counters may lack; all else was checked
    return network


def num_children(state: Mapping[str, Tensor], prefix: str) -> int:
    """How many numbered parts there are under a prefix such as "layer1."."""
    return len({name.removeprefix(prefix).split(".")[0] for name in state if name.startswith(prefix)})


def _few(names: Sequence[str] | set[str]) -> str:
    shown = sorted(names)
    return f"{', '.join(shown[:3])}{' ...' if len(shown) > 3 else ''}" if shown else "none"
