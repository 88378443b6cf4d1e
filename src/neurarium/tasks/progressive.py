"""A game whose players grow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.losses.adversarial import Wasserstein
from neurarium.plots.gallery import image_grid
from neurarium.tasks.adversarial import PART, Measure, Penalty
from neurarium.tasks.classification import to_tensor
from neurarium.tasks.collapse import MayCollapse
from neurarium.tasks.sampling import Sampler, asked, evenly
from neurarium.train.data import Batch
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.recipe import UserError
from neurarium.train.stepper import Stepper
from neurarium.train.task import Figures, MakeStepper


class ProgressiveGAN(MayCollapse):
    """Karras et al. 2017: WGAN-GP on images of 4 x 4, then of twice the side, and so on.

    Phases of as many steps each, by turns: a resolution is learned, then the next one is faded in, while alpha rises
    from 0 to 1 in a straight line; real images are mixed in the same way of an image and of the same image at half the
    side (figure 2). In each step the discriminator moves, then the generator (appendix A.1).

        L_D = D(G(z)) - D(x) + 10 (|grad D(x^)| - 1)^2 + 0.001 D(x)^2,    L_G = - D(G(z))

    The last term of L_D, `drift`, keeps scores near 0. D sees statistics of the batch, so the slope at one point is not
    of its own score alone, as in the paper.

    generator, discriminator: with buffers `stage` and `alpha`, see networks.progressive; z (B, latent_size) to images
        of the stage's side, and these to scores (B, 1). inputs: images of the last stage's side, `size`.
    penalty: on the slope of D. phase_steps: of one phase. measure: as in Adversarial.
    """

    clock: Tensor

    def __init__(
        self,
        *,
        generator: nn.Module,
        discriminator: nn.Module,
        inputs: nn.Module,
        size: int,
        latent_size: int,
        penalty: Penalty,
        phase_steps: int,
        descents: Mapping[str, Descent],
        measure: Measure,
        drift: float = 1e-3,
    ) -> None:
        super().__init__()
        if phase_steps < 1:
            raise UserError(f"--phase-steps must be at least 1, received {phase_steps}.")
        self.generator: Any = generator
        self.discriminator: Any = discriminator
        self.inputs: Any = inputs
        self.size = size
        self.last = (size // 4).bit_length() - 1
        self.latent_size = latent_size
        self.penalty = penalty
        self.phase_steps = phase_steps
        self.descents = dict(descents)
        self.measure = measure
        self.drift = drift
        self.game = Wasserstein()
        self.register_buffer("clock", torch.zeros((), dtype=torch.int64))
        self.grow()

    @torch.no_grad()
    def grow(self) -> None:
        """Stage and alpha of both players at this step, worked out on the device."""
        phase = self.clock // self.phase_steps  # 0: 4 x 4; odd: fading in; even: learning
        stage = ((phase + 1) // 2).clamp(max=self.last)
        faded = (self.clock % self.phase_steps + 1) / self.phase_steps
        alpha = torch.where((phase % 2 == 1) & (phase < 2 * self.last), faded, 1.0)
        for player in (self.generator, self.discriminator):
            player.stage.copy_(stage)
            player.alpha.copy_(alpha)

    def steppers(self, make: MakeStepper) -> dict[str, Stepper]:
        return {
            "discriminator": make(self.discriminator, self.descents["discriminator"]),
            "generator": make(self.generator, self.descents["generator"]),
        }

    def step(self, batches: Iterator[Batch], steppers: Mapping[str, Stepper]) -> dict[str, Mean]:
        self.grow()
        judged = steppers["discriminator"].update(self.discriminator_loss, next(batches))
        fooled = steppers["generator"].update(self.generator_loss, next(batches))
        self.clock += 1
        return {**judged, **fooled}

    def discriminator_loss(self, batch: Batch) -> dict[str, Mean]:
        fake = self.generator(self._draw(len(batch[0]))).detach()
        real = self.shown(self.inputs(batch[0]), fake.shape[-1])
        real_scores = self._scores(real)
        return {
            "discriminator_loss": Mean.of(self.game.discriminator(real_scores, self._scores(fake))),
            "gradient_penalty": Mean.of(self.penalty(self._scores, real, fake)),
            "drift": Mean.of(self.drift * real_scores.square()),
        }

    def generator_loss(self, batch: Batch) -> dict[str, Mean]:
        fake = self.generator(self._draw(len(batch[0])))
        return {"generator_loss": Mean.of(self.game.generator(self._scores(fake)))}

    def shown(self, images: Tensor, side: int) -> Tensor:
        """Real images (B, C, side, side) of whole ones, as blurred as the generator's while layers are faded in."""
        images = F.avg_pool2d(images, self.size // side)
        if side == 4:
            return images
        coarse = F.interpolate(F.avg_pool2d(images, 2), scale_factor=2, mode="nearest")
        return torch.lerp(coarse, images, self.generator.alpha)

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """What `measure` says of up to 2,000 whole images and of as many samples, made as large where they are still
        small; distance of the scores at this resolution; side of the samples."""
        x = evenly(torch.cat([batch[0] for batch in batches]))
        real, fake, scores = [], [], []
        for part in x.split(PART):
            images, made = self.inputs(part), self.generator(self._draw(len(part)))
            side = made.shape[-1]
            scores.append(torch.stack([self._scores(self.shown(images, side)), self._scores(made)]))
            real.append(self.inputs.restore(images))
            fake.append(self.inputs.restore(self._enlarged(made)))
        found = self.measure(torch.cat(real), torch.cat(fake), None)
        return {**found, **self.game.standing(*torch.cat(scores, 1)), "side": float(side), "items": float(len(x))}

    @torch.no_grad()
    def decode(self, z: Any) -> Tensor:
        """Images (N, C, H, W) from 0 to 1 of the data's size, on the CPU, of noise (N, latent_size)."""
        parts = to_tensor(z).to(self.device, torch.float32).split(PART)
        return torch.cat([self.inputs.restore(self._enlarged(self.generator(part))).cpu() for part in parts])

    def sample(self, count: int, *, labels: Any = None, seed: int = 0) -> Tensor:
        """Images (count, C, H, W) from 0 to 1. Raises ValueError for labels, which the generator is not told."""
        if labels is not None:
            asked(labels, count, None, self.device)
        return self.decode(self._draw(count, torch.Generator(self.device).manual_seed(seed)))

    def _enlarged(self, images: Tensor) -> Tensor:
        return F.interpolate(images, size=(self.size, self.size), mode="nearest")

    def _draw(self, count: int, random: torch.Generator | None = None) -> Tensor:
        return torch.randn(count, self.latent_size, device=self.device, generator=random)

    def _scores(self, images: Tensor) -> Tensor:
        scores: Tensor = self.discriminator(images)
        return scores[:, 0].float()

    def networks(self, batch: Batch) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        z = self._draw(len(batch[0]))
        side = self.generator(z).shape[-1]
        return {
            "generator": (self.generator, (z,)),
            "discriminator": (self.discriminator, (self.shown(self.inputs(batch[0]), side),)),
        }

    def deployed(self, batch: Batch) -> tuple[nn.Module, tuple[Tensor, ...]]:
        """Exported are the generator's layers of the resolution that was reached, and what enlarges its images."""
        whole = nn.Sequential(self.generator.grown(), nn.Upsample(size=(self.size, self.size), mode="nearest"))
        return Sampler(whole, self.inputs), (self._draw(len(batch[0])),)

    def pictures(self, batches: Iterable[Batch]) -> Figures:
        return {"samples": image_grid((255 * self.sample(100)).byte().numpy(), columns=10)}
