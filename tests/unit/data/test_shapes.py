"""Drawn shapes: every combination once, drawn as its factors say."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import label

from neurarium.data import shapes
from neurarium.data.sources import open_labelled, open_unlabelled
from neurarium.train.data import Shard
from neurarium.train.recipe import UserError


@functools.cache
def opened() -> Any:
    return open_labelled("shapes", batch_size=64)


def whole() -> tuple[np.ndarray, np.ndarray]:
    """(4608, 64, 64) float64 in 0..1 and (4608, 5), in the order of the combinations."""
    x = torch.cat([opened().items(split).x for split in opened().splits])[:, 0].numpy() / 255
    factors = torch.cat([opened().items(split).factors for split in opened().splits]).numpy()
    order = np.lexsort(factors.T[::-1])
    return x[order], factors[order]


def test_every_combination_is_there_once_and_looks_its_own_way() -> None:
    x, factors = whole()
    expected = [
        (a, b, c, d, e) for a in range(3) for b in range(3) for c in range(8) for d in range(8) for e in range(8)
    ]
    assert factors.tolist() == [list(one) for one in expected]
    assert len({image.tobytes() for image in x}) == 4608
    assert opened().spec.sizes == {"train": 3584, "validation": 512, "test": 512}
    assert opened().spec.shape == (1, 64, 64)
    assert opened().spec.classes == ("ellipse", "square", "heart")
    sizes = {"names": ["shape", "scale", "orientation", "x", "y"], "sizes": [3, 3, 8, 8, 8]}
    assert opened().spec.fitted["factors"] == sizes
    assert opened().audit() == []


def test_places_and_areas_are_those_of_the_factors() -> None:
    x, (shape, scale, _, across, down) = whole()[0], whole()[1].T
    area = x.sum((1, 2))
    radius = np.array([7.5, 10, 13])[scale]
    # Ellipse with half axes r and r / 2, square of diagonal 2 r; the heart has area 3.6597 at 1.25 times its size.
    expected = np.array([np.pi / 2, 2, 3.6597 / 1.25**2])[shape] * radius**2
    np.testing.assert_allclose(area, expected, rtol=0.025)  # edges are drawn to an eighth of a pixel
    places = np.arange(64) + 0.5
    centre_x, centre_y = (x.sum(1) @ places) / area, (x.sum(2) @ places) / area
    symmetric = shape < 2
    np.testing.assert_allclose(centre_x[symmetric], (14.5 + 5 * across)[symmetric], atol=0.02)
    np.testing.assert_allclose(centre_y[symmetric], (14.5 + 5 * down)[symmetric], atol=0.02)
    # Nothing is cut off, and edges are grey.
    assert x[:, [0, -1]].max() == x[:, :, [0, -1]].max() == 0
    assert all(label(image > 0)[1] == 1 for image in x[::97])
    assert (((x > 0) & (x < 1)).sum((1, 2)) > 8).all()


def test_orientations_are_eighths_of_a_quarter_turn_anticlockwise() -> None:
    x, factors = whole()
    place = np.arange(64) + 0.5
    ellipses = (factors[:, 0] == 0) & (factors[:, 1] == 2)
    for image, (_, _, turn, across, down) in zip(x[ellipses][::7], factors[ellipses][::7], strict=True):
        right, up = np.meshgrid(place - 14.5 - 5 * across, 14.5 + 5 * down - place)
        moments = [(image * a * b).sum() for a, b in ((right, right), (up, up), (right, up))]
        axis = np.degrees(np.arctan2(2 * moments[2], moments[0] - moments[1])) / 2  # of the largest moment
        assert (axis - 11.25 * turn + 90) % 180 - 90 == pytest.approx(0, abs=0.3)
    upright = shapes.draw(np.array([[2, 2, 0, 3, 3]]))[0, 0]
    patch = upright[16:43, 16:43]
    widths = (patch > 0).sum(1)
    assert widths[:13].max() > 2 * widths[-4:].max()  # its tip is below
    np.testing.assert_array_equal(patch, patch[:, ::-1])


def test_splits_come_from_the_seed_and_leave_the_test_alone() -> None:
    other: Any = open_labelled("shapes", batch_size=64, seed=1)
    fewer: Any = open_labelled("shapes", batch_size=64, validation=0)
    assert not torch.equal(other.items("test").factors, opened().items("test").factors)
    assert torch.equal(fewer.items("test").x, opened().items("test").x)
    assert fewer.spec.sizes == {"train": 4096, "test": 512}
    with pytest.raises(UserError, match=r"shapes has 4096 items .* received validation=4096"):
        open_labelled("shapes", batch_size=64, validation=4096)


def test_batches_carry_factors_through_all_that_data_can_do() -> None:
    task: Any = None
    batch: Any = next(opened().stream(task, seed=0, shard=Shard()))
    assert batch._fields == ("x", "factors", "y")
    assert torch.equal(batch.y, batch.factors[:, 0])
    np.testing.assert_array_equal(batch.x, shapes.draw(batch.factors.numpy()))
    part: Any = open_labelled("shapes:300", batch_size=64, image_size=32).fold(0, 3)
    assert part.spec.shape == (1, 32, 32)
    assert part.spec.fitted["factors"] == opened().spec.fitted["factors"]
    assert torch.equal(part.items("train").y, part.items("train").factors[:, 0])
    assert open_unlabelled("shapes", batch_size=64).items("test")[0].shape == (512, 1, 64, 64)


def test_at_half_the_size_the_places_can_still_be_read_off() -> None:
    data: Any = open_labelled("shapes", batch_size=64, image_size=32)
    x, factors, shape = (field.numpy() for field in data.items("test"))
    x, places = x[shape < 2, 0].astype(float), 2 * np.arange(32) + 1
    found = np.stack([x.sum(1) @ places, x.sum(2) @ places], 1) / x.sum((1, 2))[:, None]
    np.testing.assert_allclose(found, 14.5 + 5 * factors[shape < 2, 3:], atol=0.1)
