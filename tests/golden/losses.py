"""The first ten losses of every recipe. `python -m tests.golden.losses` writes them anew."""

from __future__ import annotations

from pathlib import Path

import torch

from neurarium.recipes import CATALOGUE
from neurarium.recipes.find import fill
from neurarium.train import hardware
from neurarium.train.data import Shard
from neurarium.train.hardware import FastPath
from neurarium.train.settings import Settings
from neurarium.train.training import build

FOLDER = Path(__file__).parent
STEPS = 10


def machine() -> str:
    """Where the losses must be the same to the bit."""
    return f"{hardware.device_name()}, torch {torch.__version__}, 1 thread"


def losses(name: str) -> list[str]:
    """One line a step: every loss by name, as exact hexadecimal floats."""
    path = FastPath("cpu")
    hardware.apply(path)
    recipe = fill(CATALOGUE[name], CATALOGUE[name].tiny)
    data = recipe.open_data()
    training = build(recipe, data, Settings(threads=1), path, Shard())
    lines = []
    for _ in range(STEPS):
        means = training.task.step(training.stream, training.steppers)
        lines.append(" ".join(f"{key}={float(mean.value).hex()}" for key, mean in means.items()))
    return lines


def main() -> None:
    for name in CATALOGUE:
        (FOLDER / f"{name}.txt").write_text("\n".join([machine(), *losses(name)]) + "\n")


if __name__ == "__main__":
    main()
