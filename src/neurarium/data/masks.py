"""Images with a mask each, the class of every pixel, resident in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurarium.data.images import channel_statistics
from neurarium.data.memory import Augment, InMemory
from neurarium.data.ragged import Ragged
from neurarium.data.weight_map import IGNORED, WeightMap, balanced, connected_objects
from neurarium.train.data import Finding, Spec

EVALUATED_AT_ONCE = 1 << 20  # pixels of a forward pass, which bounds its memory


class Masked(NamedTuple):
    """x: images (B, C, H, W) uint8. mask: class numbers (B, H, W) uint8, 255 where nothing is known of the pixel."""

    x: Tensor
    mask: Tensor


class WeightedMasked(NamedTuple):
    """x, mask: as in `Masked`. weight: what each pixel counts in the loss, (B, H, W) float32; 0 where mask is 255."""

    x: Tensor
    mask: Tensor
    weight: Tensor


@dataclass(frozen=True, slots=True)
class Scenes:
    """The images of a split.

    x: uint8 (C, H, W) for each, of any height and width. mask: uint8 (H, W) for each. places: where each came from.
    objects: int32 (H, W) for each, 0 the ground and every other number an object; None where objects are the
    connected regions of a class.
    """

    x: Tensor | Sequence[Tensor]
    mask: Tensor | Sequence[Tensor]
    places: Sequence[str]
    objects: Sequence[NDArray[np.int32]] | None = None


def resident(
    parts: Mapping[str, Scenes],
    classes: tuple[str, ...],
    *,
    values: Sequence[int],
    batch_size: int,
    augment: Augment | None,
    weight_map: WeightMap | None,
    name: str,
    findings: Sequence[Finding] = (),
) -> InMemory | Ragged:
    """The data of these splits, "train" first; batches are `WeightedMasked` with a weight map, else `Masked`.

    `InMemory` where all images have one size, else `Ragged`. Mean and deviation of the pixels, and the balance of the
    classes, come from the training split. values: of the classes in files of masks, in which predictions are saved.
    """
    train = parts["train"]
    pixels = _pixels(train)
    mean, std = channel_statistics(train.x)
    fitted: dict[str, Any] = {"kind": "segmentation", "mean": mean, "std": std, "values": list(values)}
    if weight_map is not None:
        fitted["class_weights"] = balanced(pixels, len(classes))
    weights = {
        split: _weights(part, weight_map, fitted["class_weights"]) if weight_map is not None else None
        for split, part in parts.items()
    }
    shapes = {tuple(image.shape) for part in parts.values() for image in part.x}
    spec = Spec(
        shape=tuple(max(shape[axis] for shape in shapes) for axis in range(3)),
        sizes={split: len(part.x) for split, part in parts.items()},
        classes=classes,
        fitted=fitted,
    )
    told = [*_absent(pixels, classes, name), *findings]
    places = {split: part.places for split, part in parts.items()}
    if len(shapes) > 1:
        return Ragged(
            {split: _one_by_one(part, weights[split]) for split, part in parts.items()},
            spec,
            batch_size=batch_size,
            augment=augment,
            findings=told,
            name=name,
            places=places,
        )
    return InMemory(
        {split: _together(part, weights[split]) for split, part in parts.items()},
        spec,
        batch_size=batch_size,
        augment=augment,
        evaluation_batch_size=max(1, EVALUATED_AT_ONCE // train.mask[0].numel()),
        findings=told,
        name=name,
        places=places,
    )


def _together(part: Scenes, weights: Sequence[Tensor] | None) -> Masked | WeightedMasked:
    x, mask = (field if isinstance(field, Tensor) else torch.stack(list(field)) for field in (part.x, part.mask))
    return Masked(x, mask) if weights is None else WeightedMasked(x, mask, torch.stack(list(weights)))


def _one_by_one(part: Scenes, weights: Sequence[Tensor] | None) -> list[Masked | WeightedMasked]:
    if weights is None:
        return [Masked(x[None], mask[None]) for x, mask in zip(part.x, part.mask, strict=True)]
    fields = zip(part.x, part.mask, weights, strict=True)
    return [WeightedMasked(x[None], mask[None], weight[None]) for x, mask, weight in fields]


def _pixels(part: Scenes) -> NDArray[np.uint8]:
    """(P,): the class numbers of all pixels."""
    return np.concatenate([mask.numpy().ravel() for mask in part.mask])


def _weights(part: Scenes, weight_map: WeightMap, shares: Sequence[float]) -> list[Tensor]:
    masks = [mask.numpy() for mask in part.mask]
    objects = part.objects or [connected_objects(mask) for mask in masks]
    return [torch.from_numpy(weight_map(mask, found, shares)) for mask, found in zip(masks, objects, strict=True)]


def _absent(pixels: NDArray[np.uint8], classes: tuple[str, ...], name: str) -> list[Finding]:
    counts = np.bincount(pixels, minlength=256)
    missing = [label for index, label in enumerate(classes) if not counts[index]]
    findings = []
    if missing:
        what = f"no training pixel of {', '.join(map(repr, missing))}, which therefore cannot be learned."
        findings.append(Finding("warning", f"{name}, train", what, "Add masks with every class."))
    if counts[IGNORED] and len(classes) <= IGNORED:
        what = f"{counts[IGNORED] / counts.sum():.1%} of the training pixels are of no known class: they are left out."
        findings.append(Finding("note", f"{name}, train", what, ""))
    return findings
