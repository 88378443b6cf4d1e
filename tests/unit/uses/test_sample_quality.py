"""Samples of a run beside real images, in features that are handed in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from neurarium import api
from neurarium.data.sources import open_labelled
from neurarium.recipes.find import fill, find
from neurarium.tasks.generation_measures import frechet_distance, spectral_distance
from neurarium.tasks.neighbours import copied_share, precision_recall
from neurarium.train import launch
from neurarium.train.recipe import UserError
from neurarium.train.settings import Settings
from neurarium.uses.sample_quality import features_of, sample_quality
from tests.recipes.test_every_recipe import Quiet


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    for name, knobs in (("rbm", {"hidden_size": 16, "binarisation": "threshold"}), ("lenet5", {})):
        settings = Settings(runs=str(runs), threads=1, precision="float32", compile="off", evaluations=1)
        launch.train(fill(find(name), {"epochs": 1.0, **knobs}), settings, Quiet())
    return runs


def run(folder: Path, name: str) -> api.Trained:
    return api.open_run(next(folder.glob(f"{name}-*")))


def pixels(images: Tensor) -> Tensor:
    return images.flatten(1)


def test_rows_are_the_measures_of_the_same_images(folder: Path) -> None:
    trained = run(folder, "rbm")
    found = sample_quality(trained, pixels, count=450)
    task: Any = trained.load()
    data: Any = open_labelled("digits", batch_size=1)
    training, test = (data.items(split).x.float() / 255 for split in ("train", "test"))
    samples = task.sample(450)
    assert list(found) == ["samples", "training images"]
    row = found["samples"]
    assert row["frechet_distance"] == pytest.approx(frechet_distance(pixels(test), pixels(samples)), rel=1e-6)
    assert row["copied"] == copied_share(pixels(samples), pixels(training), pixels(test))
    expected = precision_recall(pixels(test), pixels(samples))
    assert (row["precision"], row["recall"]) == pytest.approx((expected["precision"], expected["recall"]))
    assert row["spectral_distance"] == pytest.approx(spectral_distance(test, samples))


def test_training_images_are_what_a_perfect_generator_gives_but_copied(folder: Path) -> None:
    found = sample_quality(run(folder, "rbm"), pixels)
    real, samples = found["training images"], found["samples"]
    assert real["copied"] == 1
    assert samples["copied"] < 0.1
    assert real["frechet_distance"] < 0.2 * samples["frechet_distance"]
    assert real["precision"] > 0.9
    assert real["recall"] > 0.9 > samples["recall"]
    assert real["coverage"] > 0.9 > samples["coverage"]
    assert real["spectral_distance"] < samples["spectral_distance"]
    assert sample_quality(run(folder, "rbm"), pixels, data=open_labelled("digits", batch_size=7)) == found
    fewer = open_labelled("digits:300", batch_size=7)
    assert sample_quality(run(folder, "rbm"), pixels, data=fewer)["samples"] != found["samples"]


def test_features_are_those_before_the_last_layer_of_a_classifier(folder: Path) -> None:
    trained = run(folder, "lenet5")
    features = features_of(trained)
    images = torch.rand(3, 1, 8, 8)
    assert torch.equal(features(images), trained.load().embed(images))  # type: ignore[operator]
    assert set(sample_quality(run(folder, "rbm"), features, count=100)) == {"samples", "training images"}
    with pytest.raises(UserError, match=r"did not learn classes of images"):
        features_of(run(folder, "rbm"))
    with pytest.raises(UserError, match=r"does not make images: its system is lenet5"):
        sample_quality(trained, features)
