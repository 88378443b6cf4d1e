"""Class numbers and unit vectors."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def one_hot(labels: Tensor, num_classes: int) -> Tensor:
    """(B,) int64 in 0..num_classes - 1 -> (B, num_classes) float32 unit vectors: 1 at the label, 0 elsewhere."""
    return F.one_hot(labels, num_classes).float()
