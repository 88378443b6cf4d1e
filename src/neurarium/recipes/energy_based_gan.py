"""EBGAN: the discriminator is an autoencoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.recipes.image_gan import ImageGAN, power_of_two
from neurarium.train.recipe import Claim

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurarium.losses.adversarial import Game
    from neurarium.recipes.image_gan import Players
    from neurarium.train.data import Spec


@dataclass(frozen=True, kw_only=True)
class EnergyBasedGAN(ImageGAN):
    """Zhao, Mathieu, LeCun 2016: images that are real are put together again, others at a cost up to the margin.

    neurarium train energy-based-gan
    neurarium train energy-based-gan --pulling-away 0.1     # EBGAN-PT: codes of a batch must differ
    neurarium train energy-based-gan --data faces --margin 20
    """

    name: ClassVar[str] = "energy-based-gan"
    paper: ClassVar[str] = "Zhao, Mathieu, LeCun 2016, Energy-based generative adversarial network"
    claims: ClassVar[tuple[Claim, ...]] = ()
    tiny: ClassVar[dict[str, Any]] = {**ImageGAN.tiny, "pulling_away": 0.1}

    margin: float = 10.0
    """m: energy beyond which a generated image is bad enough. Pixels lie between -1 and 1."""
    lr: float = 1e-3
    """Learning rate of both players."""
    pulling_away: float = 0.0
    """Weight of the pulling-away term; 0.1 in the paper, 0: none."""

    def game(self) -> Game:
        from neurarium.losses.adversarial import EnergyMargin

        return EnergyMargin(self.margin)

    def roles(self, spec: Spec) -> Mapping[str, Any]:
        from neurarium.networks.energy_gan import code_size
        from neurarium.tasks.regularisers import PullingAway

        if not self.pulling_away:
            return {}
        _, height, width = self.images(spec)
        return {
            "auxiliary": PullingAway(
                code_size(size=power_of_two(height, width), width=self.width), weight=self.pulling_away
            )
        }

    def players(self, shape: tuple[int, ...], *, told: int, shown: int, predicted: int) -> Players:
        from neurarium.networks.energy_gan import EnergyDiscriminator

        generator, _, inputs = super().players(shape, told=told, shown=shown, predicted=0)
        channels, height, width = shape
        discriminator = EnergyDiscriminator(
            size=power_of_two(height, width), channels=channels, width=self.width, show_code=predicted > 0
        )
        return generator, discriminator, inputs
