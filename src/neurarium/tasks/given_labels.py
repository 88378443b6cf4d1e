"""Labels that a person gives beside items, checked before they are believed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from neurarium.tasks.classification import to_tensor


def with_labels(
    items: Tensor, labels: Any, *, num_classes: int | None, size: int, device: torch.device
) -> Iterable[tuple[Tensor, Tensor | None]]:
    """Chunks of `size` of the items (N, ...) on the device, with their labels (N,); None where num_classes is None.

    Raises ValueError for labels where there are no classes, for none where there are, for another number of them, and
    for classes that do not exist.
    """
    if num_classes is None:
        if labels is not None:
            raise ValueError("This model knows no classes, so labels would be ignored. Leave them out.")
        return ((part.to(device), None) for part in items.split(size))
    if labels is None:
        raise ValueError(f"Expected labels (N,) from 0 to {num_classes - 1}, received none.")
    names = to_tensor(labels)
    if names.shape != (len(items),) or not bool(((names >= 0) & (names < num_classes)).all()):
        raise ValueError(f"Expected {len(items)} labels from 0 to {num_classes - 1}, received {names.tolist()[:10]}.")
    pairs = zip(items.split(size), names.split(size), strict=True)
    return ((part.to(device), mine.to(device)) for part, mine in pairs)
