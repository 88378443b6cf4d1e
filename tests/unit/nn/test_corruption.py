"""Damage to images, counted and compared with loops."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from neurarium.nn.corruption import AdditiveNoise, MaskingNoise, SaltAndPepper, Watermark

X = torch.rand((5, 3, 12, 16), generator=torch.Generator().manual_seed(1)) * 0.8 + 0.1
ALL = [MaskingNoise(0.3), SaltAndPepper(0.3), AdditiveNoise(0.2), Watermark()]
BY_NAME = pytest.mark.parametrize("corrupt", ALL, ids=lambda corrupt: type(corrupt).__name__)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@BY_NAME
def test_draws_come_from_the_generator_and_the_input_stays(corrupt: Any) -> None:
    before = X.clone()
    spoiled = corrupt(X, seeded())
    assert torch.equal(X, before)
    assert torch.equal(spoiled, corrupt(X, seeded()))
    assert not torch.equal(spoiled, corrupt(X, seeded(1)))
    torch.manual_seed(3)
    free = corrupt(X)
    assert not torch.equal(free, corrupt(X))
    torch.manual_seed(3)
    assert torch.equal(free, corrupt(X))


@BY_NAME
def test_items_do_not_see_each_other(corrupt: Any) -> None:
    other = X.clone()
    other[1:] = 1 - other[1:]
    assert torch.equal(corrupt(X, seeded())[0], corrupt(other, seeded())[0])


@pytest.mark.catalogue("denoising-autoencoder")
def test_masking_sets_the_same_number_of_values_of_each_item_to_zero() -> None:
    spoiled = MaskingNoise(0.25)(X, seeded())
    changed = spoiled != X
    assert changed.flatten(1).sum(1).tolist() == [round(0.25 * 3 * 12 * 16)] * 5
    assert (spoiled[changed] == 0).all()
    flat = MaskingNoise(0.5)(torch.ones(4, 10), seeded())  # vectors too
    assert flat.sum(1).tolist() == [5, 5, 5, 5]


def test_every_value_is_masked_equally_often() -> None:
    masked = (MaskingNoise(0.3)(torch.ones(4000, 10), seeded()) == 0).float().mean(0)
    # A share of 0.3 in 4,000 draws has the deviation 0.0072.
    assert masked.tolist() == pytest.approx([0.3] * 10, abs=4 * 0.0072)


def test_salt_and_pepper_are_equally_many() -> None:
    spoiled = SaltAndPepper(0.4)(torch.full((50, 1000), 0.5), seeded())
    assert (spoiled != 0.5).sum(1).tolist() == [400] * 50
    assert set(spoiled.unique().tolist()) == {0.0, 0.5, 1.0}
    assert float((spoiled == 1).sum()) == pytest.approx(10_000, abs=4 * 71)


@pytest.mark.catalogue("denoising-autoencoder")
def test_additive_noise_has_its_deviation_and_is_not_cut_off() -> None:
    noise = AdditiveNoise(0.5)(torch.zeros(100, 100), seeded())
    assert float(noise.mean()) == pytest.approx(0, abs=0.02)
    assert float(noise.std()) == pytest.approx(0.5, abs=0.02)
    assert noise.min() < -1


@pytest.mark.catalogue("watermark-removal-autoencoder")
def test_watermark_brightens_its_letters_alone() -> None:
    mark = Watermark(width=0.75, opacity=0.6)
    mask = mark.mask(X, seeded())
    assert mask.shape == (5, 1, 12, 16)
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    for image, spoiled, place in zip(X, mark(X, seeded()), mask, strict=True):
        for channel in range(3):
            for row in range(12):
                for column in range(16):
                    old = float(image[channel, row, column])
                    new = old + 0.6 * (1 - old) if place[0, row, column] else old
                    assert float(spoiled[channel, row, column]) == pytest.approx(new, abs=1e-6)


def test_watermark_lies_whole_inside_at_places_that_differ() -> None:
    x = torch.zeros(300, 1, 9, 20)
    mask = Watermark(width=0.75).mask(x, seeded())[:, 0]  # the word has 15 x 5 pixels
    assert len({int(count) for count in mask.sum((1, 2))}) == 1
    corners = {(int(m.any(1).nonzero()[0]), int(m.any(0).nonzero()[0])) for m in mask}
    assert corners == {(row, column) for row in range(5) for column in range(6)}
    word = mask[0][mask[0].any(1)][:, mask[0].any(0).nonzero()[0] :][:, :15]
    assert next("".join(".#"[int(v)] for v in line) for line in word) == "###.###.###.#.#"
    tiny = Watermark(width=1.0).mask(torch.zeros(2, 1, 1, 2), seeded())
    assert tiny.shape == (2, 1, 1, 2)


def test_bad_settings_and_shapes_are_refused() -> None:
    for build in (MaskingNoise, SaltAndPepper, Watermark):
        with pytest.raises(ValueError, match=r"shares in 0\.\.1, received 1\.5"):
            build(1.5)
    with pytest.raises(ValueError, match=r"images \(B, C, H, W\), received \(2, 3\)"):
        Watermark()(torch.zeros(2, 3))
