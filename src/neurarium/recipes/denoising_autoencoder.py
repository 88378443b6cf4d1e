"""A denoising autoencoder: spoiled input, clean target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.recipes.reconstruction import Reconstruction
from neurarium.train.recipe import Claim, Goal

if TYPE_CHECKING:
    from neurarium.networks.autoencoder import DenseAutoencoder
    from neurarium.nn.corruption import Corruption
    from neurarium.train.data import Spec


@dataclass(frozen=True, kw_only=True)
class DenoisingAutoencoder(Reconstruction):
    """min L(x, g(f(x + w))), w noise, or masked entries: it cannot copy, and has to know what digits look like.

    neurarium train denoising-autoencoder               # digits inside scikit-learn
    neurarium train denoising-autoencoder --data mnist --noise gaussian --amount 0.4
    neurarium train denoising-autoencoder --data mnist --loss bernoulli --noise masking --amount 0.25
    """

    name: ClassVar[str] = "denoising-autoencoder"
    paper: ClassVar[str] = (
        "Vincent, Larochelle, Bengio, Manzagol 2008, Extracting and composing robust features with denoising "
        "autoencoders"
    )
    goal: ClassVar[Goal] = Goal("restored_error", best="min")
    claims: ClassVar[tuple[Claim, ...]] = (Claim("restored_error", 0.018, at="most"),)
    tiny: ClassVar[dict[str, Any]] = {"epochs": 1.0, "hidden": (32,), "code_size": 16}

    hidden: tuple[int, ...] = (256,)
    """Widths of the layers between input and code; the decoder has them in reverse order."""
    code_size: int = 128
    """Numbers of the code."""
    noise: Literal["gaussian", "masking", "salt-and-pepper"] = "gaussian"
    """Normal noise on every value; or chosen values set to 0; or to 0 or 1."""
    amount: float = 0.3
    """Deviation of normal noise; share of the values that are chosen for the others."""

    @property
    def corruption(self) -> Corruption:
        from neurarium.nn.corruption import AdditiveNoise, MaskingNoise, SaltAndPepper

        kinds: dict[str, type] = {
            "gaussian": AdditiveNoise,
            "masking": MaskingNoise,
            "salt-and-pepper": SaltAndPepper,
        }
        noise: Corruption = kinds[self.noise](self.amount)
        return noise

    def network(self, spec: Spec) -> DenseAutoencoder:
        from neurarium.networks.autoencoder import DenseAutoencoder

        return DenseAutoencoder(shape=spec.shape, hidden=self.hidden, code_size=self.code_size)
