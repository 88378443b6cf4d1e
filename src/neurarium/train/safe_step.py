"""A step of any optimizer, fused where there is a kernel for it, which a gradient that is not finite cannot spoil."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

OBEY_FOUND_INF = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.Adagrad)
"""Their fused kernels divide by `grad_scale` and leave weights and moments alone where `found_inf` is 1."""


def fused(factory: Callable[..., torch.optim.Optimizer], parameters: list[Any]) -> torch.optim.Optimizer:
    """The optimizer, with its fused kernel where it has one for this device and nobody chose otherwise."""
    known = inspect.signature(factory).parameters
    kernel = known.get("fused")
    chosen = getattr(factory, "keywords", {})
    if kernel is None or "foreach" in chosen or "fused" in chosen:
        return factory(parameters)
    try:
        return factory(parameters, fused=True)
    except RuntimeError:  # no fused kernel for this device
        return factory(parameters)


def safe_step(
    optimizer: torch.optim.Optimizer,
    parameters: list[nn.Parameter],
    gradients: list[Tensor],
    *,
    scale: Tensor,
    bad: Tensor,
) -> None:
    """One step by gradients over `scale`; where `bad` is 1, weights and moments stay as they are. Both are float32
    scalars on the device, so that nothing waits for the host."""
    obeys = isinstance(optimizer, OBEY_FOUND_INF) and bool(optimizer.param_groups[0].get("fused"))
    if obeys:
        optimizer.grad_scale = scale  # type: ignore[attr-defined]
        optimizer.found_inf = bad  # type: ignore[attr-defined]
        first = not optimizer.state
        optimizer.step()
        if first:
            _clear_unless_good(bad, optimizer)
    else:
        torch._foreach_div_(gradients, scale)
        _step_unless(bad, optimizer, parameters)


@torch.no_grad()
def _clear_unless_good(bad: Tensor, optimizer: torch.optim.Optimizer) -> None:
    """Fused SGD takes memory as it lies for its momentum and leaves it so where the first step is bad: make it 0."""
    for moments in optimizer.state.values():
        for value in (value for value in moments.values() if isinstance(value, Tensor)):
            value.copy_(torch.where(bad.to(value.device) > 0, 0.0, value))


@torch.no_grad()
def _step_unless(bad: Tensor, optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter]) -> None:
    """A step of an optimizer without `found_inf`, taken back on the device where `bad` is 1."""
    if not optimizer.state:  # the moments do not exist yet, so there is nothing to go back to: wait for the host once
        if not bool(bad):
            optimizer.step()
        return
    tensors: list[Tensor] = [*parameters]
    for parameter in parameters:
        tensors += [value for value in optimizer.state[parameter].values() if isinstance(value, Tensor)]
    kept = [tensor.clone() for tensor in tensors]
    optimizer.step()
    for tensor, before in zip(tensors, kept, strict=True):
        tensor.copy_(torch.where(bad.to(tensor.device).bool(), before, tensor))
