"""Drawn shapes with known factors: what a network that separates causes should find."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from neurarium.data.seeding import Purpose, numpy_generator
from neurarium.data.splits import check_validation

NAMES, SIZES = ("shape", "scale", "orientation", "x", "y"), (3, 3, 8, 8, 8)
"""The factors, and how many values each has: 0, 1, ..."""
CLASSES = ("ellipse", "square", "heart")
TEST = VALIDATION = 512

SIDE = 64
RADII = (7.5, 10.0, 13.0)
"""Pixels from the centre of a shape to its farthest point, by scale."""
FIRST, STEP = 14.5, 5
"""Centres lie at 14.5, 19.5, ..., 49.5 pixels from the left and from the top: no shape is cut off."""
PATCH, FINE = 27, 8  # a shape is drawn within 27 x 27 pixels, each the mean of 8 x 8 points


class Factored(NamedTuple):
    """x: images (B, 1, H, W) uint8. factors: (B, 5) int64, in the order of NAMES. y: (B,) int64, the shape."""

    x: Tensor
    factors: Tensor
    y: Tensor


def shapes(validation: int | None, seed: int) -> dict[str, Factored]:
    """Splits of all 4,608 images: every combination of 3 shapes, 3 scales, 8 orientations and 8 x 8 places once.

    White on black, (1, 64, 64), in the manner of dSprites (Higgins et al. 2017). Orientations lie within a quarter
    turn, 0, 11.25, ..., 78.75 degrees anticlockwise, so that no two combinations look alike: a square turned by a
    quarter is the same again. 512 images drawn from `seed` are the test split, 512 of the others for validation.
    """
    combinations = np.indices(SIZES).reshape(len(SIZES), -1).T
    order = numpy_generator(Purpose.SPLIT, seed).permutation(len(combinations))
    rest = len(order) - TEST
    held = check_validation(validation, default=VALIDATION, available=rest, name="shapes")
    rows = {"train": order[: rest - held], "validation": order[rest - held : rest], "test": order[rest:]}
    pixels, factors = torch.from_numpy(draw(combinations)), torch.from_numpy(combinations)
    return {
        split: Factored(pixels[chosen], factors[chosen], factors[chosen, 0])
        for split, chosen in ((split, np.sort(part)) for split, part in rows.items())
        if len(chosen)
    }


def draw(factors: np.ndarray) -> np.ndarray:
    """Whole numbers (N, 5) in the order of NAMES -> uint8 (N, 1, 64, 64)."""
    sprites = _sprites()
    images = np.zeros((len(factors), 1, SIDE, SIDE), dtype=np.uint8)
    corners = int(FIRST - PATCH / 2) + STEP * factors[:, 3:]
    for image, (shape, scale, turn), (left, top) in zip(images[:, 0], factors[:, :3], corners, strict=True):
        image[top : top + PATCH, left : left + PATCH] = sprites[shape, scale, turn]
    return images


def _sprites() -> np.ndarray:
    """uint8 (3, 3, 8, 27, 27): by shape, scale and orientation."""
    points = (np.arange(PATCH * FINE) + 0.5) / FINE - PATCH / 2
    right, up = np.meshgrid(points, -points)
    sprites = np.empty((*SIZES[:3], PATCH, PATCH), dtype=np.uint8)
    for turn in range(SIZES[2]):
        angle = turn * np.pi / 2 / SIZES[2]
        u, v = np.cos(angle) * right + np.sin(angle) * up, np.cos(angle) * up - np.sin(angle) * right
        for scale, radius in enumerate(RADII):
            for shape, inside in enumerate(_inside(u / radius, v / radius)):
                cells = inside.reshape(PATCH, FINE, PATCH, FINE)
                sprites[shape, scale, turn] = np.rint(255 * cells.mean((1, 3)))
    return sprites


def _inside(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, ...]:
    """Which points belong to the ellipse, the square and the heart; each just fits into the unit circle."""
    ellipse = u**2 + (2 * v) ** 2 <= 1
    square = np.maximum(np.abs(u), np.abs(v)) <= np.sqrt(0.5)
    a, b = 1.25 * u, 1.25 * v + 0.25
    heart = (a**2 + b**2 - 1) ** 3 <= a**2 * b**3
    return ellipse, square, heart
