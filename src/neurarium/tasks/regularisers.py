"""What the generator of a GAN is charged for besides the game."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from neurarium.losses.adversarial import pulling_away_loss
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
