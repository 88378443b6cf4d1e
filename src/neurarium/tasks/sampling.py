"""From codes to samples as a person sees them, and the items that they are compared with."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from neurarium.tasks.conditions import Condition

JUDGED = 2000
"""Items of a split that are judged at most."""


class Sampler(nn.Module):
    """A generator, and what turns its samples into what a person sees, as one module.

    inputs: its `restore` turns samples (B, ...) into what a person sees, images (B, C, H, W) from 0 to 1.
    """

    def __init__(self, generator: nn.Module, inputs: Any) -> None:
        super().__init__()
        self.generator = generator
        self.inputs = inputs

    def forward(self, *codes: Tensor) -> Tensor:
        samples: Tensor = self.inputs.restore(self.generator(*codes))
        return samples


def asked(labels: Any, count: int, condition: Condition | None, device: torch.device) -> Tensor:
    """The classes (count,) int64 that samples shall have.

    Raises ValueError without a condition, for another number of labels, and for classes that do not exist.
    """
    if condition is None:
        raise ValueError("These samples have no classes to choose from. Leave the labels out.")
    wanted = torch.as_tensor(labels, device=device)
    if wanted.shape != (count,):
        raise ValueError(f"Expected {count} labels, one a sample; received shape {tuple(wanted.shape)}.")
    if count and not 0 <= int(wanted.min()) <= int(wanted.max()) < condition.num_classes:
        raise ValueError(
            f"Classes are numbered 0 to {condition.num_classes - 1}; received {int(wanted.min())} to "
            f"{int(wanted.max())}."
        )
    return wanted.long()


def even_normal(*shape: int) -> Tensor:
    """Standard normal numbers, float64 on the CPU, that do not depend on how many are drawn at once, as torch's own do:
    an evaluation gives the same value whatever its batches are."""
    return torch.special.ndtri(torch.rand(*shape, dtype=torch.float64).clamp(min=1e-12))


def truncated(z: Tensor, threshold: float) -> Tensor:
    """Standard normal numbers as ones whose size is at most the threshold; Brock et al. 2018, section 3.1.

    Each is moved to where as large a share of the truncated distribution lies below it, so that these are distributed
    as numbers that are drawn again until they are small enough, and belong to the given ones. In and out (...).
    Raises ValueError for a threshold that is not positive.
    """
    if threshold <= 0:
        raise ValueError(f"Noise is cut off at a positive number, received {threshold}. Leave it out for whole noise.")
    share = torch.erf(z.double() / math.sqrt(2)) * math.erf(threshold / math.sqrt(2))
    return (math.sqrt(2) * torch.erfinv(share)).clamp(-threshold, threshold).to(z.dtype)


def evenly(items: Tensor, most: int = JUDGED) -> Tensor:
    """All items (N, ...), or `most` of them spread evenly over all: the halves of a split may differ, as MNIST's do."""
    num = min(len(items), most)
    return items[torch.arange(num, device=items.device) * len(items) // num]
