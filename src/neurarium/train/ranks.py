"""Several processes as one: thin words for torch.distributed that mean nothing when there is one process."""

from __future__ import annotations

import os
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from neurarium.train.data import Shard


def start(device: torch.device) -> Shard:
    """Join the group that torchrun announces in the environment, and say which part of each batch is ours."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return Shard()
    if not dist.is_initialized():
        # Its functions take the group at the moment of import as a default. Were the compiler the first to import it,
        # the group and its threads would outlive `stop`, and now and then abort the interpreter at its end.
        from torch.distributed.nn import functional  # noqa: F401

        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Shard(dist.get_rank(), world)


def stop() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def meet() -> None:
    """Wait for all ranks: a group that one rank leaves early ends in an abort of the others."""
    if dist.is_initialized():
        dist.barrier()


def world() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Ours among all processes, also before the group was joined and after it was left."""
    return dist.get_rank() if dist.is_initialized() else int(os.environ.get("RANK", "0"))


def sum_over_ranks(tensor: Tensor) -> Tensor:
    """The sum over all ranks, in place."""
    if world() > 1:
        dist.all_reduce(tensor)
    return tensor


def sum_gradients(gradients: list[Tensor]) -> None:
    """Sum over ranks in place, as one message a dtype."""
    if world() == 1:
        return
    for dtype in dict.fromkeys(gradient.dtype for gradient in gradients):  # in one order on all ranks
        group = [gradient for gradient in gradients if gradient.dtype == dtype]
        flat = torch.cat([gradient.reshape(-1) for gradient in group])
        dist.all_reduce(flat)
        for gradient, part in zip(group, flat.split([g.numel() for g in group]), strict=True):
            gradient.copy_(part.view(gradient.shape))


def from_first(value: Any) -> Any:
    """Rank 0's value, on every rank."""
    if world() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def gather(value: Any) -> list[Any]:
    """Every rank's value, in the order of ranks, on every rank."""
    if world() == 1:
        return [value]
    box: list[Any] = [None] * world()
    dist.all_gather_object(box, value)
    return box
