"""Two domains, one game in each, and layers that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.losses.adversarial import Game
from neurarium.plots.gallery import image_grid
from neurarium.plots.reconstructions import reconstruction_gallery
from neurarium.tasks.adversarial import PART, Measure
from neurarium.tasks.classification import to_tensor
from neurarium.tasks.collapse import MayCollapse
from neurarium.tasks.sampling import Sampler, asked, evenly
from neurarium.train.data import Batch
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.stepper import Stepper
from neurarium.train.task import Figures, MakeStepper

Domain = Literal["x", "other"]


class CoupledGAN(MayCollapse):
    """Liu, Tuzel 2016, algorithm 1: two GANs in one team, whose generators read the same noise.

        max_g min_f V(f_1, f_2, g_1, g_2), equation 5: the sum of the two games, with g_1 and g_2 sharing their first
        layers and f_1 and f_2 their last ones

    From samples of each domain alone it learns pairs: what both generators make of one z. The shared layers descend the
    sum of both domains' losses; the paper takes half of it, which under Adam is the same.

    generators, discriminators: of the first and of the other domain; z (B, latent_size) to samples, and samples to
        scores (B, 1), or (B, 1 + C) with classes. Modules that both of a pair hold are shared.
    inputs: from images of either domain to what the players see. latent_size, game, measure: as in Adversarial.
    counterpart: from images of the first domain, in 0..1, to what they are in the other; for measuring alone.
    classes: names of the classes of the first domain's images. With them both discriminators are classifiers too, which
        learn from these labels alone (section 5, unsupervised domain adaptation): the layers that read classes are
        shared, so the other domain's can be named.
    Batches have x, other and y; in training x and other are of different things.
    """

    def __init__(
        self,
        *,
        generators: tuple[nn.Module, nn.Module],
        discriminators: tuple[nn.Module, nn.Module],
        inputs: nn.Module,
        latent_size: int,
        game: Game,
        descents: Mapping[str, Descent],
        measure: Measure,
        counterpart: Callable[[Tensor], Tensor],
        classes: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.generator_x, self.generator_other = generators
        self.discriminator_x, self.discriminator_other = discriminators
        self.inputs: Any = inputs
        self.latent_size = latent_size
        self.game = game
        self.descents = dict(descents)
        self.measure = measure
        self.counterpart = counterpart
        self.classes = classes

    @property
    def teams(self) -> dict[Domain, tuple[nn.Module, nn.Module]]:
        """Generator and discriminator of each domain."""
        return {
            "x": (self.generator_x, self.discriminator_x),
            "other": (self.generator_other, self.discriminator_other),
        }

    def steppers(self, make: MakeStepper) -> dict[str, Stepper]:
        return {
            "discriminator": make([self.discriminator_x, self.discriminator_other], self.descents["discriminator"]),
            "generator": make([self.generator_x, self.generator_other], self.descents["generator"]),
        }

    def step(self, batches: Iterator[Batch], steppers: Mapping[str, Stepper]) -> dict[str, Mean]:
        judged = steppers["discriminator"].update(self.discriminator_loss, next(batches))
        fooled = steppers["generator"].update(self.generator_loss, next(batches))
        return {**judged, **fooled}

    def discriminator_loss(self, batch: Any) -> dict[str, Mean]:
        """Of both domains; "class", the cross-entropy of the first domain's classes, where there are any."""
        z, means = self._draw(len(batch.x)), {}
        for domain, (generator, discriminator) in self.teams.items():
            scores = discriminator(self.inputs(getattr(batch, domain))).float()
            fake = discriminator(generator(z).detach())[:, 0].float()
            means[f"discriminator_loss_{domain}"] = Mean.of(self.game.discriminator(scores[:, 0], fake))
            if self.classes and domain == "x":
                means["class"] = Mean.of(F.cross_entropy(scores[:, 1:], batch.y, reduction="none"))
        return means

    def generator_loss(self, batch: Any) -> dict[str, Mean]:
        z, means = self._draw(len(batch.x)), {}
        for domain, (generator, discriminator) in self.teams.items():
            means[f"generator_loss_{domain}"] = Mean.of(self.game.generator(discriminator(generator(z))[:, 0].float()))
        return means

    def evaluate(self, batches: Iterable[Any]) -> dict[str, float]:
        """Means over both domains of what `measure` and the game say, of up to 2,000 items; and of a held-out split,
        whose x and other are pairs:

        pair_agreement: 1 minus the mean difference, without sign, of the other generator's pixels from what the first
        one's image is in that domain. chance_agreement: the same with images of another z.
        accuracy_x, accuracy_other: of the classes that are read in each domain.
        """
        columns = [evenly(torch.cat(column)) for column in zip(*batches, strict=True)]
        labels, z = columns[2], self._draw(len(columns[0]))
        found: dict[str, float] = {}
        made: dict[str, Tensor] = {}
        for (domain, (generator, discriminator)), images in zip(self.teams.items(), columns, strict=False):
            seen = torch.cat([discriminator(self.inputs(part)).float() for part in images.split(PART)])
            fake = torch.cat([generator(part) for part in z.split(PART)])
            judged = torch.cat([discriminator(part)[:, 0].float() for part in fake.split(PART)])
            made[domain] = self.inputs.restore(fake)
            said = self.measure(self.inputs.restore(self.inputs(images)), made[domain], None)
            for name, value in {**said, **self.game.standing(seen[:, 0], judged)}.items():
                found[name] = found.get(name, 0.0) + value / 2
            if self.classes:
                found[f"accuracy_{domain}"] = float((seen[:, 1:].argmax(1) == labels).float().mean())
        wanted = self.counterpart(made["x"])
        for name, others in (("pair", made["other"]), ("chance", made["other"].roll(1, 0))):
            found[f"{name}_agreement"] = 1 - float((wanted - others).abs().mean())
        return {**found, "items": float(len(z))}

    def sample(self, count: int, *, labels: Any = None, seed: int = 0, domain: Domain = "x") -> Tensor:
        """Images (count, C, H, W) from 0 to 1 of one domain; with the same seed those of the other belong to them.

        Raises ValueError for labels, which the generators are not told.
        """
        if labels is not None:
            asked(labels, count, None, self.device)
        random = torch.Generator(self.device).manual_seed(seed)
        return self.decode(self._draw(count, random), domain=domain)

    @torch.no_grad()
    def decode(self, z: Any, *, domain: Domain = "x") -> Tensor:
        """Images (N, C, H, W) from 0 to 1 of noise (N, latent_size)."""
        generator = self.teams[domain][0]
        parts = to_tensor(z).to(self.device, torch.float32).split(PART)
        return torch.cat([self.inputs.restore(generator(part)).cpu() for part in parts])

    @torch.no_grad()
    def predict(self, x: Any, *, domain: Domain = "x") -> Tensor:
        """Classes (N,) int64 of images of one domain, as the data holds them. Raises ValueError where none were
        learned."""
        if not self.classes:
            raise ValueError("No classes were learned in this run. Train with --classify.")
        read = self.teams[domain][1]
        parts = to_tensor(x).to(self.device).split(PART)
        return torch.cat([read(self.inputs(part))[:, 1:].argmax(1).cpu() for part in parts])

    def _draw(self, count: int, random: torch.Generator | None = None) -> Tensor:
        return torch.randn(count, self.latent_size, device=self.device, generator=random)

    def networks(self, batch: Batch) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        z = self._draw(len(batch[0]))
        found: dict[str, tuple[nn.Module, tuple[Tensor, ...]]] = {}
        for domain, (generator, discriminator) in self.teams.items():
            found[f"generator_{domain}"] = generator, (z,)
            found[f"discriminator_{domain}"] = discriminator, (self.inputs(getattr(batch, domain)),)
        return found

    def deployed(self, batch: Batch) -> tuple[nn.Module, tuple[Tensor, ...]]:
        """Exported is the first domain's generator."""
        return Sampler(self.generator_x, self.inputs), (self._draw(len(batch[0])),)

    def pictures(self, batches: Iterable[Batch]) -> Figures:
        """coupled-pairs: what both generators make of one z, one column each."""
        pairs: dict[str, Any] = {name: self.sample(16, domain=name).numpy() for name in self.teams}
        return {
            "coupled-pairs": reconstruction_gallery(pairs),
            "samples": image_grid((255 * self.sample(100)).byte().numpy(), columns=10),
        }
