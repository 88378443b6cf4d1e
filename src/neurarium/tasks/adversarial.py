"""Two players: one makes samples, the other tells them from data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from neurarium.losses.adversarial import Game, feature_matching_loss
from neurarium.nn.normalization import batch_statistics
from neurarium.tasks.adversarial_pictures import pictures
from neurarium.tasks.collapse import MayCollapse
from neurarium.tasks.conditions import Auxiliary, Condition
from neurarium.tasks.sampling import Sampler, asked, evenly, truncated
from neurarium.train.data import Batch
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.stepper import Stepper
from neurarium.train.task import Figures, MakeStepper

Judge = Callable[[Tensor], Tensor]
"""From samples to the discriminator's scores (B,) for "real", whatever else it is shown."""
Penalty = Callable[[Judge, Tensor, Tensor], Tensor]
"""penalty(judge, real, fake): one value an item (B,), added to what the discriminator minimises."""
Measure = Callable[[Tensor, Tensor, "Tensor | None"], dict[str, float]]
"""measure(real, fake, labels): numbers by name, of two sets as a person sees them, and the classes asked for."""

PART = 500
"""Samples that are made and judged at a time where nothing is learned."""


class Adversarial(MayCollapse):
    """Goodfellow et al. 2014, algorithm 1: k updates of the discriminator, each on a fresh minibatch, then one of the
    generator; and its descendants, which change the game, what the players are told, or what bounds the critic.

    generator: noise (B, latent_size), and c (B, condition.size) under a condition -> samples as `inputs` makes them.
    discriminator: samples, and c where it is shown -> scores (B, 1 + auxiliary.size); the first says "real".
    inputs: from what the data holds to what the players see; `restore` turns samples into what a person sees.
    game: what each minimises, given the scores; see losses.adversarial.
    condition, auxiliary: what the generator is told, and what the discriminator must say of it; see conditions.
    penalties: by name, on the discriminator, such as the gradient penalty; then none of its layers may mix items.
    match: f, an intermediate layer of the discriminator with its arguments, whose mean the generator then matches in
        place of its part of the game.
    discriminator_steps: k. generator_steps: of the generator in a row; 1 in the paper, more in coarser alternation.
    measure: judges samples beside a whole split.
    """

    def __init__(
        self,
        *,
        generator: nn.Module,
        discriminator: nn.Module,
        inputs: nn.Module,
        latent_size: int,
        game: Game,
        descents: Mapping[str, Descent],
        measure: Measure,
        condition: Condition | None = None,
        auxiliary: Auxiliary | None = None,
        penalties: Mapping[str, Penalty] | None = None,
        match: Callable[..., Tensor] | None = None,
        discriminator_steps: int = 1,
        generator_steps: int = 1,
    ) -> None:
        super().__init__()
        mixing = sorted({type(layer).__name__ for layer in discriminator.modules() if _mixes_items(layer)})
        if penalties and mixing:
            raise ValueError(
                "A penalty on the slope at each item needs a discriminator that judges each by itself, received one "
                f"with {', '.join(mixing)}. Use layer normalization or none, or leave out the penalty or that layer."
            )
        self.generator = generator
        self.discriminator = discriminator
        self.inputs: Any = inputs
        self.latent_size = latent_size
        self.game = game
        self.descents = dict(descents)
        self.measure = measure
        self.condition = condition
        self.auxiliary = auxiliary
        self.penalties = dict(penalties or {})
        self.match = match
        self.discriminator_steps = discriminator_steps
        self.generator_steps = generator_steps

    def steppers(self, make: MakeStepper) -> dict[str, Stepper]:
        return {
            "discriminator": make(self.discriminator, self.descents["discriminator"]),
            "generator": make(self.generator, self.descents["generator"]),
        }

    def step(self, batches: Iterator[Batch], steppers: Mapping[str, Stepper]) -> dict[str, Mean]:
        for _ in range(self.discriminator_steps):
            judged = steppers["discriminator"].update(self.discriminator_loss, next(batches))
        for _ in range(self.generator_steps):
            fooled = steppers["generator"].update(self.generator_loss, next(batches))
        return {**judged, **fooled}

    def discriminator_loss(self, batch: Batch) -> dict[str, Mean]:
        """The game's loss of the discriminator; auxiliary losses and penalties under names of their own."""
        real, labels = self.inputs(batch[0]), _labels(batch)
        codes = self._codes(len(real), labels)
        fake = self.generator(*codes).detach()
        real_scores, fake_scores = self._scores(real, codes), self._scores(fake, codes)
        parts = {"discriminator_loss": self.game.discriminator(real_scores[:, 0], fake_scores[:, 0])}
        if self.auxiliary:
            parts |= self.auxiliary.discriminator(real_scores[:, 1:], fake_scores[:, 1:], labels, codes[-1])
        for name, penalty in self.penalties.items():
            parts[name] = penalty(lambda x: self._scores(x, codes)[:, 0], real, fake)
        return {name: Mean.of(part) for name, part in parts.items()}

    def generator_loss(self, batch: Batch) -> dict[str, Mean]:
        """The game's loss of the generator, or that of matched features; auxiliary losses as "generator_..."."""
        codes = self._codes(len(batch[0]), _labels(batch))
        fake = self.generator(*codes)
        scores = self._scores(fake, codes)
        parts = {"generator_loss": self.game.generator(scores[:, 0])}
        if self.match:
            real, shown = self.inputs(batch[0]), self._shown(codes)
            parts["generator_loss"] = feature_matching_loss(self.match(real, *shown), self.match(fake, *shown))
        if self.auxiliary:
            found = self.auxiliary.generator(scores[:, 1:], codes[-1])
            parts |= {f"generator_{name}": part for name, part in found.items()}
        return {name: Mean.of(part) for name, part in parts.items()}

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """What `measure` and the game say of up to 2,000 items of a split and of as many samples, with their labels.

        The discriminator judges batches of real and of generated samples apart, by their own statistics, as it learned.
        """
        x, *rest = (evenly(torch.cat(column)) for column in zip(*batches, strict=True))
        labels = rest[-1] if rest else None
        codes = self._codes(len(x), labels)
        real, fake, scores = [], [], []
        for part in torch.arange(len(x), device=x.device).split(PART):
            these = tuple(code[part] for code in codes)
            seen, made = self.inputs(x[part]), self.generator(*these)
            with batch_statistics(self.discriminator):
                scores.append(torch.stack([self._scores(images, these)[:, 0] for images in (seen, made)]))
            real.append(self.inputs.restore(seen))
            fake.append(self.inputs.restore(made))
        found = self.measure(torch.cat(real), torch.cat(fake), labels if self.condition else None)
        return {**found, **self.game.standing(*torch.cat(scores, 1)), "items": float(len(x))}

    @torch.no_grad()
    def sample(self, count: int, *, labels: Any = None, seed: int = 0, truncation: float | None = None) -> Tensor:
        """Samples (count, ...) as a person sees them, images from 0 to 1. labels: (count,), under a condition.

        truncation: largest size of a number of the noise; smaller, samples are better and less varied.
        Raises ValueError for labels without a condition, another number of them, or classes that do not exist.
        """
        labels = None if labels is None else asked(labels, count, self.condition, self.device)
        z, *told = self._codes(count, labels, torch.Generator(self.device).manual_seed(seed))
        return self.decode(z if truncation is None else truncated(z, truncation), *told)

    @torch.no_grad()
    def decode(self, *codes: Any) -> Tensor:
        """Samples as a person sees them from noise (N, latent_size), and c (N, size) under a condition."""
        moved = (torch.as_tensor(code, dtype=torch.float32, device=self.device).split(PART) for code in codes)
        return torch.cat([self.inputs.restore(self.generator(*part)).cpu() for part in zip(*moved, strict=True)])

    def _codes(self, count: int, labels: Tensor | None, random: torch.Generator | None = None) -> tuple[Tensor, ...]:
        """What the generator reads: z, and c under a condition."""
        z = torch.randn(count, self.latent_size, device=self.device, generator=random)
        return (z, self.condition.draw(count, labels, self.device, random)) if self.condition else (z,)

    def _scores(self, x: Tensor, codes: tuple[Tensor, ...]) -> Tensor:
        scores: Tensor = self.discriminator(x, *self._shown(codes))
        return scores.float()

    def _shown(self, codes: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return codes[1:] if self.condition and self.condition.shown else ()

    def networks(self, batch: Batch) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        codes = self._codes(len(batch[0]), _labels(batch))
        judged = self.inputs(batch[0]), *self._shown(codes)
        return {"generator": (self.generator, codes), "discriminator": (self.discriminator, judged)}

    def deployed(self, batch: Batch) -> tuple[nn.Module, tuple[Tensor, ...]]:
        return Sampler(self.generator, self.inputs), self._codes(len(batch[0]), _labels(batch))

    def pictures(self, batches: Iterable[Batch]) -> Figures:
        return pictures(self, batches)


def _mixes_items(layer: nn.Module) -> bool:
    """By the statistics of the batch, or as layers say by `sees_batch`."""
    return getattr(layer, "sees_batch", isinstance(layer, nn.modules.batchnorm._BatchNorm))


def _labels(batch: Any) -> Tensor | None:
    return batch[-1] if len(tuple(batch)) > 1 else None
