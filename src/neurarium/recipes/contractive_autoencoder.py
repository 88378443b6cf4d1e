"""A contractive autoencoder: a code that hardly moves when the input does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.recipes.reconstruction import Reconstruction
from neurarium.train.recipe import Claim

if TYPE_CHECKING:
    from neurarium.networks.autoencoder import DenseAutoencoder
    from neurarium.tasks.autoencoder import CodePenalty
    from neurarium.train.data import Spec


@dataclass(frozen=True, kw_only=True)
class ContractiveAutoencoder(Reconstruction):
    """L(x, g(f(x))) + lambda || dh / dx ||_F^2, with sigmoids and tied weights as in the paper.

    neurarium train contractive-autoencoder             # digits inside scikit-learn
    neurarium train contractive-autoencoder --data mnist --loss bernoulli --code-size 1000
    neurarium train contractive-autoencoder --hidden 64 --code-size 16     # by autograd, one backward pass a unit
    """

    name: ClassVar[str] = "contractive-autoencoder"
    paper: ClassVar[str] = (
        "Rifai, Vincent, Muller, Glorot, Bengio 2011, Contractive auto-encoders: explicit invariance during feature "
        "extraction"
    )
    claims: ClassVar[tuple[Claim, ...]] = (Claim("reconstruction_error", 0.008, at="most"),)
    tiny: ClassVar[dict[str, Any]] = {"epochs": 1.0, "code_size": 80}

    hidden: tuple[int, ...] = ()
    """Widths of the layers between input and code, none in the paper."""
    code_size: int = 128
    """Units of the code."""
    weight: float = 0.1
    """Lambda, the factor of the penalty."""

    @property
    def penalty(self) -> CodePenalty:
        from neurarium.tasks.code_penalties import Contractive

        return Contractive(self.weight)

    def network(self, spec: Spec) -> DenseAutoencoder:
        from torch import nn

        from neurarium.networks.autoencoder import DenseAutoencoder

        return DenseAutoencoder(
            shape=spec.shape,
            hidden=self.hidden,
            code_size=self.code_size,
            activation=nn.Sigmoid,
            code_activation=nn.Sigmoid,
            tied=True,
        )
