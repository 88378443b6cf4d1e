"""What codes and reconstruction errors are good for, on real data: outliers, clusters, few labels, search, films."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from torch import Tensor, nn
from torch.optim import AdamW

from neurarium.data.signals import open_signals
from neurarium.networks.autoencoder import DenseAutoencoder
from neurarium.nn.inputs import ImageInput, VectorInput
from neurarium.recipes.rating_autoencoder import RatingAutoencoder
from neurarium.tasks.autoencoder import Autoencoder
from neurarium.train.batches import Unlabelled
from neurarium.train.data import Shard
from neurarium.train.descent import Descent
from neurarium.train.hardware import FastPath
from neurarium.train.schedules import one_cycle
from neurarium.train.settings import Settings
from neurarium.train.stepper import Stepper
from neurarium.train.training import build
from tests.oracles.learned_autoencoders import gathered, items, learned

TESTED = 1500


@cache
def contractive() -> Autoencoder:
    """The recipe with 128 sigmoids on 5,000 images of MNIST; it never sees a label."""
    return learned("contractive-autoencoder", data="mnist:5000", epochs=12.0, weight=1.0)


def numbers(x: Tensor) -> np.ndarray:
    return x.flatten(1).float().numpy() / 255


@pytest.mark.catalogue("autoencoder-properties-test")
def test_data_specific_lossy_and_learned_from_examples(data_home: Path) -> None:
    task = contractive()
    digits, clothes = (items(name, "test")[0][:TESTED] for name in ("mnist", "fashion-mnist"))
    own, other = (float(task.reconstruction_errors(x).mean()) for x in (digits, clothes))
    # The clothes are brighter, so each error is also taken by the variance of its images.
    spread = [float((x.float() / 255).var(0).mean()) for x in (digits, clothes)]
    assert other > 3 * own
    assert other / spread[1] > 2 * own / spread[0]
    assert own > 0.01  # lossy: the output is degraded
    untrained = learned("contractive-autoencoder", data="mnist:5000", epochs=1e-3, weight=1.0)
    assert own < 0.3 * float(untrained.reconstruction_errors(digits).mean())


@pytest.mark.catalogue("autoencoder-clustering")
def test_clusters_of_codes_are_purer_than_those_of_pixels(data_home: Path) -> None:
    x, y = (field[:TESTED] for field in items("mnist", "test"))

    def purity(points: np.ndarray) -> float:
        """Share of images in clusters of their majority's digit; 20 clusters, mean of three starts."""
        found = [KMeans(20, n_init=2, random_state=seed).fit_predict(points) for seed in range(3)]
        most = [sum(np.bincount(y[clusters == k].numpy()).max() for k in range(20)) for clusters in found]
        return float(np.mean(most)) / len(y)

    ours, pixels = purity(contractive().encode(x).numpy()), purity(numbers(x))
    assert ours > pixels + 0.005, (ours, pixels)
    assert ours > 0.65


@pytest.mark.catalogue("autoencoder-features-for-classification")
def test_few_labels_say_more_on_codes_than_on_pixels(data_home: Path) -> None:
    x, y = (field[:5000] for field in items("mnist", "train"))
    tested, labels = (field[:TESTED] for field in items("mnist", "test"))

    def accuracies(train: np.ndarray, test: np.ndarray) -> tuple[float, float]:
        """Of the nearest neighbour and of a linear classifier with five labels of each digit; means of ten choices."""
        centre, unit = train.mean(0), np.sqrt(train.var(0).sum())
        train, test = (train - centre) / unit, (test - centre) / unit
        scores = []
        for seed in range(10):
            random = np.random.default_rng(seed)
            chosen = np.concatenate([random.permutation(np.flatnonzero(y == k))[:5] for k in range(10)])
            models = KNeighborsClassifier(1), LogisticRegression(C=10, max_iter=300)
            scores.append([model.fit(train[chosen], y[chosen]).score(test, labels) for model in models])
        nearest, linear = np.mean(scores, axis=0)
        return float(nearest), float(linear)

    task = contractive()
    ours = accuracies(task.encode(x).numpy(), task.encode(tested).numpy())
    pixels = accuracies(numbers(x), numbers(tested))
    assert ours[0] > pixels[0] + 0.03, (ours, pixels)
    assert ours[1] > pixels[1] + 0.01, (ours, pixels)


@pytest.mark.catalogue("autoencoder-information-retrieval")
def test_neighbours_in_code_space_share_the_label_more_often(data_home: Path) -> None:
    x, y = (field[:TESTED] for field in items("mnist", "test"))

    def precision(points: np.ndarray) -> float:
        """Share of the ten nearest that have the label of the image that was asked for."""
        near = NearestNeighbors(n_neighbors=11).fit(points).kneighbors(points, return_distance=False)[:, 1:]
        return float((y.numpy()[near] == y.numpy()[:, None]).mean())

    ours, pixels = precision(contractive().encode(x).numpy()), precision(numbers(x))
    assert ours > pixels + 0.015, (ours, pixels)


def learned_from(x: Tensor, inputs: nn.Module, *, code_size: int, steps: int, hidden: int = 64) -> Autoencoder:
    """An autoencoder of these items (N, ...), with batches drawn at random."""
    torch.manual_seed(0)
    network = DenseAutoencoder(shape=x.shape[1:], hidden=(hidden,), code_size=code_size)
    task = Autoencoder(
        encoder=network.encoder,
        decoder=network.decoder,
        inputs=inputs,
        descent=Descent(optimizer=partial(AdamW, lr=4e-3, weight_decay=0.0), schedule=one_cycle(steps)),
    )
    stepper = Stepper(task, [task], task.descent)
    for _ in range(steps):
        stepper.update(task.loss, Unlabelled(x[torch.randint(len(x), (64,))]))
    return task.eval()


@pytest.mark.catalogue("autoencoder-anomaly-detection", "image-anomaly-detection")
def test_digits_of_a_class_that_was_held_out_stand_out() -> None:
    (x, y), (tested, labels) = items("digits", "train"), items("digits", "test")
    areas = []
    for held in (0, 4, 6):
        inputs = ImageInput(channels=1, size=(8, 8), mean=[0.0], std=[1.0])
        task = learned_from(x[y != held], inputs, code_size=8, steps=500)
        areas.append(roc_auc_score(labels == held, task.reconstruction_errors(tested)))
    assert min(areas) > 0.9, areas


@pytest.mark.catalogue("autoencoder-anomaly-detection")
def test_heartbeats_that_are_not_normal_stand_out(data_home: Path) -> None:
    data = open_signals("ecg5000", batch_size=10)
    (x, y), (tested, labels) = gathered(data, "train"), gathered(data, "test")
    normal = x[y == 0].flatten(1)
    inputs = VectorInput(mean=[float(normal.mean())], std=[float(normal.std())])
    task = learned_from(normal, inputs, code_size=4, steps=300)
    area = roc_auc_score(labels != 0, task.reconstruction_errors(tested.flatten(1)))
    distance = roc_auc_score(labels != 0, (tested.flatten(1) - normal.mean(0)).square().mean(1))
    assert area > 0.98
    assert area > distance + 0.003, (area, distance)


@pytest.mark.catalogue("autoencoder-recommendation", "recommendation-system")
def test_held_out_ratings_of_films_beside_means(data_home: Path) -> None:
    recipe = RatingAutoencoder(epochs=4.0)
    data = recipe.open_data()
    training = build(recipe, data, Settings(threads=1), FastPath("cpu"), Shard())
    for _ in range(recipe.num_steps(data.spec)):
        training.task.step(training.stream, training.steppers)
    with torch.no_grad():
        found = training.task.eval().evaluate(data.split("test", shard=Shard()))
    assert found["rmse"] < 0.93 * min(found["user_mean_rmse"], found["item_mean_rmse"]), found
