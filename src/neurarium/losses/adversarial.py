"""Losses of the adversarial game, one value per item, from logits.

D = sigmoid(logit) is the probability that a sample is real. -log D = softplus(-logit) and
-log(1 - D) = softplus(logit), which neither overflow nor take the logarithm of 0 when the discriminator is sure.

A `Game` is what each player minimises. Critics and energies have no sigmoid: their scores are numbers of any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F


def minimax_discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """What the discriminator minimises; Goodfellow et al. 2014, equation 1 and algorithm 1, with the sign turned.

        L_D = - log D(x) - log(1 - D(G(z))) = softplus(-a_real) + softplus(a_fake)

    ln 4 when D = 1/2 everywhere, which is the equilibrium.

    real_logits, fake_logits (B,), as many of each as the algorithm draws; out (B,), one value a pair.
    Raises ValueError when the shapes differ.
    """
    _as_many(real_logits, fake_logits)
    return F.softplus(-real_logits) + F.softplus(fake_logits)


def saturating_generator_loss(fake_logits: Tensor) -> Tensor:
    """What the generator minimises in the minimax game; Goodfellow et al. 2014, algorithm 1.

        L_G = log(1 - D(G(z))) = - softplus(a)

    dL_G/da = - D(G(z)), which vanishes when the discriminator is sure. fake_logits (B,); out (B,).
    """
    return -F.softplus(fake_logits)


def non_saturating_generator_loss(fake_logits: Tensor) -> Tensor:
    """What the generator minimises in practice; Goodfellow et al. 2014, section 3.

        L_G = - log D(G(z)) = softplus(-a)

    The same fixed point as the minimax loss, but dL_G/da = D(G(z)) - 1 is largest when the discriminator is sure.
    fake_logits (B,); out (B,).
    """
    return F.softplus(-fake_logits)


class Game(Protocol):
    """What the two players minimise: scores (B,) of real and of generated samples in, one value per item out, (B,)."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor: ...

    def generator(self, fake: Tensor) -> Tensor: ...

    def standing(self, real: Tensor, fake: Tensor) -> dict[str, float]:
        """How the discriminator does on whole sets of scores, (N,) and (M,)."""


@dataclass(frozen=True)
class Minimax:
    """min_G max_D E log D(x) + E log(1 - D(G(z))); Goodfellow et al. 2014, equation 1 and algorithm 1."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return minimax_discriminator_loss(real, fake)

    def generator(self, fake: Tensor) -> Tensor:
        return saturating_generator_loss(fake)

    def standing(self, real: Tensor, fake: Tensor) -> dict[str, float]:
        return _accuracy(real > 0, fake < 0)


@dataclass(frozen=True)
class NonSaturating:
    """The minimax game with - log D(G(z)) for the generator; Goodfellow et al. 2014, section 3.

    smooth: target of real samples, 1 in the paper; 0.9 is the one-sided label smoothing of Salimans et al. 2016,
        section 3.4: L_D = - s log D(x) - (1 - s) log(1 - D(x)) - log(1 - D(G(z))).
    """

    smooth: float = 1.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        # softplus(a) - softplus(-a) = a: what the smoothed target adds to - log D(x).
        return minimax_discriminator_loss(real, fake) + (1 - self.smooth) * real

    def generator(self, fake: Tensor) -> Tensor:
        return non_saturating_generator_loss(fake)

    def standing(self, real: Tensor, fake: Tensor) -> dict[str, float]:
        return _accuracy(real > 0, fake < 0)


@dataclass(frozen=True)
class Wasserstein:
    """The critic's f estimates W_1 = max over 1-Lipschitz f of E f(x) - E f(G(z)); Arjovsky et al. 2017, equation 2.

    What bounds the slope of f (clipped weights, a penalty) is not part of the game.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        _as_many(real, fake)
        return fake - real

    def generator(self, fake: Tensor) -> Tensor:
        return -fake

    def standing(self, real: Tensor, fake: Tensor) -> dict[str, float]:
        """distance: E f(x) - E f(G(z)), in units of the critic's largest slope."""
        return {"distance": float(real.mean() - fake.mean())}


@dataclass(frozen=True)
class LeastSquares:
    """L_D = (D(x) - 1)^2 / 2 + D(G(z))^2 / 2, L_G = (D(G(z)) - 1)^2 / 2; Mao et al. 2016, equation 9."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        _as_many(real, fake)
        return ((real - 1).square() + fake.square()) / 2

    def generator(self, fake: Tensor) -> Tensor:
        return (fake - 1).square() / 2

    def standing(self, real: Tensor, fake: Tensor) -> dict[str, float]:
        return _accuracy(real > 0.5, fake < 0.5)


@dataclass(frozen=True)
class Hinge:
    """L_D = max(0, 1 - D(x)) + max(0, 1 + D(G(z))), L_G = - D(G(z)); Lim, Ye 2017; Miyato et al. 2018, 16 and 17."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        _as_many(real, fake)
        return F.relu(1 - real) + F.relu(1 + fake)

    def generator(self, fake: Tensor) -> Tensor:
        return -fake

    def standing(self, real: Tensor, fake: Tensor) -> dict[str, float]:
        return _accuracy(real > 0, fake < 0)


@dataclass(frozen=True)
class EnergyMargin:
    """L_D = E(x) + max(0, m - E(G(z))), L_G = E(G(z)); Zhao, Mathieu, LeCun 2016, equations 1 and 2.

    The discriminator's score is an energy, low for what looks real. margin: m, beyond which fakes are bad enough.
    """

    margin: float = 10.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        _as_many(real, fake)
        return real + F.relu(self.margin - fake)

    def generator(self, fake: Tensor) -> Tensor:
        return fake

    def standing(self, real: Tensor, fake: Tensor) -> dict[str, float]:
        return {"real_energy": float(real.mean()), "fake_energy": float(fake.mean())}


GAMES: dict[str, Game] = {
    "minimax": Minimax(),
    "non-saturating": NonSaturating(),
    "wasserstein": Wasserstein(),
    "least-squares": LeastSquares(),
    "hinge": Hinge(),
    "smoothed": NonSaturating(smooth=0.9),
}
"""Games whose players need nothing else, by the names that recipes offer."""


def interpolated_gradient_penalty(slopes: Tensor, *, target: float = 1.0) -> Tensor:
    """(norm(grad D(x^)) - 1)^2 of each item, from the gradients (B, ...); Gulrajani et al. 2017, equation 3.

    The norm runs over all entries of one item; out (B,).
    """
    # The square root has no slope at 0; the paper's penalty there is 1 whatever the direction.
    norm = torch.sqrt(slopes.flatten(1).square().sum(1) + 1e-12)
    return (norm - target).square()


def feature_matching_loss(real: Tensor, fake: Tensor) -> Tensor:
    """|E f(x) - E f(G(z))|^2, which the generator minimises instead of the game's; Salimans et al. 2016, section 3.1.

    real, fake: f(x) and f(G(z)), an intermediate layer of the discriminator, (B, ...) and (B', ...). The two means are
    those of the batch; out (B',), the same value for each generated item.
    """
    apart = real.flatten(1).mean(0) - fake.flatten(1).mean(0)
    return apart.square().sum().expand(len(fake))


def pulling_away_loss(codes: Tensor) -> Tensor:
    """How alike in direction the codes of a batch are, which the generator minimises; Zhao et al. 2016, section 2.4.

        f_PT(S) = 1 / (N (N - 1)) sum_i sum_{j != i} (S_i^T S_j / (|S_i| |S_j|))^2

    From 0, all at right angles, to 1, all along one line. codes (N, ...); out (N,), the same value for each item.
    Raises ValueError for a single one, which is like no other.
    """
    if len(codes) < 2:
        raise ValueError(f"Codes are pulled away from each other, so there must be two of them, received {len(codes)}.")
    directions = F.normalize(codes.flatten(1), dim=1)
    likeness = (directions @ directions.T).square()
    others = likeness.sum() - likeness.diagonal().sum()
    return (others / (len(codes) * (len(codes) - 1))).expand(len(codes))


def _accuracy(real: Tensor, fake: Tensor) -> dict[str, float]:
    """discriminator_accuracy: mean of the shares of real and of generated samples that it names rightly."""
    return {"discriminator_accuracy": (float(real.float().mean()) + float(fake.float().mean())) / 2}


def _as_many(real: Tensor, fake: Tensor) -> None:
    if real.shape != fake.shape:
        raise ValueError(
            "The discriminator's loss expects as many real as generated samples, "
            f"received logits of shape {tuple(real.shape)} and {tuple(fake.shape)}."
        )
