"""Autoencoders that have learned for a second or two, for the tests beside this file."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from neurarium.data.sources import open_labelled
from neurarium.recipes import CATALOGUE
from neurarium.recipes.find import fill
from neurarium.tasks.autoencoder import Autoencoder
from neurarium.train.data import Data, Shard
from neurarium.train.hardware import FastPath
from neurarium.train.settings import Settings
from neurarium.train.training import build


def learned(name: str, *, seed: int = 0, **knobs: Any) -> Autoencoder:
    """The task of a recipe after all its steps, ready for use."""
    torch.set_num_threads(1)
    recipe = fill(CATALOGUE[name], knobs)
    data = recipe.open_data()
    training = build(recipe, data, Settings(threads=1, seed=seed), FastPath("cpu"), Shard())
    for _ in range(recipe.num_steps(data.spec)):
        training.task.step(training.stream, training.steppers)
    assert isinstance(training.task, Autoencoder)
    return training.task.eval()


@cache
def items(name: str, split: str) -> tuple[Tensor, Tensor]:
    """Images (N, C, H, W) uint8 and labels (N,) of a split."""
    return gathered(open_labelled(name, batch_size=10), split)


def gathered(data: Data, split: str) -> tuple[Tensor, Tensor]:
    batches: list[Any] = list(data.split(split, shard=Shard()))
    return torch.cat([batch.x for batch in batches]), torch.cat([batch.y for batch in batches])


def measured(task: Autoencoder, name: str, split: str = "test") -> dict[str, float]:
    with torch.no_grad():
        return task.evaluate(open_labelled(name, batch_size=10).split(split, shard=Shard()))
