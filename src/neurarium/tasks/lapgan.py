"""A chain of GANs, one for each scale of an image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from neurarium.losses.adversarial import Game
from neurarium.nn.laplacian import down, up
from neurarium.plots.gallery import image_grid
from neurarium.plots.pyramids import sampling_strip
from neurarium.tasks.adversarial import PART, Measure
from neurarium.tasks.collapse import MayCollapse
from neurarium.tasks.sampling import asked, evenly
from neurarium.train.data import Batch
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.stepper import Stepper
from neurarium.train.task import Figures, MakeStepper


class Stage(NamedTuple):
    """One link of the chain: I_k = l_k + h_k, each (B, C, H, W); the base has neither of the two."""

    image: Tensor
    upscaled: Tensor | None = None
    difference: Tensor | None = None


class LaplacianGAN(MayCollapse):
    """Denton et al. 2015: G_K makes a small image of noise, and G_k, given l_k = up(I_{k+1}), the difference h_k.

        sampling:  I_K = G_K(z_K),  I_k = l_k + G_k(z_k, l_k) for k = K - 1, ..., 0          (equation 5)
        learning:  D_k tells h_k = I_k - l_k from G_k(z_k, l_k), where l_k is that of a real image   (section 3.2)

    No level sees what another generates: each is a conditional GAN by itself, with its own two steppers and batches.
    The paper shows D_k a real or a generated difference with even chances; here it sees as many of both.

    generators, discriminators: of levels 0 to K, the whole image first. noise: shape of each level's z, which is drawn
        evenly from [-1, 1]. The last takes z alone, and its judge an image alone.
    inputs: from what the data holds to images whose sides can be halved K times. game, measure: as in Adversarial.
    """

    def __init__(
        self,
        *,
        generators: Sequence[nn.Module],
        discriminators: Sequence[nn.Module],
        noise: Sequence[tuple[int, ...]],
        inputs: nn.Module,
        game: Game,
        descents: Mapping[str, Descent],
        measure: Measure,
    ) -> None:
        super().__init__()
        self.noise = list(noise)
        self.levels = range(len(self.noise))
        for k in self.levels:
            self.add_module(f"generator_{k}", generators[k])
            self.add_module(f"discriminator_{k}", discriminators[k])
        self.inputs: Any = inputs
        self.game = game
        self.descents = dict(descents)
        self.measure = measure

    def steppers(self, make: MakeStepper) -> dict[str, Stepper]:
        players = [(player, k) for k in self.levels for player in ("discriminator", "generator")]
        return {f"{name}_{k}": make(self.get_submodule(f"{name}_{k}"), self.descents[name]) for name, k in players}

    def step(self, batches: Iterator[Batch], steppers: Mapping[str, Stepper]) -> dict[str, Mean]:
        """Algorithm 1 of the GAN at every level, each on batches of its own."""
        means: dict[str, Mean] = {}
        for k in self.levels:
            means |= steppers[f"discriminator_{k}"].update(partial(self.discriminator_loss, k), next(batches))
            means |= steppers[f"generator_{k}"].update(partial(self.generator_loss, k), next(batches))
        return means

    def discriminator_loss(self, k: int, batch: Batch) -> dict[str, Mean]:
        real, low = self.level(k, self.inputs(batch[0]))
        fake = self.generator(k)(self._draw(k, len(real)), *low).detach()
        loss = self.game.discriminator(self._scores(k, real, low), self._scores(k, fake, low))
        return {f"discriminator_loss_{k}": Mean.of(loss)}

    def generator_loss(self, k: int, batch: Batch) -> dict[str, Mean]:
        real, low = self.level(k, self.inputs(batch[0]))
        fake = self.generator(k)(self._draw(k, len(real)), *low)
        return {f"generator_loss_{k}": Mean.of(self.game.generator(self._scores(k, fake, low)))}

    def level(self, k: int, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What the players of level k are shown of whole images: h_k and (l_k,), or of the last level I_K and ()."""
        for _ in range(k):
            images = down(images)
        if k == self.levels[-1]:
            return images, ()
        low = up(down(images))
        return images - low, (low,)

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """What `measure` says of up to 2,000 items of a split and of as many samples of the whole chain, and what the
        game says of each level, given real images as in training."""
        x = evenly(torch.cat([batch[0] for batch in batches]))
        noise = self._noise(len(x))
        standing: dict[str, float] = {}
        for k in self.levels:
            scores = []
            for part in torch.arange(len(x), device=x.device).split(PART):
                real, low = self.level(k, self.inputs(x[part]))
                fake = self.generator(k)(noise[k][part], *low)
                scores.append(torch.stack([self._scores(k, seen, low) for seen in (real, fake)]))
            found = self.game.standing(*torch.cat(scores, 1))
            standing |= {f"{name}_{k}": value for name, value in found.items()}
        real, fake = self.inputs.restore(self.inputs(x)), self._restored(noise)
        return {**self.measure(real, fake, None), **standing, "items": float(len(x))}

    @torch.no_grad()
    def sample(self, count: int, *, labels: Any = None, seed: int = 0) -> Tensor:
        """Images (count, C, H, W) from 0 to 1. Raises ValueError for labels, which this chain is not told."""
        if labels is not None:
            asked(labels, count, None, self.device)
        return self._restored(self._noise(count, seed)).cpu()

    @torch.no_grad()
    def stages(self, count: int, *, seed: int = 0) -> list[Stage]:
        """The chain from the base to the whole image, on the CPU."""
        chain = self._chain().stages(*self._noise(count, seed))
        return [Stage._make(part if part is None else part.cpu() for part in stage) for stage in chain]

    def generator(self, k: int) -> nn.Module:
        return self.get_submodule(f"generator_{k}")

    def _scores(self, k: int, h: Tensor, low: tuple[Tensor, ...]) -> Tensor:
        scores: Tensor = self.get_submodule(f"discriminator_{k}")(h, *low)
        return scores[:, 0].float()

    def _draw(self, k: int, count: int, random: torch.Generator | None = None) -> Tensor:
        return 2 * torch.rand(count, *self.noise[k], device=self.device, generator=random) - 1

    def _noise(self, count: int, seed: int | None = None) -> list[Tensor]:
        random = None if seed is None else torch.Generator(self.device).manual_seed(seed)
        return [self._draw(k, count, random) for k in self.levels]

    def _chain(self) -> Chain:
        return Chain([self.generator(k) for k in self.levels], self.inputs)

    def _restored(self, noise: Sequence[Tensor]) -> Tensor:
        """Images as a person sees them."""
        parts = zip(*(z.split(PART) for z in noise), strict=True)
        return torch.cat([self._chain()(*part) for part in parts])

    def networks(self, batch: Batch) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        images, found = self.inputs(batch[0]), {}
        for k in self.levels:
            real, low = self.level(k, images)
            found[f"generator_{k}"] = self.generator(k), (self._draw(k, len(images)), *low)
            found[f"discriminator_{k}"] = self.get_submodule(f"discriminator_{k}"), (real, *low)
        return found

    def deployed(self, batch: Batch) -> tuple[nn.Module, tuple[Tensor, ...]]:
        """Exported is the whole chain, from the noise of all levels to images."""
        return self._chain(), tuple(self._noise(len(batch[0])))

    def pictures(self, batches: Iterable[Batch]) -> Figures:
        strip = sampling_strip([[part if part is None else part.numpy() for part in s] for s in self.stages(4)])
        return {"samples": image_grid((255 * self.sample(100)).byte().numpy(), columns=10), "sampling-strip": strip}


class Chain(nn.Module):
    """From the noise z_0, ..., z_K of all levels to images (B, C, H, W) as a person sees them."""

    def __init__(self, generators: Sequence[nn.Module], inputs: Any) -> None:
        super().__init__()
        self.generators = nn.ModuleList(generators)
        self.inputs = inputs

    def stages(self, *noise: Tensor) -> list[Stage]:
        """I_K, then what every level makes of the image before."""
        *finer, base = zip(self.generators, noise, strict=True)
        generator, z = base
        stages = [Stage(generator(z))]
        for generator, z in reversed(finer):
            low = up(stages[-1].image)
            difference = generator(z, low)
            stages.append(Stage(low + difference, low, difference))
        return stages

    def forward(self, *noise: Tensor) -> Tensor:
        images: Tensor = self.inputs.restore(self.stages(*noise)[-1].image)
        return images
