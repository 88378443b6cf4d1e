"""Scale, crop, resize and greyscale, judged by PIL and numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from neurarium.data.images import (
    center_crop,
    channel_statistics,
    grey,
    resize,
    standardize,
    to_uint8,
    to_unit,
    with_channels,
)
from neurarium.train.recipe import UserError

random = np.random.default_rng(0)


def photo(height: int = 40, width: int = 30) -> np.ndarray:
    """(H, W, 3) uint8, smooth with noise, as photographs are."""
    rows, columns = np.mgrid[:height, :width]
    smooth = np.stack((rows * 255 / height, columns * 255 / width, 128 + 100 * np.sin(rows / 5)), axis=-1)
    return np.clip(smooth + random.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)


@pytest.mark.catalogue("normalization-and-crops")
def test_scale():
    x = torch.arange(256, dtype=torch.uint8)
    np.testing.assert_array_equal(to_unit(x).numpy(), np.arange(256, dtype=np.float32) / np.float32(255))
    assert torch.equal(to_uint8(to_unit(x)), x)
    assert to_uint8(torch.tensor([-1.0, 0.0, 0.5, 1.0, 2.0])).tolist() == [0, 0, 128, 255, 255]
    images = torch.randint(0, 256, (10, 3, 8, 8), dtype=torch.uint8)
    mean, std = channel_statistics(images)
    pixels = images.double().numpy() / 255
    np.testing.assert_allclose(mean, pixels.mean((0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(std, pixels.std((0, 2, 3)), rtol=1e-12)
    z = standardize(images, torch.tensor(mean), torch.tensor(std))
    torch.testing.assert_close(z.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(z.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5, rtol=0)


def test_constant_channel_can_be_divided_by():
    mean, std = channel_statistics(torch.full((4, 1, 3, 3), 51, dtype=torch.uint8))
    assert mean == pytest.approx([0.2])
    assert std == [1.0]


@pytest.mark.catalogue("normalization-and-crops")
@given(st.integers(1, 40), st.integers(1, 30))
def test_crop_is_pils(height, width):
    image = photo()
    left, top = (30 - width) // 2, (40 - height) // 2
    expected = np.asarray(Image.fromarray(image).crop((left, top, left + width, top + height)))
    assert np.array_equal(center_crop(tensor(image), height, width).permute(1, 2, 0).numpy(), expected)


def test_crop_larger_than_the_image():
    with pytest.raises(UserError, match="crop of 41 x 3 needs an image at least as large; received 40 x 30"):
        center_crop(tensor(photo()), 41, 3)


@pytest.mark.catalogue("normalization-and-crops")
@pytest.mark.parametrize("size", [(20, 15), (7, 9), (40, 30), (64, 64), (10, 60)])
def test_resize_is_pils_to_one_grey_value(size):
    image = photo()
    expected = np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR)).astype(int)
    found = resize(tensor(image)[None], *size)
    assert found.dtype == torch.uint8
    assert np.abs(found[0].permute(1, 2, 0).numpy() - expected).max() <= 1


@pytest.mark.catalogue("normalization-and-crops")
def test_greyscale_is_pils_to_one_grey_value():
    image = photo()
    expected = np.asarray(Image.fromarray(image).convert("L")).astype(int)
    found = grey(tensor(image))
    assert found.shape == (1, 40, 30)
    assert np.abs(found[0].numpy() - expected).max() <= 1
    assert torch.equal(with_channels(tensor(image)[None], 1)[0], found)
    assert torch.equal(with_channels(found, 3), found.expand(3, 40, 30))
    assert torch.equal(with_channels(tensor(image), 3), tensor(image))
    assert torch.equal(grey(found), found)


@pytest.mark.catalogue("normalization-and-crops")
def test_a_game_screen_as_it_is_given_to_dqn():
    """Greyscale, 110 x 84, and the middle 84 x 84 (Mnih et al. 2013), each step as PIL does it."""
    screen = photo(210, 160)
    shrunk = Image.fromarray(screen).convert("L").resize((84, 110), Image.Resampling.BILINEAR)
    expected = np.asarray(shrunk.crop((0, 13, 84, 97))).astype(int)
    found = center_crop(resize(grey(tensor(screen))[None], 110, 84), 84, 84)
    assert found.shape == (1, 1, 84, 84)
    assert found.dtype == torch.uint8
    assert np.abs(found[0, 0].numpy() - expected).max() <= 1
    unit = to_unit(found)
    assert unit.min() >= 0
    assert unit.max() <= 1
