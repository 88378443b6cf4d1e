"""How a generator grows: its samples from the same codes, again and again while it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurarium.plots.generated import progress_strip
from neurarium.train import hardware
from neurarium.train.data import Shard
from neurarium.train.launch import open_audited
from neurarium.train.recipe import Recipe, UserError
from neurarium.train.settings import Settings
from neurarium.train.training import build


@dataclass(frozen=True, slots=True)
class Progress:
    """steps (T): when. images (T, N, C, H, W): samples from the same N codes. accuracy (T): share of held-out real and
    of generated images that the discriminator told apart then; half is what a guess reaches."""

    steps: tuple[int, ...]
    images: Tensor
    accuracy: tuple[float, ...]

    def picture(self) -> Any:
        return progress_strip(self.images.numpy(), self.steps, self.accuracy)


class _Silent:
    def say(self, text: str) -> None: ...

    def row(self, row: dict[str, Any], step: int, steps: int) -> None: ...


def progress(recipe: Recipe, steps: Sequence[int], *, count: int = 6, settings: Settings | None = None) -> Progress:
    """Train a GAN to the last of these steps and look at it at each; nothing is written.

    count: samples, from codes of one seed. Raises UserError for steps that do not grow, and for a system whose
    discriminator has no accuracy, such as a Wasserstein critic.
    """
    if list(steps) != sorted(set(steps)) or not steps or steps[0] < 0:
        raise UserError(f"Expected steps that grow from 0 or more, received {list(steps)}.")
    settings = settings or Settings()
    path = hardware.plain_path(settings)
    hardware.apply(path)
    data = open_audited(recipe, _Silent())
    data.to(torch.device(path.device))
    training = build(recipe, data, settings, path, Shard())
    task: Any = training.task
    images, accuracy = [], []
    for step in steps:
        while training.step < step:
            task.step(training.stream, training.steppers)
            training.step += 1
        with training.evaluating():
            measures = task.evaluate(data.split(recipe.goal.split, shard=Shard()))
            if "discriminator_accuracy" not in measures:
                raise UserError(f"{recipe.name} has no discriminator that names images real or generated.")
            accuracy.append(measures["discriminator_accuracy"])
            images.append(task.sample(count))
    return Progress(tuple(steps), torch.stack(images), tuple(accuracy))
