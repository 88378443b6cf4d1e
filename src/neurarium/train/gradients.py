"""From the losses of a batch to gradients, the same however the batch is cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from neurarium.train import ranks
from neurarium.train.data import Batch
from neurarium.train.mean import Mean

Losses = TypeVar("Losses", Mean, dict[str, Mean])


def accumulate(
    loss_fn: Callable[[Any], Losses],
    batch: Batch,
    parameters: Sequence[nn.Parameter],
    *,
    precision: str = "float32",
    micro_batches: int = 1,
) -> tuple[Losses, Tensor | float]:
    """Fill `.grad`; returns the losses, summed over micro-batches and ranks, and the number by which the gradients,
    which are of this rank alone, are still to be divided.

    loss_fn, precision, micro_batches: see Stepper. Raises ValueError where no loss carries a gradient.
    """
    device = parameters[0].device
    parts = [batch] if micro_batches == 1 else list(_micro_batches(batch, micro_batches))
    sums: dict[str, Mean] = {}
    buffers: dict[str, list[Tensor | None]] = {}
    for part in parts:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            returned = loss_fn(part)
        losses = {"": returned} if isinstance(returned, Mean) else returned
        trained = [name for name, mean in losses.items() if mean.total.requires_grad]
        for name, mean in losses.items():
            before = sums.get(name)
            total, count = mean.total.detach(), mean.count
            sums[name] = Mean(total, count) if before is None else Mean(before.total + total, before.count + count)
        if not trained:
            raise ValueError(f"None of the losses {sorted(losses)} carries a gradient. Do not detach what is learned.")
        if len(trained) == 1:
            losses[trained[0]].total.backward()
        elif len(parts) == 1:
            counts = _over_ranks({name: losses[name].detach() for name in trained})
            torch.stack([losses[name].total / counts[name].count for name in trained]).sum().backward()
        else:
            _backward_apart({name: losses[name].total for name in trained}, parameters, buffers)
    sums = _over_ranks(sums)
    if buffers:
        for position, parameter in enumerate(parameters):
            pairs = ((kept[position], sums[name].count) for name, kept in buffers.items())
            terms = [gradient / count for gradient, count in pairs if gradient is not None]
            parameter.grad = torch.stack(terms).sum(0) if terms else None
    scale = sums[trained[0]].count if len(trained) == 1 else 1.0
    result = sums[""] if isinstance(returned, Mean) else {name: sums[name] for name in losses}
    return result, scale


def _backward_apart(
    totals: Mapping[str, Tensor], parameters: Sequence[nn.Parameter], buffers: dict[str, list[Tensor | None]]
) -> None:
    """Gradients of several totals, kept apart: their denominators are known only after the last micro-batch."""
    for place, (name, total) in enumerate(totals.items(), start=1):
        total.backward(retain_graph=place < len(totals))
        kept = buffers.setdefault(name, [None] * len(parameters))
        for position, parameter in enumerate(parameters):
            if parameter.grad is not None:
                before = kept[position]
                kept[position] = parameter.grad if before is None else before + parameter.grad
                parameter.grad = None


def _micro_batches(batch: Batch, parts: int) -> Iterator[Batch]:
    kind: Any = type(batch)
    for tensors in zip(*(tensor.chunk(parts) for tensor in batch), strict=True):
        yield kind(*tensors)


def _over_ranks(means: dict[str, Mean]) -> dict[str, Mean]:
    if ranks.world() == 1:
        return means
    device = next(iter(means.values())).total.device
    flat = torch.stack(
        [torch.as_tensor(n, dtype=torch.float64, device=device) for m in means.values() for n in (m.total, m.count)]
    )
    flat = ranks.sum_over_ranks(flat).view(-1, 2)
    return {name: Mean(row[0].float(), row[1].float()) for name, row in zip(means, flat, strict=True)}
