"""The portraits, against the archive's own files."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from neurarium.data.sources import open_labelled
from neurarium.train.recipe import UserError


@pytest.fixture(autouse=True)
def _home(data_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURARIUM_DATA", str(data_home))


def unpacked(home: Path, person: int, number: int) -> np.ndarray:
    """(112, 92): the bytes behind the header "P5 92 112 255"."""
    archive = home / "orl-faces" / "att_faces.tar.gz"
    command = ["tar", "xzOf", str(archive), f"att_faces/s{person}/{number}.pgm"]
    content = subprocess.run(command, check=True, capture_output=True).stdout
    assert content.split(maxsplit=4)[:4] == [b"P5", b"92", b"112", b"255"]
    return np.frombuffer(content[-112 * 92 :], dtype=np.uint8).reshape(112, 92)


def test_the_set_is_whole_and_split_by_number(data_home: Path) -> None:
    data: Any = open_labelled("faces", batch_size=40)
    assert data.spec.shape == (1, 112, 92)
    assert data.spec.sizes == {"train": 266, "validation": 38, "test": 76}
    assert data.spec.classes == tuple(f"s{person}" for person in range(3, 41))
    for split, each in (("train", 7), ("validation", 1), ("test", 2)):
        assert data.items(split).y.bincount().tolist() == [each] * 38
        assert data.items(split).x.dtype == torch.uint8
    for split, item, person, number in (
        ("train", 0, 3, 1), ("train", 265, 40, 7), ("validation", 14, 17, 8), ("test", 0, 3, 9), ("test", 75, 40, 10)
    ):  # fmt: skip
        x, y = (field[item] for field in data.items(split))
        assert data.spec.classes[y] == f"s{person}"
        np.testing.assert_array_equal(x[0], unpacked(data_home, person, number))
    assert data.audit() == []


def test_validation_of_another_size_leaves_the_test_alone() -> None:
    usual: Any = open_labelled("faces", batch_size=40)
    without: Any = open_labelled("faces", batch_size=40, validation=0)
    assert without.spec.sizes == {"train": 304, "test": 76}
    assert torch.equal(without.items("train").x[:266], usual.items("train").x)
    assert torch.equal(without.items("train").x[266:], usual.items("validation").x)
    assert torch.equal(without.items("test").x, usual.items("test").x)
    with pytest.raises(UserError, match=r"faces has 304 items .* received validation=304. Choose 0 to 303"):
        open_labelled("faces", batch_size=40, validation=304)


def test_squares_are_cut_from_the_middle_not_stretched() -> None:
    whole: Any = open_labelled("faces", batch_size=40)
    square: Any = open_labelled("faces", batch_size=40, image_size=92)
    assert torch.equal(square.items("test").x, whole.items("test").x[:, :, 10:102])
    small: Any = open_labelled("faces", batch_size=40, image_size=46)
    assert small.spec.shape == (1, 46, 46)
    portrait = Image.fromarray(square.items("test").x[5, 0].numpy()).resize((46, 46), Image.Resampling.BILINEAR)
    assert np.abs(small.items("test").x[5, 0].numpy().astype(int) - np.asarray(portrait)).max() <= 1


def test_a_few_of_them() -> None:
    data: Any = open_labelled("faces:76", batch_size=40)
    assert data.spec.sizes == {"train": 76, "validation": 38, "test": 76}
    assert data.items("train").y.bincount(minlength=38).tolist() == [2] * 38
