"""Two autoencoders of scikit-learn's digits with codes of two numbers, alike but for the pull to a standard normal."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from neurarium.nn.dense import dense_layers

NOISE = 0.25
"""Deviation of the Gaussian that p(x | z) is, of pixels from 0 to 1."""
BATCH = 128


@dataclass(frozen=True, slots=True)
class Trained:
    """Encoder: images (B, 64) -> means (B, 2), and with `variational` log variances beside them, (B, 4)."""

    encoder: nn.Module
    decoder: nn.Module
    variational: bool

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """Codes (N, 2) of images (N, 64): the means."""
        return self.encoder(x)[:, :2]

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Images (N, 64) of codes (N, 2)."""
        return torch.sigmoid(self.decoder(z))

    @torch.no_grad()
    def log_values(self, x: Tensor, *, seed: int) -> dict[str, float]:
        """What a run of a variational autoencoder logs, in nats, means over images (N, 64)."""
        mean, log_variance = self.encoder(x).chunk(2, 1)
        noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(seed))
        reconstruction = float(nll(self.decode(mean + torch.exp(log_variance / 2) * noise), x).mean())
        divergence = float(gaussian_kl(mean, log_variance).mean())
        return {
            "reconstruction": reconstruction,
            "divergence": divergence,
            "negative_elbo": reconstruction + divergence,
            "deviation_of_a_code": float(torch.exp(log_variance / 2).mean()),
        }


def digits() -> tuple[Tensor, np.ndarray]:
    """x (1797, 64) from 0 to 1 and labels (1797,)."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return torch.tensor(bunch.images / 16).float().flatten(1), np.asarray(bunch.target)


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mu, diag s^2) || N(0, I)) = 1/2 sum_j (s_j^2 + mu_j^2 - 1 - log s_j^2), (B,) of (B, d) each."""
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(1)


def nll(found: Tensor, x: Tensor) -> Tensor:
    """-log p(x | z), (B,), of images found and given, (B, 64): a Gaussian of deviation 0.25 around what is found."""
    each = (found - x).square() / (2 * NOISE**2) + math.log(NOISE * math.sqrt(2 * math.pi))
    return each.sum(1)


def train(x: Tensor, *, variational: bool, pull: float = 1.0, steps: int = 600, seed: int = 0) -> Trained:
    """Minimises -log p(x | z), z = f(x); if variational, -log p(x | z) + pull KL(q(z | x) || N(0, I)) with
    z = mu + s eps. Adam with one cycle of the rate."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        decoder = dense_layers((2, 64, 128, 64))
        encoder = dense_layers((64, 128, 64, 4 if variational else 2))
        descent = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=5e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(descent, 5e-3, steps)
        for _ in range(steps):
            batch = x[torch.randint(len(x), (BATCH,))]
            code, divergence = encoder(batch), torch.zeros(())
            if variational:
                mean, log_variance = code.chunk(2, 1)
                code = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
                divergence = gaussian_kl(mean, log_variance)
            loss = (nll(torch.sigmoid(decoder(code)), batch) + pull * divergence).mean()
            descent.zero_grad()
            loss.backward()
            descent.step()
            schedule.step()
    return Trained(encoder, decoder, variational)
