"""Two domains that share no image."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from neurarium.data.domains import DOMAINS, edges, negative, open_domains
from neurarium.data.sources import open_labelled
from neurarium.train.data import Shard
from neurarium.train.recipe import UserError


def rows(images: Tensor) -> set[bytes]:
    return {bytes(image.numpy().tobytes()) for image in images}


@pytest.mark.catalogue("coupled-gan")
@pytest.mark.parametrize("other", DOMAINS)
def test_no_image_is_seen_in_both_domains(other: str) -> None:
    """Only samples of each domain alone, never pairs: batches are of different items."""
    data, whole = open_domains("digits", other, batch_size=64), open_labelled("digits", batch_size=64)
    items: Any = data.items("train")
    all_items: Any = whole.items("train")  # type: ignore[attr-defined]
    assert len(items.x) == len(items.other) == len(all_items.x) // 2 == data.spec.sizes["train"]
    first, second = rows(DOMAINS[other](items.x)), rows(items.other)
    assert not first & second
    assert first | second <= rows(DOMAINS[other](all_items.x))
    stream: Any = data.stream(None, seed=0, shard=Shard())  # type: ignore[arg-type]
    batch = next(stream)
    assert not rows(DOMAINS[other](batch.x)) & rows(batch.other)


def test_labels_are_those_of_the_first_domain_alone() -> None:
    data, whole = open_domains("digits", "negative", batch_size=64), open_labelled("digits", batch_size=64)
    items: Any = data.items("train")
    known = {bytes(x.numpy().tobytes()): int(y) for x, y in zip(*whole.items("train"), strict=True)}  # type: ignore[attr-defined]
    assert [known[bytes(x.numpy().tobytes())] for x in items.x] == items.y.tolist()
    others = torch.tensor([known[bytes(negative(x).numpy().tobytes())] for x in items.other])
    # Of ten classes in even shares a tenth are the same by chance.
    assert float((others == items.y).float().mean()) < 0.2


def test_held_out_images_are_there_in_both_domains() -> None:
    for split in ("validation", "test"):
        items: Any = open_domains("digits", "edges", batch_size=64).items(split)
        assert torch.equal(items.other, edges(items.x))


def test_outline_and_negative_against_loops() -> None:
    image = torch.randint(0, 256, (1, 1, 5, 6), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    found = edges(image)
    assert found.dtype == torch.uint8
    for i in range(5):
        for j in range(6):
            near = image[0, 0, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
            assert int(found[0, 0, i, j]) == int(near.max()) - int(image[0, 0, i, j])
    assert torch.equal(negative(image), 255 - image)
    torch.testing.assert_close(edges(image.float() / 255), found.float() / 255)
    torch.testing.assert_close(negative(image.float() / 255), negative(image).float() / 255)


def test_points_have_no_domains() -> None:
    with pytest.raises(UserError, match=r"cut into two domains, and moons are none"):
        open_domains("moons", "edges", batch_size=8)
