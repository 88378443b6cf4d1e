"""A GAN on a ring of eight Gaussians: the smallest system of two players."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.train.recipe import Claim, Goal, Recipe

if TYPE_CHECKING:
    from neurarium.tasks.adversarial import Adversarial
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class GANRing(Recipe):
    """Goodfellow et al. 2014 on points whose modes can be counted: collapse shows at once.

    neurarium train gan-ring
    """

    name: ClassVar[str] = "gan-ring"
    family: ClassVar[str] = "adversarial"
    paper: ClassVar[str] = "Goodfellow et al. 2014, Generative adversarial nets"
    goal: ClassVar[Goal] = Goal("quality")
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim("modes", 6.0, paper="of eight; on this ring a plain GAN collapses (Metz et al. 2017)"),
    )
    tiny: ClassVar[dict[str, Any]] = {"steps": 20, "batch_size": 64}

    steps: int = 6000
    """Generator updates."""
    batch_size: int = 512
    """Points of a minibatch."""
    discriminator_steps: int = 1
    """Discriminator updates before each of the generator's: k of the paper's algorithm 1."""
    latent_size: int = 64
    """Numbers of noise behind a point."""
    std: float = 0.05
    """Deviation of each of the eight Gaussians; the ring has radius 2."""
    lr: float = 1e-3
    """Adam's learning rate for both players; it falls to zero along a cosine."""
    ema: float = 0.99
    """Decay of the average of the generator's weights with which samples are made."""

    def open_data(self) -> Data:
        from neurarium.data.gaussians import ring

        return ring(batch_size=self.batch_size, std=self.std)

    def task(self, spec: Spec) -> Adversarial:
        from functools import partial

        from torch.optim import Adam

        from neurarium.losses.adversarial import NonSaturating
        from neurarium.networks.ring_gan import RingDiscriminator, RingGenerator
        from neurarium.nn.inputs import VectorInput
        from neurarium.tasks.adversarial import Adversarial
        from neurarium.tasks.modes import ModesReached
        from neurarium.train.descent import Descent
        from neurarium.train.schedules import cosine

        adam = partial(Adam, lr=self.lr, betas=(0.5, 0.999))
        schedule = cosine(self.steps * self.discriminator_steps)
        return Adversarial(
            generator=RingGenerator(latent_size=self.latent_size),
            discriminator=RingDiscriminator(),
            inputs=VectorInput(),
            latent_size=self.latent_size,
            game=NonSaturating(),
            measure=ModesReached(spec.fitted["modes"], spec.fitted["mode_std"]),
            descents={
                "generator": Descent(optimizer=adam, schedule=cosine(self.steps), ema=self.ema),
                "discriminator": Descent(optimizer=adam, schedule=schedule),
            },
            discriminator_steps=self.discriminator_steps,
        )

    def num_steps(self, spec: Spec) -> int:
        return self.steps
