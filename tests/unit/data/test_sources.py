"""The built-in sets, against their published facts and against scikit-learn."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.neighbors import KNeighborsClassifier

from neurarium.data.labels import one_hot
from neurarium.data.points import POINT_SETS, draw
from neurarium.data.sources import BUILT_IN, FASHION_NAMES, open_labelled
from neurarium.train.data import Shard
from neurarium.train.recipe import UserError


@pytest.fixture(autouse=True)
def _home(monkeypatch, request):
    if "data_home" in request.fixturenames:
        monkeypatch.setenv("NEURARIUM_DATA", str(request.getfixturevalue("data_home")))


@pytest.mark.catalogue("mnist")
def test_mnist_is_whole(data_home):
    data = open_labelled("mnist", batch_size=128, validation=0)
    assert data.splits == ("train", "test")
    assert data.spec.sizes == {"train": 60_000, "test": 10_000}
    assert data.spec.shape == (1, 28, 28)  # one channel: grey
    assert data.spec.classes == tuple("0123456789")
    train, test = data.items("train"), data.items("test")
    assert train.x.shape == (60_000, 1, 28, 28)
    assert test.x.shape == (10_000, 1, 28, 28)
    assert train.x.dtype == test.x.dtype == torch.uint8
    assert train.y.unique().tolist() == test.y.unique().tolist() == list(range(10))
    # How many of each digit there are, as published, and the first labels of the two files.
    assert train.y.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert test.y.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert train.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.y[:5].tolist() == [7, 2, 1, 0, 4]
    # The mean and deviation that the field quotes.
    assert round(data.spec.fitted["mean"][0], 4) == 0.1307
    assert round(data.spec.fitted["std"][0], 4) == 0.3081


def test_mnist_validation_is_the_end_of_the_training_files(data_home):
    whole = open_labelled("mnist", batch_size=1, validation=0).items("train")
    data = open_labelled("mnist", batch_size=1)
    assert data.spec.sizes == {"train": 55_000, "validation": 5_000, "test": 10_000}
    assert torch.equal(data.items("train").x, whole.x[:55_000])
    assert torch.equal(data.items("validation").x, whole.x[55_000:])
    assert torch.equal(data.items("validation").y, whole.y[55_000:])


def test_mnist_passes_its_audit_within_a_second(data_home):
    data = open_labelled("mnist", batch_size=128)
    start = time.process_time()
    findings = data.audit()
    assert time.process_time() - start < 1
    assert findings == []


def test_fashion_mnist_has_its_names(data_home):
    data = open_labelled("fashion-mnist", batch_size=128)
    assert data.spec.classes == FASHION_NAMES
    assert data.spec.sizes == {"train": 55_000, "validation": 5_000, "test": 10_000}
    assert data.items("test").y.bincount().tolist() == [1000] * 10
    assert data.items("train").y[0] == FASHION_NAMES.index("Ankle boot")


def test_digits_are_scikit_learns():
    data = open_labelled("digits", batch_size=32)
    assert data.spec.shape == (1, 8, 8)
    assert sum(data.spec.sizes.values()) == 1797
    assert data.spec.sizes["test"] == 450
    x = torch.cat([data.items(split).x for split in data.splits])
    bunch = load_digits()
    expected = np.rint(bunch.images * 255 / 16).astype(np.uint8).reshape(1797, -1)
    assert sorted(map(bytes, x.numpy().reshape(1797, -1))) == sorted(map(bytes, expected))
    pixels = {bytes(row): label for row, label in zip(expected, bunch.target, strict=True)}
    for split in data.splits:
        items = data.items(split)
        rows = items.x.numpy().reshape(len(items.x), -1)
        assert [pixels[bytes(row)] for row in rows] == items.y.tolist()
        share = len(items.y) / 1797
        assert all(abs(n - share * m) < 2 for n, m in zip(items.y.bincount(), np.bincount(bunch.target), strict=True))


def test_digits_test_images_do_not_depend_on_validation():
    fewer = open_labelled("digits", batch_size=1, validation=0)
    assert fewer.splits == ("train", "test")
    assert torch.equal(fewer.items("test").x, open_labelled("digits", batch_size=1).items("test").x)


def test_mean_and_std_are_those_of_training_pixels_on_the_unit_scale():
    data = open_labelled("digits", batch_size=1, channels=3)
    pixels = data.items("train").x.double().numpy() / 255
    np.testing.assert_allclose(data.spec.fitted["mean"], pixels.mean((0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(data.spec.fitted["std"], pixels.std((0, 2, 3)), rtol=1e-12)


@pytest.mark.catalogue("one-hot-label")
def test_a_digit_as_a_unit_vector_has_ten_entries():
    data = open_labelled("digits", batch_size=64)
    batch = next(data.stream(None, seed=0, shard=Shard()))
    vectors = one_hot(batch.y, len(data.spec.classes))
    assert vectors.shape == (64, 10)
    assert torch.equal(vectors, torch.eye(10)[batch.y])
    assert vectors.norm(dim=1).tolist() == [1.0] * 64


def test_images_are_resized_and_coloured_on_request():
    data = open_labelled("digits", batch_size=4, image_size=32, channels=3)
    assert data.spec.shape == (3, 32, 32)
    x = data.items("train").x
    assert x.dtype == torch.uint8
    assert torch.equal(x[:, 0], x[:, 2])


@pytest.mark.parametrize("name", sorted(POINT_SETS))
def test_points_can_be_learned_and_come_from_the_seed(name):
    data = open_labelled(name, batch_size=10, seed=3)
    train, test = data.items("train"), data.items("test")
    assert train.x.dtype == torch.float32
    assert data.spec.sizes == {"train": 1000, "validation": 500, "test": 1000}
    counts = train.y.bincount()
    assert name in ("and", "or") or counts.max() - counts.min() <= 1
    judge = KNeighborsClassifier(5).fit(train.x.numpy(), train.y.numpy())
    assert accuracy_score(test.y.numpy(), judge.predict(test.x.numpy())) > 0.95
    again, other = open_labelled(name, batch_size=10, seed=3), open_labelled(name, batch_size=10, seed=4)
    assert torch.equal(train.x, again.items("train").x)
    assert not torch.equal(train.x, other.items("train").x)
    np.testing.assert_allclose(data.spec.fitted["mean"], train.x.double().mean(0), atol=1e-6)
    np.testing.assert_allclose(data.spec.fitted["std"], train.x.double().std(0, correction=0), atol=1e-6)


def test_points_follow_their_formulas():
    x, y = draw("xor", 2000, seed=0, part=0)
    assert ((x[:, 0] * x[:, 1] < 0) == (y == 1)).all()
    x, y = draw("rings", 2000, seed=0, part=0)
    radius = np.hypot(x[:, 0], x[:, 1])
    assert abs(radius[y == 0].mean() - 1) < 0.01
    assert abs(radius[y == 1].mean() - 0.5) < 0.01
    x, y = draw("spirals", 2000, seed=0, part=0)
    r, t = np.hypot(x[:, 0], x[:, 1]), np.arctan2(x[:, 1], x[:, 0])
    off = np.angle(np.exp(1j * (t - 3 * np.pi * r - np.pi * y)))
    assert np.abs(off * r).mean() < 0.2  # noise 0.02 moves the angle by noise / r, and by 3 pi noise through r
    x, y = draw("blobs", 3000, seed=0, part=0)
    for label, degrees in enumerate((90, 210, 330)):
        centre = 1.5 * np.array((np.cos(np.radians(degrees)), np.sin(np.radians(degrees))))
        np.testing.assert_allclose(x[y == label].mean(0), centre, atol=0.06)
    x, y = draw("moons", 2000, seed=0, part=0)
    on_circle = np.where(y == 0, np.hypot(x[:, 0], x[:, 1]), np.hypot(1 - x[:, 0], 0.5 - x[:, 1]))
    assert np.abs(on_circle - 1).mean() < 0.12


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_set_gives_batches(name, request, monkeypatch):
    if name in ("mnist", "fashion-mnist", "stacked-mnist", "cifar10", "faces"):
        monkeypatch.setenv("NEURARIUM_DATA", str(request.getfixturevalue("data_home")))
    data = open_labelled(name, batch_size=7)
    batch = next(data.stream(None, seed=0, shard=Shard()))
    assert batch.x.shape == (7, *data.spec.shape)
    assert batch.y.dtype == (torch.int64 if data.spec.classes else torch.float32)
    assert {finding.severity for finding in data.audit()} <= {"warning", "note"}


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("mnits", {}, r"'mnits' is neither.*Did you mean 'mnist'"),
        ("nowhere/at/all.csv", {}, "the path of a folder of images or of a table"),
        ("moons", {"image_size": 8}, "moons is points, where image_size would be ignored. Leave image_size out"),
        ("digits", {"target": "y"}, "target would be ignored"),
        ("digits", {"validation": 1347}, r"1347 items .* received validation=1347. Choose 0 to 1346"),
        ("digits", {"channels": 2}, "channels=2. Choose 1 or 3"),
        ("blobs", {"validation": -1}, "validation of at least 0"),
        ("xor", {"batch_size": 0}, "at least 1, received 0"),
    ],
)
def test_what_cannot_be_is_refused(name, settings, message):
    with pytest.raises(UserError, match=message):
        open_labelled(name, **{"batch_size": 8, **settings})


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(UserError, match=r"notes.txt: expected a folder of images by class, or a file ending in \.csv"):
        open_labelled(str(path), batch_size=1)
    with pytest.raises(UserError, match=r"Did you mean 'notes.txt'\?"):
        open_labelled(str(tmp_path / "note.txt"), batch_size=1)
