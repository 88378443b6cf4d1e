"""An encoder that is learned in the game."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from neurarium.losses.adversarial import NonSaturating, minimax_discriminator_loss
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


class LearnedInference(MayCollapse):
    """Adversarially learned inference; Dumoulin et al. 2016, equation 2 and algorithm 1.

        min_G max_D E_q [log D(x, G_z(x))] + E_p [log(1 - D(G_x(z), z))]

    The discriminator sees pairs: (x, z^) with z^ ~ q(z | x) = N(mu, diag s^2), and (x~, z) with x~ = G_x(z) and
    z ~ N(0, I). Where it cannot tell them apart the two joint distributions are one, and the encoder inverts the
    decoder. Of rho_q and rho_p, what it says of a pair of each kind:

        L_D = - log rho_q - log(1 - rho_p),    L_G = - log(1 - rho_q) - log rho_p

    Encoder and decoder, the paper's two halves of G, move together, after the discriminator; the paper moves all at
    once, on the same minibatch, as here.

    encoder: images as `inputs` makes them to mu and log s^2, one after the other, (B, 2 d). generator: z (B, d) to
        images. discriminator: images and z to scores (B, 1). latent_size: d. measure: as in Adversarial.
    """

    def __init__(
        self,
        *,
        encoder: nn.Module,
        generator: nn.Module,
        discriminator: nn.Module,
        inputs: nn.Module,
        latent_size: int,
        descents: Mapping[str, Descent],
        measure: Measure,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.generator = generator
        self.discriminator = discriminator
        self.inputs: Any = inputs
        self.latent_size = latent_size
        self.descents = dict(descents)
        self.measure = measure

    def steppers(self, make: MakeStepper) -> dict[str, Stepper]:
        return {
            "discriminator": make(self.discriminator, self.descents["discriminator"]),
            "generator": make([self.encoder, self.generator], self.descents["generator"]),
        }

    def step(self, batches: Iterator[Batch], steppers: Mapping[str, Stepper]) -> dict[str, Mean]:
        batch = next(batches)
        judged = steppers["discriminator"].update(self.discriminator_loss, batch)
        fooled = steppers["generator"].update(self.generator_loss, batch)
        return {**judged, **fooled}

    def discriminator_loss(self, batch: Batch) -> dict[str, Mean]:
        with torch.no_grad():
            pairs = self._pairs(self.inputs(batch[0]))
        inferred, generated = self._scores(*pairs)
        return {"discriminator_loss": Mean.of(minimax_discriminator_loss(inferred, generated))}

    def generator_loss(self, batch: Batch) -> dict[str, Mean]:
        """Of encoder and decoder: the discriminator's with the two kinds of pairs exchanged."""
        inferred, generated = self._scores(*self._pairs(self.inputs(batch[0])))
        return {"generator_loss": Mean.of(minimax_discriminator_loss(generated, inferred))}

    def _pairs(self, x: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """(x, z^) and (x~, z), as many of each."""
        mean, log_variance = self.posterior(x)
        inferred = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        z = self._draw(len(x))
        return (x, inferred), (self.generator(z), z)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """mu and log s^2 of q(z | x), each (B, d) float32, of prepared images."""
        mean, log_variance = self.encoder(x).float().chunk(2, dim=1)
        return mean, log_variance

    def _scores(self, *pairs: tuple[Tensor, Tensor]) -> list[Tensor]:
        return [self.discriminator(x, z)[:, 0].float() for x, z in pairs]

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """What `measure` says of up to 2,000 items and as many samples; reconstruction_error: mean squared difference
        of pixels in 0..1 of images and of what is decoded from mu; code_std: deviation of all numbers of the codes of
        all images, 1 as the prior's where the game is over; discriminator_accuracy: of pairs."""
        images = evenly(torch.cat([batch[0] for batch in batches]))
        real, fake, again, codes, scores = [], [], [], [], []
        for part in images.split(PART):
            x = self.inputs(part)
            pairs = self._pairs(x)
            scores.append(torch.stack(self._scores(*pairs)))
            codes.append(pairs[0][1])
            real.append(self.inputs.restore(x))
            fake.append(self.inputs.restore(pairs[1][0]))
            again.append(self.inputs.restore(self.generator(self.posterior(x)[0])))
        seen = torch.cat(real)
        return {
            **self.measure(seen, torch.cat(fake), None),
            "reconstruction_error": float((seen - torch.cat(again)).square().mean()),
            "code_std": float(torch.cat(codes).std()),
            **NonSaturating().standing(*torch.cat(scores, 1)),
            "items": float(len(images)),
        }

    @torch.no_grad()
    def encode(self, x: Any) -> Tensor:
        """mu of q(z | x), (N, d) on the CPU, of N images as the data holds them: a tensor or a numpy array."""
        parts = to_tensor(x).to(self.device).split(PART)
        return torch.cat([self.posterior(self.inputs(part))[0].cpu() for part in parts])

    @torch.no_grad()
    def decode(self, z: Any) -> Tensor:
        """Images (N, C, H, W) from 0 to 1, on the CPU, of codes (N, d)."""
        parts = to_tensor(z).to(self.device, torch.float32).split(PART)
        return torch.cat([self.inputs.restore(self.generator(part)).cpu() for part in parts])

    def reconstruct(self, x: Any) -> Tensor:
        """G_x(mu(x)), images (N, C, H, W) from 0 to 1; x as the data holds it."""
        return self.decode(self.encode(x))

    def sample(self, count: int, *, labels: Any = None, seed: int = 0) -> Tensor:
        """Images (count, C, H, W) from 0 to 1. Raises ValueError for labels, which the generator is not told."""
        if labels is not None:
            asked(labels, count, None, self.device)
        return self.decode(self._draw(count, torch.Generator(self.device).manual_seed(seed)))

    def _draw(self, count: int, random: torch.Generator | None = None) -> Tensor:
        return torch.randn(count, self.latent_size, device=self.device, generator=random)

    def networks(self, batch: Batch) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        x, z = self.inputs(batch[0]), self._draw(len(batch[0]))
        return {
            "encoder": (self.encoder, (x,)),
            "generator": (self.generator, (z,)),
            "discriminator": (self.discriminator, (x, z)),
        }

    def deployed(self, batch: Batch) -> tuple[nn.Module, tuple[Tensor, ...]]:
        return Sampler(self.generator, self.inputs), (self._draw(len(batch[0])),)

    def pictures(self, batches: Iterable[Batch]) -> Figures:
        x = next(iter(batches))[0][:12]
        pairs = {"image": self.inputs.restore(self.inputs(x)).cpu(), "decoded": self.reconstruct(x)}
        return {
            "samples": image_grid((255 * self.sample(100)).byte().numpy(), columns=10),
            "reconstructions": reconstruction_gallery({name: images.numpy() for name, images in pairs.items()}),
        }
