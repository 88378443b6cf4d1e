"""Ratings: the loss by hand, what is measured beside it, and recommendations."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import AdamW

from neurarium.data.ratings import open_ratings
from neurarium.networks.autoencoder import DenseAutoencoder
from neurarium.recipes.rating_autoencoder import RatingAutoencoder as Recipe
from neurarium.tasks.rating_autoencoder import RatingAutoencoder
from neurarium.train.data import Shard
from neurarium.train.descent import Descent
from neurarium.train.hardware import FastPath
from neurarium.train.recipe import UserError
from neurarium.train.settings import Settings
from neurarium.train.training import build

DATA = open_ratings("tastes", batch_size=8)


def autoencoder(**settings: Any) -> RatingAutoencoder:
    torch.manual_seed(0)
    network = DenseAutoencoder(shape=(40,), hidden=(), code_size=5, code_activation=nn.Sigmoid)
    fitted = {name: DATA.spec.fitted[name] for name in ("mean", "std", "low", "high")}
    descent = Descent(optimizer=partial(AdamW, lr=0.01))
    return RatingAutoencoder(encoder=network.encoder, decoder=network.decoder, descent=descent, **fitted, **settings)


def stars_by_hand(task: RatingAutoencoder, x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    W, b, V, c = (p.detach().double().numpy() for p in task.parameters())
    mean, std = DATA.spec.fitted["mean"], DATA.spec.fitted["std"]
    shown = np.where(mask, (x - mean) / std, 0.0)
    return (1 / (1 + np.exp(-(shown @ W.T + b))) @ V.T + c) * std + mean


@pytest.mark.catalogue("autoencoder-recommendation")
def test_only_observed_ratings_count() -> None:
    task = autoencoder()
    batch = next(DATA.split("validation", shard=Shard()))
    x, mask, target, asked = (field.double().numpy() for field in batch)
    told = stars_by_hand(task, x, mask.astype(bool))
    terms = [
        (told[row, column] - target[row, column]) ** 2
        for row in range(len(x))
        for column in range(40)
        if asked[row, column]
    ]
    loss = task.loss(batch)["loss"]
    assert float(loss.value.detach()) == pytest.approx(np.mean(terms), rel=1e-4)
    assert int(loss.count) == len(terms)
    elsewhere = batch._replace(target=batch.target + 9.0 * ~batch.target_mask)
    assert torch.equal(task.loss(elsewhere)["loss"].total, loss.total)


def test_hidden_ratings_are_not_shown_and_still_asked() -> None:
    batch = next(DATA.split("train", shard=Shard()))
    shown: list[torch.Tensor] = []
    task = autoencoder(hide=0.5)
    task.encoder.register_forward_pre_hook(lambda _, given: shown.append(given[0]))
    assert task.loss(batch)["loss"].count == batch.mask.sum()
    task.eval().loss(batch)
    learning, using = ((given != 0).sum() / batch.mask.sum() for given in shown)
    assert float(learning) == pytest.approx(0.5, abs=0.06)
    assert float(using) > 0.99  # a rating may be the mean itself
    with pytest.raises(ValueError, match=r"hide a share in \[0, 1\), received 1"):
        autoencoder(hide=1.0)


@pytest.mark.catalogue("autoencoder-recommendation")
@pytest.mark.parametrize("rows", ["users", "items"])
def test_measures_are_those_of_whole_splits(rows: str) -> None:
    data = open_ratings("tastes", batch_size=8, rows=rows)  # type: ignore[arg-type]
    fitted = {name: data.spec.fitted[name] for name in ("mean", "std", "low", "high")}
    network = DenseAutoencoder(shape=data.spec.shape, hidden=(), code_size=5)
    task = RatingAutoencoder(
        encoder=network.encoder,
        decoder=network.decoder,
        descent=Descent(optimizer=partial(AdamW, lr=0.01)),
        rows=rows,
        **fitted,
    ).eval()
    (batch,) = data.split("test", shard=Shard())
    with torch.no_grad():
        found = task.evaluate(
            type(batch)(*(field[start : start + 7] for field in batch)) for start in range(0, len(batch.x), 7)
        )
    x, mask, target, asked = (field.numpy() for field in batch)

    def rmse(guess: np.ndarray) -> float:
        return float(np.sqrt(np.mean((guess - target)[asked] ** 2.0)))

    mean = fitted["mean"]
    of_row = [x[i][mask[i]].mean() if mask[i].any() else mean for i in range(len(x))]
    of_column = [x[:, j][mask[:, j]].mean() if mask[:, j].any() else mean for j in range(x.shape[1])]
    one, other = ("user", "item") if rows == "users" else ("item", "user")
    assert found[f"{one}_mean_rmse"] == pytest.approx(rmse(np.array(of_row)[:, None] + 0 * target), rel=1e-5)
    assert found[f"{other}_mean_rmse"] == pytest.approx(rmse(np.array(of_column)[None] + 0 * target), rel=1e-5)
    told = task.reconstruct(x).numpy()
    assert found["rmse"] == pytest.approx(rmse(told), rel=1e-5)
    assert fitted["low"] <= told.min() <= told.max() <= fitted["high"]
    assert found["items"] == len(x)


@pytest.mark.catalogue("autoencoder-recommendation")
def test_held_out_ratings_are_told_better_than_by_means() -> None:
    """Two hidden numbers of each person make the ratings: what others gave says more than any mean."""
    recipe = Recipe(data="tastes", rows="users", code_size=32, epochs=150.0, batch_size=16, lr=0.01, weight_decay=0.1)
    data = recipe.open_data()
    training = build(recipe, data, Settings(threads=1), FastPath("cpu"), Shard())
    for _ in range(recipe.num_steps(data.spec)):
        training.task.step(training.stream, training.steppers)
    with torch.no_grad():
        found = training.task.eval().evaluate(data.split("test", shard=Shard()))
    assert found["rmse"] < 0.7 * min(found["user_mean_rmse"], found["item_mean_rmse"]), found


def test_recommendations_are_the_best_of_what_is_not_rated() -> None:
    task = autoencoder().eval()
    (batch,) = DATA.split("train", shard=Shard())
    x = batch.x[:4]
    found = task.recommend(x, 3)
    stars = task.reconstruct(x)
    for row in range(4):
        free = [column for column in range(40) if x[row, column] == 0]
        best = sorted(free, key=lambda column: -float(stars[row, column]))[:3]
        assert found[row].tolist() == best
    unknown = x.clone()
    unknown[unknown == 0] = torch.nan
    assert torch.equal(task.recommend(unknown, 3), found)
    with pytest.raises(ValueError, match=r"count from 1 to \d+, the fewest that are not rated yet, received 41"):
        task.recommend(x, 41)


def test_a_share_of_one_is_told_to_the_user() -> None:
    with pytest.raises(UserError, match="hide a share"):
        Recipe(data="tastes", hide=1.0).task(DATA.spec)
