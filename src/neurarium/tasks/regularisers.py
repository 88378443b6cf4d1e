"""What the generator of a GAN is charged for besides the game."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from neurarium.losses.adversarial import pulling_away_loss
from neurarium.losses.penalties import orthogonality_penalty
from neurarium.tasks.conditions import Parts


@dataclass(frozen=True)
class PullingAway:
    """Generated images must not have codes alike, or it costs weight f_PT; Zhao et al. 2016, section 2.4 (EBGAN-PT).

    An auxiliary loss of the adversarial task: columns 1 and up of the discriminator's scores are the code, of `size`
    numbers, that its encoder gives an image.
    """

    size: int
    weight: float = 0.1

    def discriminator(self, real: Tensor, fake: Tensor, labels: Tensor | None, c: Tensor) -> Parts:
        return {}

    def generator(self, fake: Tensor, c: Tensor) -> Parts:
        return {"pulling_away": self.weight * pulling_away_loss(fake)}


@dataclass(frozen=True)
class Orthogonality:
    """Filters of the generator's layers must be at right angles, or it costs weight |W W^T * (1 - I)|^2.

    Brock et al. 2018, equation 3, with beta of 1e-4: it makes samples of truncated noise look like others. An auxiliary
    loss of the adversarial task that reads no scores. layers: whose `weight` is charged.
    """

    layers: tuple[nn.Module, ...]
    weight: float = 1e-4
    size: int = 0

    def discriminator(self, real: Tensor, fake: Tensor, labels: Tensor | None, c: Tensor) -> Parts:
        return {}

    def generator(self, fake: Tensor, c: Tensor) -> Parts:
        weights = (layer.weight for layer in self.layers if isinstance(layer.weight, Tensor))
        return {"orthogonality": (self.weight * orthogonality_penalty(weights)).expand(len(fake))}
