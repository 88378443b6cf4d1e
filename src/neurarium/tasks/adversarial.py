"""Two players: one makes samples, the other tells them from data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn

from neurarium.losses.adversarial import minimax_discriminator_loss, non_saturating_generator_loss
from neurarium.plots.points import sample_scatter
from neurarium.train.data import Batch
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.stepper import Stepper
from neurarium.train.task import Figures, MakeStepper, Task


class RingGAN(Task):
    """Goodfellow et al. 2014, algorithm 1, with the non-saturating generator loss of its section 3, on points.

    generator: noise (B, latent_size) -> points (B, 2). discriminator: points (B, 2) -> logits (B,), "is data".
    centers: (M, 2), the modes of the data, and std their deviation: known for a toy set, so that modes can be counted.
    discriminator_steps: k of the algorithm; each takes a fresh minibatch.
    """

    def __init__(
        self,
        *,
        generator: nn.Module,
        discriminator: nn.Module,
        latent_size: int,
        centers: Iterable[Iterable[float]],
        std: float,
        descents: Mapping[str, Descent],
        discriminator_steps: int = 1,
    ) -> None:
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator
        self.latent_size = latent_size
        self.std = std
        self.descents = dict(descents)
        self.discriminator_steps = discriminator_steps
        self.register_buffer("centers", torch.tensor([list(center) for center in centers]), persistent=False)
        self.centers: Tensor

    def steppers(self, make: MakeStepper) -> dict[str, Stepper]:
        return {
            "discriminator": make(self.discriminator, self.descents["discriminator"]),
            "generator": make(self.generator, self.descents["generator"]),
        }

    def step(self, batches: Iterator[Batch], steppers: Mapping[str, Stepper]) -> dict[str, Mean]:
        for _ in range(self.discriminator_steps):
            judged = steppers["discriminator"].update(self.discriminator_loss, next(batches))
        fooled = steppers["generator"].update(self.generator_loss, next(batches))
        return {"discriminator_loss": judged, "generator_loss": fooled}

    def discriminator_loss(self, batch: Batch) -> Mean:
        """-log D(x) - log(1 - D(G(z))); 2 ln 2 while the players cannot be told apart."""
        x = batch[0]
        fake = self.sample(len(x)).detach()
        real_logits, fake_logits = self.discriminator(x).float(), self.discriminator(fake).float()
        return Mean.of(minimax_discriminator_loss(real_logits, fake_logits))

    def generator_loss(self, batch: Batch) -> Mean:
        """-log D(G(z)); ln 2 while the players cannot be told apart."""
        return Mean.of(non_saturating_generator_loss(self.discriminator(self.sample(len(batch[0]))).float()))

    def sample(self, count: int) -> Tensor:
        """Points (count, 2) from fresh noise."""
        points: Tensor = self.generator(torch.randn(count, self.latent_size, device=self.device))
        return points

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """modes: centres with one sample in a hundred within three deviations. quality: share of samples so near one.

        As many samples are drawn as the split has points.
        """
        count = sum(len(batch[0]) for batch in batches)
        distance, nearest = torch.cdist(self.sample(count).float(), self.centers).min(1)
        good = nearest[distance <= 3 * self.std]
        hits = torch.bincount(good, minlength=len(self.centers))
        modes = (hits >= count / 100).sum()
        return {"modes": float(modes), "quality": len(good) / count, "items": float(count)}

    def networks(self, batch: Batch) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        z = torch.randn(len(batch[0]), self.latent_size, device=self.device)
        return {"generator": (self.generator, (z,)), "discriminator": (self.discriminator, (batch[0],))}

    def deployed(self, batch: Batch) -> tuple[nn.Module, tuple[Tensor, ...]]:
        return self.networks(batch)["generator"]

    def pictures(self, batches: Iterable[Batch]) -> Figures:
        x = next(iter(batches))[0]
        return {"samples": sample_scatter(x.cpu().numpy(), self.sample(len(x)).cpu().numpy())}
