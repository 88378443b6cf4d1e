"""Two small adversarial games: on a line, where every density is known, and on a ring, where modes can be counted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.nn.dense import dense_layers

MEAN, STD = 1.5, 0.5
"""Of the data on the line; the generator begins with -2 and 1."""
BATCH = 256
JUDGED = np.linspace(-5.5, 4.5, 201)
"""Where D is asked on the line."""
MODES, RADIUS, WIDTH = 8, 2.0, 0.1
"""Gaussians on the ring, its radius, and their deviation."""
LATENT = 16


@dataclass(frozen=True, slots=True)
class Moment:
    """The game on the line after some rounds: G(z) = mean + std z, and D (201,) at JUDGED."""

    round: int
    mean: float
    std: float
    judged: np.ndarray


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The game on the ring after some rounds: 512 points from the same codes, and how many modes they reach."""

    round: int
    points: np.ndarray
    modes: int


def normal(x: np.ndarray, mean: float, std: float) -> np.ndarray:
    """The density N(x; mean, std^2)."""
    return np.asarray(np.exp(-0.5 * ((x - mean) / std) ** 2) / (std * math.sqrt(2 * math.pi)))


def line_game(moments: Sequence[int], *, seed: int) -> list[Moment]:
    """Algorithm 1 of Goodfellow et al. 2014 with k = 3 on numbers: data N(1.5, 0.5^2), noise N(0, 1).

    The generator is a line, G(z) = m + s z, so that its density is known: N(m, s^2). The discriminator is a network of
    two layers of 16 tanh units. Both rates fall to zero.
    """
    rounds = max(moments)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = nn.Linear(1, 1)
        nn.init.constant_(generator.weight, 1.0)
        nn.init.constant_(generator.bias, -2.0)
        discriminator = dense_layers((1, 16, 16, 1), activation=nn.Tanh)
        moves = [
            torch.optim.Adam(network.parameters(), lr=0.02, betas=(0.5, 0.999))
            for network in (discriminator, generator)
        ]
        found = []
        for done in range(rounds + 1):
            if done in moments:
                mean, std = float(generator.bias.detach()), abs(float(generator.weight.detach()))
                found.append(Moment(done, mean, std, _judged(discriminator)))
            for move in moves:
                move.param_groups[0]["lr"] = 0.02 * max(1 - done / rounds, 0.02)
            for _ in range(3):
                _descend(moves[0], _discriminator_loss(discriminator, MEAN + STD * _noise(1), generator(_noise(1))))
            _descend(moves[1], _generator_loss(discriminator(generator(_noise(1)))))
    return found


def ring_game(moments: Sequence[int], *, turns: int, seed: int) -> list[Snapshot]:
    """Both players have two layers of 64 tanh units and Adam with a rate of 0.002; the generator moves `turns` times
    for each move of the discriminator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = dense_layers((LATENT, 64, 64, 2), activation=nn.Tanh)
        discriminator = dense_layers((2, 64, 64, 1), activation=nn.Tanh)
        moves = [
            torch.optim.Adam(network.parameters(), lr=2e-3, betas=(0.5, 0.999))
            for network in (discriminator, generator)
        ]
        shown, found = torch.randn(512, LATENT), []
        for done in range(max(moments) + 1):
            if done in moments:
                points = generator(shown).detach()
                found.append(Snapshot(done, points.numpy(), modes_reached(points)))
            at = centers()[torch.randint(MODES, (BATCH // 2,))]
            real = at + WIDTH * torch.randn(BATCH // 2, 2)
            _descend(moves[0], _discriminator_loss(discriminator, real, generator(torch.randn(BATCH // 2, LATENT))))
            for _ in range(turns):
                _descend(moves[1], _generator_loss(discriminator(generator(torch.randn(BATCH // 2, LATENT)))))
    return found


def centers() -> Tensor:
    """(8, 2)."""
    angle = 2 * math.pi * torch.arange(MODES) / MODES
    return RADIUS * torch.stack([angle.cos(), angle.sin()], 1)


def modes_reached(points: Tensor) -> int:
    """Modes with one of a hundred points (N, 2) within three deviations (Metz et al. 2017, section 3.1)."""
    distance, nearest = torch.cdist(points, centers()).min(1)
    hits = torch.bincount(nearest[distance <= 3 * WIDTH], minlength=MODES)
    return int((hits >= len(points) / 100).sum())


def _noise(size: int) -> Tensor:
    return torch.randn(BATCH, size)


def _discriminator_loss(discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """- V: the mean of - log D(x) and that of - log(1 - D(G(z)))."""
    return F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake.detach())).mean()


def _generator_loss(scores: Tensor) -> Tensor:
    """- log D(G(z)), the loss that does not saturate."""
    return F.softplus(-scores).mean()


def _descend(move: torch.optim.Optimizer, loss: Tensor) -> None:
    move.zero_grad()
    loss.backward()
    move.step()


@torch.no_grad()
def _judged(discriminator: nn.Module) -> np.ndarray:
    x = torch.tensor(JUDGED, dtype=torch.float32)[:, None]
    return np.asarray(torch.sigmoid(discriminator(x))[:, 0].double().numpy())
