"""Pixels of 0 and 1: which, how often, and when they are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from neurarium.data.binarised import binarised
from neurarium.data.memory import InMemory, Order
from neurarium.data.sources import open_labelled
from neurarium.train.data import Shard
from neurarium.train.recipe import UserError

BATCH, EPOCHS = 359, 3  # three steps are one pass over the 1,077 training images


def grey() -> InMemory:
    data = open_labelled("digits", batch_size=BATCH)
    assert isinstance(data, InMemory)
    return data


def opened(protocol: Any, seed: int = 0) -> InMemory:
    return binarised(grey(), protocol, batch_size=BATCH, name="digits", seed=seed)


def epochs(data: InMemory, seed: int = 3) -> Tensor:
    """What training shows in each epoch, in the order of the items: (epochs, 1077, 1, 8, 8)."""
    stream, order = data.stream(None, seed=seed, shard=Shard()), Order(1077, BATCH, seed=seed)  # type: ignore[arg-type]
    shown = torch.empty(EPOCHS, 1077, 1, 8, 8, dtype=torch.uint8)
    for step in range(3 * EPOCHS):
        shown[step // 3, order.batch(step)] = next(stream)[0]
    return shown


def test_static_images_are_the_same_in_every_epoch() -> None:
    data = opened("static")
    shown = epochs(data)
    assert torch.equal(shown[0], data.items("train")[0])
    assert torch.equal(shown, shown[:1].expand_as(shown))
    assert torch.equal(epochs(opened("static"), seed=4), shown)  # the run's seed does not draw them
    assert data.spec.fitted["binarisation"] == "static"
    assert not torch.equal(opened("static", seed=1).items("train")[0], shown[0])


def test_dynamic_images_are_drawn_anew_in_training_alone() -> None:
    data = opened("dynamic")
    shown = epochs(data).float() / 255
    before = grey().items("train")[0].float() / 255
    sure = (before == 0) | (before == 1)
    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert torch.equal(shown[one][sure], shown[other][sure])
        differ = (shown[one] != shown[other])[~sure].float().mean()
        assert float(differ) == pytest.approx(float((2 * before * (1 - before))[~sure].mean()), abs=0.01)
    assert torch.equal(epochs(opened("dynamic")), epochs(data))  # a function of the run's seed
    assert data.spec.fitted["binarisation"] == "dynamic"
    for split in ("validation", "test"):  # the same images as of the static protocol
        assert torch.equal(data.items(split)[0], opened("static").items(split)[0])


@pytest.mark.parametrize("protocol", ["static", "dynamic"])
def test_a_pixel_is_white_with_the_probability_of_its_grey(protocol: Any) -> None:
    before, shown = grey().items("train")[0], epochs(opened(protocol))
    assert set(shown.unique().tolist()) == {0, 255}
    for value in before.unique().tolist():
        drawn = (shown[0][before == value] == 255).double()
        share, deviation = value / 255, max(1e-9, np.sqrt(value / 255 * (1 - value / 255) / len(drawn)))
        assert abs(float(drawn.mean()) - share) < 4 * deviation


def test_labels_and_other_fields_stay() -> None:
    for split in ("train", "validation", "test"):
        assert torch.equal(opened("static").items(split)[1], grey().items(split)[1])


def test_the_draw_belongs_to_the_item_wherever_it_is_cut() -> None:
    whole = opened("static")
    few = binarised(open_labelled("digits:50", batch_size=50), "static", batch_size=50)
    places = np.searchsorted(whole.rows["train"], few.rows["train"])
    assert torch.equal(few.items("train")[0], whole.items("train")[0][places])
    fold = whole.fold(1, 5)
    assert fold.spec.fitted["binarisation"] == "static"
    there = {int(row): image for row, image in zip(whole.rows["train"], whole.items("train")[0], strict=True)}
    there |= {
        int(row): image for row, image in zip(whole.rows["validation"], whole.items("validation")[0], strict=True)
    }
    for split in ("train", "validation"):
        images = fold.items(split)[0]
        assert all(torch.equal(there[int(r)], image) for r, image in zip(fold.rows[split], images, strict=True))


def test_points_are_refused() -> None:
    with pytest.raises(UserError, match=r"binarised, and moons are none. Use --binarisation none"):
        binarised(open_labelled("moons", batch_size=8), "static", batch_size=8, name="moons")
