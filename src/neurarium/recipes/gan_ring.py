"""GANs on a ring, a grid or a line of Gaussians: the smallest system of two players."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.train.recipe import Claim, Goal, Recipe, UserError

if TYPE_CHECKING:
    from neurarium.tasks.adversarial import Adversarial
    from neurarium.train.data import Data, Spec


@dataclass(frozen=True, kw_only=True)
class GANRing(Recipe):
    """Goodfellow et al. 2014 on points whose modes can be counted: collapse shows at once.

    neurarium train gan-ring
    neurarium train gan-ring --data grid --num-kernels 8          # minibatch discrimination
    neurarium train gan-ring --game wasserstein --bound penalty   # WGAN-GP; --bound clip is WGAN
    """

    name: ClassVar[str] = "gan-ring"
    family: ClassVar[str] = "adversarial"
    paper: ClassVar[str] = "Goodfellow et al. 2014, Generative adversarial nets"
    goal: ClassVar[Goal] = Goal("quality")
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim("modes", 6.0, paper="of eight; on this ring a plain GAN collapses (Metz et al. 2017)"),
        Claim(
            "modes",
            7.0,
            knobs=(
                ("game", "wasserstein"),
                ("bound", "penalty"),
                ("penalty_weight", 0.1),
                ("discriminator_steps", 5),
                ("batch_size", 256),
            ),
        ),
    )
    tiny: ClassVar[dict[str, Any]] = {"steps": 20, "batch_size": 64}

    data: Literal["ring", "grid", "line"] = "ring"
    """ring: eight modes on a circle of radius 2; grid: 5 x 5, 2 apart; line: at -2 and 2."""
    steps: int = 6000
    """Rounds of the game: the discriminator's updates, then the generator's."""
    batch_size: int = 512
    """Points of a minibatch."""
    discriminator_steps: int = 1
    """Discriminator updates in a round: k of the paper's algorithm 1; 5 with a Wasserstein critic."""
    generator_steps: int = 1
    """Generator updates in a round; more make the coarse alternation in which each player has long turns."""
    latent_size: int = 64
    """Numbers of noise behind a point."""
    std: float = 0.05
    """Deviation of each Gaussian."""
    game: Literal["non-saturating", "minimax", "smoothed", "least-squares", "hinge", "wasserstein"] = "non-saturating"
    """What each player minimises; smoothed: non-saturating with the target 0.9 for real points."""
    bound: Literal["none", "clip", "penalty", "spectral"] = "none"
    """On the discriminator's slope: weights in [-0.1, 0.1] under RMSProp, gradient penalty, spectral normalization."""
    penalty_weight: float = 10.0
    """Of --bound penalty; 10 in the paper on images, while 0.1 lets points fit more closely."""
    num_kernels: int = 0
    """Kernels of minibatch discrimination; 0: the discriminator judges each point by itself."""
    match: bool = False
    """The generator matches mean features of the discriminator's last hidden layer."""
    history: float = 0.0
    """Weight of historical averaging for both players; 0: none."""
    lr: float = 1e-3
    """Learning rate of both players, Adam's but for --bound clip; it falls to zero along a cosine."""
    ema: float = 0.99
    """Decay of the average of the generator's weights with which samples are made."""

    def open_data(self) -> Data:
        from neurarium.data.gaussians import grid, line, ring

        if self.data == "line":
            return line(-2.0, 2.0, batch_size=self.batch_size, std=self.std)
        kind = ring if self.data == "ring" else grid
        return kind(batch_size=self.batch_size, std=self.std)

    def task(self, spec: Spec) -> Adversarial:
        from functools import partial

        from torch import nn
        from torch.optim import Adam, RMSprop

        from neurarium.losses.adversarial import GAMES
        from neurarium.networks.ring_gan import RingDiscriminator, RingGenerator
        from neurarium.nn.inputs import VectorInput
        from neurarium.nn.spectral_norm import SpectralLinear
        from neurarium.tasks.adversarial import Adversarial
        from neurarium.tasks.critics import GradientPenalty
        from neurarium.tasks.modes import ModesReached
        from neurarium.train.descent import Descent
        from neurarium.train.schedules import cosine

        if self.bound == "penalty" and self.num_kernels:
            raise UserError(
                "--bound penalty needs a discriminator that judges each point by itself; with --num-kernels it sees "
                "the whole batch. Leave one of them out."
            )
        (coordinates,) = spec.shape
        generator = RingGenerator(latent_size=self.latent_size, coordinates=coordinates)
        discriminator = RingDiscriminator(
            coordinates=coordinates,
            num_kernels=self.num_kernels,
            linear=SpectralLinear if self.bound == "spectral" else nn.Linear,
        )
        clipped = self.bound == "clip"
        optimizer = partial(RMSprop, lr=self.lr) if clipped else partial(Adam, lr=self.lr, betas=(0.5, 0.999))
        descent = partial(Descent, optimizer=optimizer, history=self.history)
        return Adversarial(
            generator=generator,
            discriminator=discriminator,
            inputs=VectorInput(),
            latent_size=self.latent_size,
            game=GAMES[self.game],
            measure=ModesReached(spec.fitted["modes"], spec.fitted["mode_std"]),
            descents={
                "generator": descent(schedule=cosine(self.steps * self.generator_steps), ema=self.ema),
                "discriminator": descent(
                    schedule=cosine(self.steps * self.discriminator_steps), weight_bound=0.1 if clipped else None
                ),
            },
            penalties={"gradient_penalty": GradientPenalty(self.penalty_weight)} if self.bound == "penalty" else None,
            match=discriminator.features if self.match else None,
            discriminator_steps=self.discriminator_steps,
            generator_steps=self.generator_steps,
        )

    def num_steps(self, spec: Spec) -> int:
        return self.steps
