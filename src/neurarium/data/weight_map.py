"""Weights of pixels that stress the narrow ground between objects, and the objects that they are made from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurarium.train.recipe import UserError

IGNORED = 255
"""Value of mask pixels of which nothing is known: they count neither in a loss nor in a measure."""

_NEGLIGIBLE = 6  # deviations: exp(-6^2 / 2) = 1.5e-8


@dataclass(frozen=True, slots=True)
class WeightMap:
    """w(x) = w_c(x) + w_0 exp(-(d_1(x) + d_2(x))^2 / (2 s^2)): Ronneberger, Fischer, Brox 2015, equation 2.

    w_c balances the classes; d_1 and d_2 are the distances of a pixel of the ground to the nearest and to the second
    nearest object, so that the second term is largest in the narrowest gaps. Objects themselves have w_c alone.

    w_0: weight of a gap of no width. s: its fall, in pixels. Raises UserError unless w_0 >= 0 and s > 0.
    """

    w_0: float = 10.0
    s: float = 5.0

    def __post_init__(self) -> None:
        if not (self.w_0 >= 0 and self.s > 0):
            raise UserError(f"A weight map needs w_0 of at least 0 and s above 0, received {self.w_0} and {self.s}.")

    def __call__(
        self, mask: NDArray[np.uint8], objects: NDArray[np.int32], class_weights: Sequence[float]
    ) -> NDArray[np.float32]:
        """float32 (H, W). mask: class numbers (H, W), or IGNORED, whose weight is 0. objects: (H, W), 0 the ground,
        every other number an object. class_weights: w_c by class."""
        known = mask != IGNORED
        balance = np.asarray(class_weights, np.float64)[np.where(known, mask, 0)]
        first, second = nearest_two(objects, reach=_NEGLIGIBLE * self.s)
        gap = np.where(objects == 0, self.w_0 * np.exp(-((first + second) ** 2) / (2 * self.s**2)), 0.0)
        return np.where(known, balance + gap, 0.0).astype(np.float32)


def nearest_two(objects: NDArray[np.int32], *, reach: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distances (H, W) of each pixel to the nearest and the second nearest object; inf where it is beyond `reach`."""
    from scipy import ndimage

    first = np.full(objects.shape, np.inf)
    second = first.copy()
    border = math.ceil(reach)
    for number, found in enumerate(ndimage.find_objects(objects), start=1):
        if found is None:
            continue
        box = tuple(slice(max(0, side.start - border), side.stop + border) for side in found)
        distance = ndimage.distance_transform_edt(objects[box] != number)
        distance[distance > reach] = np.inf
        second[box] = np.minimum(second[box], np.maximum(first[box], distance))
        first[box] = np.minimum(first[box], distance)
    return first, second


def balanced(masks: NDArray[np.uint8], num_classes: int) -> list[float]:
    """w_c by class for masks of any shape: each class weighs the same in the sum, and the mean over all pixels is 1."""
    counts = np.bincount(masks.ravel(), minlength=256)[:num_classes]
    present = np.count_nonzero(counts)
    return [float(counts.sum() / (present * count)) if count else 1.0 for count in counts]


def connected_objects(mask: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(H, W), 0 the ground: the connected regions of each class but 0 and IGNORED, numbered from 1.

    Pixels are connected that share a side.
    """
    from scipy import ndimage

    objects = np.zeros(mask.shape, np.int32)
    for label in np.unique(mask):
        if label not in (0, IGNORED):
            regions, _ = ndimage.label(mask == label)
            objects[regions > 0] = regions[regions > 0] + objects.max()
    return objects


def separated(objects: NDArray[np.int32]) -> NDArray[np.int32]:
    """The same objects (H, W) with a line of ground between those that touch, by a side or by a corner.

    The line is taken from the object with the higher number.
    """
    from scipy import ndimage

    lowest = ndimage.minimum_filter(np.where(objects > 0, objects, np.iinfo(np.int32).max), size=3, mode="nearest")
    return np.where(lowest < objects, 0, objects)
