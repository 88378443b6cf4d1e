"""What the codes of variational autoencoders are good for, learned on 8 x 8 digits in a second each."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional as F

from neurarium.plots.latents import code_clouds
from neurarium.recipes import CATALOGUE
from neurarium.recipes.find import fill
from neurarium.tasks.rare_codes import resampling_weights
from neurarium.tasks.vae import VariationalAutoencoder
from neurarium.tasks.vae_pictures import grid, styles, traversals
from neurarium.train import hardware
from neurarium.train.batches import Labelled
from neurarium.train.data import Shard
from neurarium.train.hardware import FastPath
from neurarium.train.settings import Settings
from neurarium.train.training import build


@cache
def learned(name: str, latent_size: int, beta: float = 1.0) -> tuple[VariationalAutoencoder, Any]:
    """Grey digits with noise of 0.25, shown 60 times."""
    knobs: dict[str, Any] = {
        "data": "digits",
        "form": "dense",
        "binarisation": "none",
        "std": 0.25,
        "hidden": (128, 64),
    }
    recipe = fill(CATALOGUE[name], {**knobs, "latent_size": latent_size, "beta": beta, "epochs": 60.0, "lr": 5e-3})
    data = recipe.open_data()
    hardware.apply(FastPath("cpu"))
    training = build(recipe, data, Settings(threads=1), FastPath("cpu"), Shard())
    for _ in range(recipe.num_steps(data.spec)):
        training.task.step(training.stream, training.steppers)
    task = training.task.eval()
    assert isinstance(task, VariationalAutoencoder)
    return task, data


@cache
def reader() -> LogisticRegression:
    x, y = learned("vae", 2)[1].items("train")
    return LogisticRegression(max_iter=2000).fit(x.flatten(1) / 255, y)


def posterior(task: VariationalAutoencoder, x: Tensor) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        mean, log_variance = task.posterior(task.inputs(x))
    return mean, torch.exp(log_variance / 2)


def apart(one: Tensor, other: Tensor) -> float:
    """Mean Euclidean distance of images."""
    return float((one - other).flatten(1).norm(dim=1).mean())


@pytest.mark.catalogue("variational-autoencoder", "regular-latent-plot")
def test_without_the_pull_variances_collapse_and_means_fly_apart() -> None:
    (pulled, data), (plain, _) = learned("vae", 2), learned("vae", 2, beta=0.0)
    x, y = data.items("train")
    mean, deviation = posterior(pulled, x)
    assert mean.std(0).tolist() == pytest.approx([1, 1], abs=0.35)  # as of the standard normal it is pulled to
    assert mean.mean(0).tolist() == pytest.approx([0, 0], abs=0.35)
    own_mean, own_deviation = posterior(plain, x)
    assert own_deviation.median() < 0.1 * deviation.median()
    assert own_mean.std(0).min() > 1.3 * mean.std(0).max()
    # Overlapping clouds: how many items are within one deviation of an item of another class.
    overlap = []
    for means, deviations in ((mean, deviation), (own_mean, own_deviation)):
        near = torch.cdist(means, means) < deviations.mean(1, keepdim=True)
        overlap.append(float(((near & (y[:, None] != y)).sum(1) > 0).float().mean()))
    assert overlap[0] > 0.4
    assert overlap[1] < 0.1
    figure = code_clouds({"VAE": mean.numpy(), "plain": own_mean.numpy()}, y.numpy(), data.spec.classes)
    assert len(figure.axes) == 2


@pytest.mark.catalogue("latent-completeness")
def test_codes_drawn_at_random_decode_to_something_where_there_was_a_pull() -> None:
    """Random codes of 8 numbers: how near what they decode to is to an image that was learned from."""
    found = {}
    for beta in (1.0, 0.0):
        task, data = learned("vae", 8, beta=beta)
        images, seen = task.sample(500), data.items("train")[0].float() / 255
        nearest = torch.cdist(images.flatten(1), seen.flatten(1)).min(1).values
        own = torch.cdist(task.reconstruct(data.items("test")[0]).flatten(1), seen.flatten(1)).min(1).values
        sure = reader().predict_proba(images.flatten(1)).max(1).mean()
        found[beta] = float(nearest.mean() / own.mean()), float(sure)
    assert found[1.0][0] < 1.35  # nearly as near as reconstructions of real images are
    assert found[0.0][0] > 1.6
    assert found[1.0][1] > found[0.0][1] + 0.1  # and a classifier sees a digit


@pytest.mark.catalogue("latent-continuity", "latent-variable")
def test_near_codes_decode_to_near_images() -> None:
    task, _ = learned("vae", 2)
    generator = torch.Generator().manual_seed(0)
    z, way = torch.randn(2, 500, 2, generator=generator)
    way = F.normalize(way, dim=1)
    images = task.decode(z)
    changes = [apart(images, task.decode(z + step * way)) for step in (0.01, 0.1, 1.0)]
    at_random = apart(images, images.flip(0))
    assert changes[0] == pytest.approx(changes[1] / 10, rel=0.1)  # small steps change in proportion
    assert changes[1] < 0.15 * at_random
    same = reader().predict(task.decode(z + 0.03 * way).flatten(1)) == reader().predict(images.flatten(1))
    assert same.mean() > 0.94


@pytest.mark.catalogue("vae-digit-manifold", "latent-grid", "latent-scatter")
def test_map_of_the_digits() -> None:
    task, data = learned("vae", 2)
    with torch.no_grad():
        figures = task.pictures(data.split("test", shard=Shard()))
    artists = {artist.get_gid(): artist for artist in figures["codes"].axes[0].collections}
    clouds = [artists[f"class-{label}"] for label in range(10)]
    assert len({tuple(cloud.get_facecolor()[0]) for cloud in clouds}) == 10
    x, y = data.items("test")
    codes = task.encode(x)
    assert codes.shape == (450, 2)
    drawn = np.concatenate([cloud.get_offsets() for cloud in clouds])
    assert np.allclose(np.sort(drawn, axis=0), np.sort(codes.numpy(), axis=0))
    side = 15
    tiles = grid(task, side)
    shown = {image.get_gid(): image for image in figures["grid"].axes[0].images}
    assert len(shown) == side**2
    assert np.allclose(shown["0/3-4"].get_array()[..., 0], tiles[3, 4, 0].numpy())
    # The prior's quantiles: the median is the middle tile, and the ends are where 1/30 is left.
    assert torch.allclose(tiles[7, 7], task.decode(torch.zeros(1, 2))[0], atol=1e-5)
    corner = torch.tensor([[-1.8339146, 1.8339146]])  # norm.ppf(1 / 30): left and up
    assert torch.allclose(tiles[0, 0], task.decode(corner)[0], atol=1e-4)
    neighbours = (apart(tiles[1:].flatten(0, 1), tiles[:-1].flatten(0, 1)) + apart(
        tiles[:, 1:].flatten(0, 1), tiles[:, :-1].flatten(0, 1)
    )) / 2  # fmt: skip
    shuffled = tiles.flatten(0, 1)[torch.randperm(side**2, generator=torch.Generator().manual_seed(0))]
    assert neighbours < 0.3 * apart(shuffled, shuffled.flip(0))
    # Near neighbours among codes are of one class more often than by chance.
    order = torch.cdist(codes, codes).fill_diagonal_(torch.inf).argmin(1)
    assert float((y[order] == y).float().mean()) > 0.5


@pytest.mark.catalogue("latent-perturbation", "latent-traversal")
def test_a_traversal_changes_one_number_of_the_code() -> None:
    task, data = learned("vae", 8)
    (code,) = task.encode(data.items("test")[0][:1])
    values = (-2.0, 0.0, 1.5)
    images = traversals(task, code, [5, 2], values=values)
    assert images.shape == (2, 3, 1, 8, 8)
    for row, latent in enumerate((5, 2)):
        for column, value in enumerate(values):
            changed = code.clone()
            changed[latent] = value
            assert torch.allclose(images[row, column], task.decode(changed[None])[0], atol=1e-5)
    figure = task.pictures(data.split("test", shard=Shard()))["traversals"]
    names = [text.get_text() for text in figure.axes[0].texts]
    assert sorted(name for name in names if name.startswith("z")) == [f"z{latent}" for latent in range(8)]
    assert len(figure.axes[0].images) == 8 * 7


def moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Ink and slant of images (..., 1, H, W): the mean, and how far columns move right for each row down."""
    grey = images[..., 0, :, :]
    place = torch.linspace(-1, 1, grey.shape[-1])
    weight = grey / grey.sum((-2, -1), keepdim=True)
    across = place - (weight * place).sum((-2, -1), keepdim=True)
    down = place[:, None] - (weight * place[:, None]).sum((-2, -1), keepdim=True)
    return grey.mean((-2, -1)), (weight * across * down).sum((-2, -1)) / (weight * down**2).sum((-2, -1))


@pytest.mark.catalogue("conditional-vae", "cvae-style-grid")
def test_one_code_with_several_classes_gives_these_digits_in_one_style() -> None:
    task, data = learned("cvae", 8)
    table = styles(task, 200)
    assert table.shape == (200, 10, 1, 8, 8)
    read = reader().predict(table.flatten(0, 1).flatten(1)).reshape(200, 10)
    assert (read == np.arange(10)).mean() > 0.97  # the class that was asked for, whatever the code
    ink, slant = (np.corrcoef(values.T)[np.triu_indices(10, 1)] for values in map(Tensor.numpy, moments(table)))
    assert slant.min() > 0.3  # of any two digits, over styles
    assert slant.mean() > 0.7
    assert ink.mean() > 0.15
    asked = task.sample(30, labels=torch.full((30,), 7), seed=1)
    assert (reader().predict(asked.flatten(1)) == 7).mean() > 0.9
    with torch.no_grad():
        figure = task.pictures(data.split("test", shard=Shard()))["styles"]
    assert [text.get_text() for text in figure.axes[0].texts] == list("0123456789")
    shown = {image.get_gid(): image.get_array()[..., 0] for image in figure.axes[0].images}
    assert len(shown) == 8 * 10  # a row a code, a column a class
    z = torch.randn(8, 8, generator=torch.Generator().manual_seed(0))
    assert np.allclose(shown["0/2-9"], task.decode(z[2:3], labels=[9])[0, 0], atol=1e-5)


def test_labels_are_asked_for_and_checked() -> None:
    (told, data), (plain, _) = learned("cvae", 8), learned("vae", 8)
    x, y = data.items("test")
    with pytest.raises(ValueError, match=r"Expected labels \(N,\) from 0 to 9, received none"):
        told.encode(x)
    with pytest.raises(ValueError, match=r"Expected 450 labels from 0 to 9, received"):
        told.reconstruct(x, labels=y + 10)
    with pytest.raises(ValueError, match=r"knows no classes"):
        plain.sample(3, labels=[1, 2, 3])
    assert torch.equal(told.sample(12), told.sample(12, labels=torch.arange(12) % 10))
    better = told.log_likelihood(x[:50], samples=10, labels=y[:50]).mean()
    wrong = told.log_likelihood(x[:50], samples=10, labels=(y[:50] + 1) % 10).mean()
    assert better > wrong + 5  # nats that the right class is worth


@pytest.mark.catalogue("beta-vae", "beta-comparison", "disentanglement")
def test_a_large_beta_leaves_codes_that_say_little_each() -> None:
    """The loss is E[-log p] + beta KL; of 250 times the divergence the decoder hears next to nothing."""
    measures, changes = {}, {}
    for beta in (1.0, 4.0, 250.0):
        task, data = learned("beta-vae", 8, beta)
        assert task.beta == beta
        x = data.items("test")[0]
        measures[beta] = task.evaluate([Labelled(x, x[:, 0, 0, 0])])
        found = measures[beta]
        assert found["loss"] == pytest.approx(found["reconstruction"] + beta * found["divergence"], rel=1e-5)
        codes = task.encode(x)
        images = traversals(task, codes[0], range(8), values=(-2.0, 2.0))
        changes[beta] = apart(images[:, 0], images[:, 1])
    assert measures[1.0]["divergence"] > 1.3 * measures[4.0]["divergence"]
    assert measures[4.0]["divergence"] > 10 * measures[250.0]["divergence"]
    assert measures[1.0]["reconstruction"] < measures[4.0]["reconstruction"] < measures[250.0]["reconstruction"]
    assert changes[250.0] < 0.1 * changes[1.0]  # the picture stays as it is, whichever number moves


@pytest.mark.catalogue("vae-dataset-question")
def test_rare_items_are_drawn_more_often_by_their_codes() -> None:
    """Four sevens among a hundred zeros; nobody says which. Amini et al. 2019 resample by the codes."""
    task, data = learned("vae", 2)
    x, y = data.items("train")
    common, rare = x[y == 0], x[y == 7][:4]
    codes = task.encode(torch.cat([common, rare]))
    weights = resampling_weights(codes)
    assert weights.sum() == pytest.approx(1)
    before, after = len(rare) / len(codes), weights[len(common) :].sum()
    assert after > 5 * before
    flat = resampling_weights(codes, smoothing=1e6)
    assert flat == pytest.approx(np.full(len(codes), 1 / len(codes)), rel=1e-4)
    # By hand: three in the first cell, one in the last.
    few = resampling_weights(np.array([[0.0], [0.0], [0.05], [1.0]]), bins=10, smoothing=0.0)
    assert few == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2])
    two = resampling_weights(np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 1.0]]), bins=2, smoothing=0.25)
    expected = 1 / np.array([1.0 * 0.5, 1.0 * 1.0, 1.0 * 1.0, 0.5 * 1.0])
    assert two == pytest.approx(expected / expected.sum())
    with pytest.raises(ValueError, match=r"codes \(N, d\), received \(3,\)"):
        resampling_weights(np.zeros(3))
