"""How likely is it, and from which hidden cause? Variational autoencoders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.losses.elbo import gaussian_kl, importance_weighted_bound
from neurarium.losses.likelihood import gaussian_nll
from neurarium.tasks.classification import to_tensor
from neurarium.tasks.given_labels import with_labels
from neurarium.tasks.pixels import PixelModel
from neurarium.tasks.sampling import even_normal
from neurarium.tasks.vae_pictures import pictures
from neurarium.train.data import Batch
from neurarium.train.descent import Descent
from neurarium.train.mean import Mean
from neurarium.train.task import Figures, LossTask, mean_over

CHUNK = 1000
"""Items of one forward pass of `encode` and `decode`; codes of one pass of `log_likelihood` are 20 times as many."""
SAMPLES = 8
"""Codes drawn for each item of an evaluation."""


class VariationalAutoencoder(LossTask):
    """Maximises a lower bound on log p(x); Kingma, Welling 2014, equation 10, with L = 1.

        log p(x) >= ELBO = E_q(z|x)[log p(x | z)] - KL(q(z | x) || N(0, I)),    z = mu + s eps,  eps ~ N(0, I)

    encoder: from prepared inputs to mu and log s^2 of q(z | x), one after the other, (B, 2 d). decoder: from codes
        (B, d) to what `pixels` reads, of the shape of the inputs.
    inputs: from what the data holds to images in [0, 1]. pixels: p(x | z). latent_size: d.
    beta: weight of the divergence while it learns (Higgins et al. 2017); measures are those of the bound, beta = 1.
    classes: names of the labels that come with the data. conditional: both networks get the class, one-hot, as their
        second argument, and the bound is one on log p(x | y) (Sohn et al. 2015).
    Batches are NamedTuples whose first field is x; the last of several are labels.
    """

    def __init__(
        self,
        *,
        encoder: nn.Module,
        decoder: nn.Module,
        inputs: nn.Module,
        pixels: PixelModel,
        latent_size: int,
        descent: Descent,
        beta: float = 1.0,
        classes: Sequence[str] = (),
        conditional: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.inputs = inputs
        self.pixels = pixels
        self.latent_size = latent_size
        self.descent = descent
        self.beta = beta
        self.classes = tuple(classes)
        self.conditional = conditional

    def loss(self, batch: Batch) -> dict[str, Mean]:
        """loss: reconstruction + beta divergence, minimised. reconstruction: -log p(x | z). divergence: KL(q || p).
        negative_elbo: their sum. All are sums over pixels and codes, in nats, means over items."""
        x, told = self.inputs(batch[0]), self.told(batch[-1])
        mean, log_variance = self.posterior(x, told)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        reconstruction = self.pixels.nll(self.decoder(z, *told).float(), x)
        divergence = gaussian_kl(mean, log_variance)
        return {
            "loss": Mean.of(reconstruction + self.beta * divergence),
            "negative_elbo": Mean.of((reconstruction + divergence).detach()),
            "reconstruction": Mean.of(reconstruction.detach()),
            "divergence": Mean.of(divergence.detach()),
        }

    def posterior(self, x: Tensor, told: tuple[Tensor, ...] = ()) -> tuple[Tensor, Tensor]:
        """mu and log s^2 of q(z | x), each (B, d) float32, of prepared inputs."""
        mean, log_variance = self.encoder(x, *told).float().chunk(2, dim=1)
        return mean, log_variance

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """The bound and its parts from 8 codes an item; importance_nll: minus the tighter bound L_8 from these."""

        def measures(batch: Batch) -> dict[str, Mean]:
            x, told = self.inputs(batch[0]), self.told(batch[-1])
            mean, log_variance = self.posterior(x, told)
            noise = even_normal(len(x), SAMPLES, mean.shape[1]).to(mean)
            nll, log_weights = self._weigh(x, told, mean, log_variance, noise)
            reconstruction, divergence = nll.mean(1), gaussian_kl(mean, log_variance)
            return {
                "loss": Mean.of(reconstruction + self.beta * divergence),
                "negative_elbo": Mean.of(reconstruction + divergence),
                "reconstruction": Mean.of(reconstruction),
                "divergence": Mean.of(divergence),
                "importance_nll": Mean.of(-importance_weighted_bound(log_weights)),
            }

        return mean_over(batches, measures)

    def _weigh(
        self, x: Tensor, told: tuple[Tensor, ...], mean: Tensor, log_variance: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """-log p(x | z) and log p(x, z) / q(z | x), both (B, S), at z = mu + s eps; noise eps (B, S, d)."""
        B, S, d = noise.shape
        z = (mean[:, None] + torch.exp(0.5 * log_variance)[:, None] * noise).view(B * S, d)
        wide = [values.repeat_interleave(S, 0) for values in (x, *told, mean, log_variance)]
        nll = self.pixels.nll(self.decoder(z, *wide[1:-2]).float(), wide[0])
        prior = gaussian_nll(torch.zeros_like(z), z, torch.zeros_like(z))
        log_weights = gaussian_nll(wide[-2], z, wide[-1]) - prior - nll
        return nll.view(B, S), log_weights.view(B, S)

    @torch.no_grad()
    def log_likelihood(self, x: Any, *, samples: int = 200, labels: Any = None, seed: int = 0) -> Tensor:
        """The bound L_S of Burda et al. 2016 on log p(x), or log p(x | y), in nats, (N,) on the CPU; x as the data
        holds it. It rises with the number of samples S, and is tight for many."""
        generator = torch.Generator().manual_seed(seed)
        bounds = []
        for part, names in self._parts(x, labels, max(1, 20 * CHUNK // samples)):
            images, told = self.inputs(part), self.told(names)
            mean, log_variance = self.posterior(images, told)
            noise = torch.randn(len(part), samples, mean.shape[1], generator=generator).to(mean)
            _, log_weights = self._weigh(images, told, mean, log_variance, noise)
            bounds.append(importance_weighted_bound(log_weights).cpu())
        return torch.cat(bounds)

    @torch.no_grad()
    def encode(self, x: Any, *, labels: Any = None) -> Tensor:
        """mu of q(z | x), (N, d) on the CPU, of N items as the data holds them: a tensor or a numpy array."""
        parts = self._parts(x, labels, CHUNK)
        return torch.cat([self.posterior(self.inputs(part), self.told(names))[0].cpu() for part, names in parts])

    @torch.no_grad()
    def decode(self, z: Any, *, labels: Any = None) -> Tensor:
        """E[x | z] as images (N, C, H, W) in [0, 1], on the CPU, of codes (N, d)."""
        parts = self._parts(to_tensor(z).float(), labels, CHUNK)
        return torch.cat([self.pixels.mean(self.decoder(part, *self.told(y)).float()).cpu() for part, y in parts])

    def reconstruct(self, x: Any, *, labels: Any = None) -> Tensor:
        """E[x | z] at z = mu, images (N, C, H, W) in [0, 1]; x as the data holds it."""
        return self.decode(self.encode(x, labels=labels), labels=labels)

    def sample(self, count: int, *, labels: Any = None, seed: int = 0) -> Tensor:
        """E[x | z] for z ~ N(0, I), images (count, C, H, W) in [0, 1]. labels (count,) int64 for a conditional model;
        without them its classes come in turn."""
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(count, self.latent_size, generator=generator)
        if self.conditional and labels is None:
            labels = torch.arange(count) % len(self.classes)
        return self.decode(z, labels=labels)

    def told(self, labels: Tensor | None) -> tuple[Tensor, ...]:
        """What both networks are told besides: (B, classes) one-hot, or nothing."""
        if not self.conditional:
            return ()
        assert labels is not None
        return (F.one_hot(labels.long(), len(self.classes)).float(),)

    def _parts(self, x: Any, labels: Any, size: int) -> Iterable[tuple[Tensor, Tensor | None]]:
        """Chunks of items on the device, with their labels where the model is conditional."""
        num_classes = len(self.classes) if self.conditional else None
        return with_labels(to_tensor(x), labels, num_classes=num_classes, size=size, device=self.device)

    def networks(self, batch: Batch) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        x, told = self.inputs(batch[0]), self.told(batch[-1])
        with torch.no_grad():
            mean, _ = self.posterior(x, told)
        return {"encoder": (self.encoder, (x, *told)), "decoder": (self.decoder, (mean, *told))}

    def deployed(self, batch: Batch) -> tuple[nn.Module, tuple[Tensor, ...]]:
        """Exported is the way from items to mu and log s^2."""
        return Posterior(self.inputs, self.encoder), (batch[0], *self.told(batch[-1]))

    @torch.no_grad()
    def pictures(self, batches: Iterable[Batch]) -> Figures:
        return pictures(self, batches)


class Posterior(nn.Module):
    """Inputs and encoder as one module, for export."""

    def __init__(self, inputs: nn.Module, encoder: nn.Module) -> None:
        super().__init__()
        self.inputs = inputs
        self.encoder = encoder

    def forward(self, x: Tensor, *told: Tensor) -> Tensor:
        parameters: Tensor = self.encoder(self.inputs(x), *told)
        return parameters
