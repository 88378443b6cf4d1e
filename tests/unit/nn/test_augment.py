"""Augmentation against one-image-at-a-time judges."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from neurarium.nn.augment import Chained, HorizontalFlip, RandomAffine, RandomShift
from neurarium.train.batches import Labelled


def batch(num: int = 6, channels: int = 1, height: int = 9, width: int = 7) -> Labelled:
    x = torch.randint(1, 256, (num, channels, height, width), dtype=torch.uint8, generator=torch.manual_seed(0))
    return Labelled(x, torch.arange(num))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def shifted(image: np.ndarray, down: int, right: int, fill: int) -> np.ndarray:
    moved = np.full_like(image, fill)
    C, H, W = image.shape
    for r in range(H):
        for c in range(W):
            if 0 <= r - down < H and 0 <= c - right < W:
                moved[:, r, c] = image[:, r - down, c - right]
    return moved


@given(st.integers(0, 3), st.sampled_from([0, 7]), st.integers(0, 99), st.sampled_from([1, 3]))
def test_a_shift_moves_by_whole_pixels(pixels, fill, seed, channels):
    before = batch(channels=channels)
    after = RandomShift(pixels, fill)(before, seeded(seed))
    reach = range(-pixels, pixels + 1)
    for image, moved in zip(before.x.numpy(), after.x.numpy(), strict=True):
        assert any((shifted(image, down, right, fill) == moved).all() for down in reach for right in reach)
    assert after.x.dtype == torch.uint8
    assert torch.equal(after.y, before.y)


def test_shifts_are_uniform_and_independent():
    point = torch.zeros(20_000, 1, 5, 5, dtype=torch.uint8)
    point[:, :, 2, 2] = 1
    moved = RandomShift(2)(Labelled(point, point), seeded()).x.float().mean(0)[0]
    # 25 cells, each hit with probability 1/25: deviation sqrt(p (1 - p) / N) = 0.0014.
    assert (moved - 1 / 25).abs().max() < 5 * 0.0014


@pytest.mark.parametrize(
    "change",
    [
        RandomShift(2),
        RandomAffine(10, (0.9, 1.1), 0.1, 5),
        HorizontalFlip(),
        Chained((HorizontalFlip(), RandomShift(1))),
    ],
)
def test_changes_are_functions_of_batch_and_generator(change):
    before = batch()
    kept = before.x.clone()
    first, again, other = (change(before, seeded(seed)).x for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before.x, kept), "the batch was written to"
    assert first.dtype == torch.uint8
    assert first.shape == kept.shape


def test_no_change_is_the_identity():
    before = batch(channels=3)
    for change in (RandomShift(0), RandomAffine(), Chained(())):
        assert torch.equal(change(before, seeded()).x, before.x)


def test_flip_mirrors_about_half_of_the_images():
    before = batch(num=1000)
    after = HorizontalFlip()(before, seeded()).x
    same = (after == before.x).flatten(1).all(1)
    mirrored = (after == before.x.flip(-1)).flatten(1).all(1)
    assert bool((same ^ mirrored).all())
    assert abs(int(mirrored.sum()) - 500) < 5 * math.sqrt(250)


@pytest.mark.parametrize(("height", "width"), [(24, 24), (20, 32)])
@pytest.mark.parametrize("seed", range(4))
def test_affine_is_pils_transform_by_the_same_matrix(height, width, seed):
    ramp = np.add.outer(np.arange(height) * 4.0, np.arange(width) * 3.0).astype(np.float32)
    x = torch.from_numpy(ramp)[None, None]
    change = RandomAffine(degrees=30, scale=(0.7, 1.3), shift=0.1, shear=20)
    moved = change(Labelled(x, x), seeded(seed)).x[0, 0].numpy()

    # The same draws, and from them the forward map p -> s R K p + t, written out and inverted by numpy.
    angle, scale, shear, *shift = (torch.rand(5, 1, generator=seeded(seed)) * 2 - 1).flatten().tolist()
    angle, scale, shear = math.radians(30 * angle), 1 + 0.3 * scale, math.tan(math.radians(20 * shear))
    R = np.array(((math.cos(angle), -math.sin(angle)), (math.sin(angle), math.cos(angle))))
    A = scale * R @ np.array(((1, shear), (0, 1)))
    t = np.array((0.1 * shift[0] * width, 0.1 * shift[1] * height))
    inverse = np.linalg.inv(A)
    centre = np.array((width, height)) / 2
    offset = centre - inverse @ (centre + t)  # PIL: the source, in pixels from the corner, of every place
    matrix = (*inverse[0], offset[0], *inverse[1], offset[1])
    expected = np.asarray(
        Image.fromarray(ramp).transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    )
    whole = np.asarray(
        Image.fromarray(np.ones_like(ramp)).transform(
            (width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
        )
    )
    # Judged where source pixels lie on all four sides: outside, the two fill differently.
    rows, columns = np.mgrid[:height, :width] + 0.5
    source = inverse @ np.stack((columns.ravel(), rows.ravel())) + offset[:, None]
    inside = ((source > 1) & (source < np.array((width, height))[:, None] - 1)).all(0).reshape(height, width)
    assert inside.mean() > 0.3
    assert (whole[inside] == 1).all()
    np.testing.assert_allclose(moved[inside], expected[inside], atol=0.51)  # ours is rounded to whole grey values


@pytest.mark.parametrize(
    ("change", "shape", "limit"),
    [
        (RandomShift(2), (128, 1, 28, 28), 0.5e-3),
        (Chained((RandomShift(4), HorizontalFlip())), (256, 3, 32, 32), 1.5e-3),
    ],
)
def test_shifts_and_mirror_images_are_fast(change, shape, limit):
    images = Labelled(torch.zeros(shape, dtype=torch.uint8), torch.zeros(shape[0]))
    generator, times = seeded(), []
    for _ in range(200):
        start = time.thread_time()
        change(images, generator)
        times.append(time.thread_time() - start)
    assert sorted(times)[50] < limit
