"""A sparse autoencoder: a wide code of which few units are active."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.recipes.reconstruction import Reconstruction
from neurarium.train.recipe import Claim

if TYPE_CHECKING:
    from neurarium.networks.autoencoder import DenseAutoencoder
    from neurarium.tasks.autoencoder import CodePenalty
    from neurarium.train.data import Spec


@dataclass(frozen=True, kw_only=True)
class SparseAutoencoder(Reconstruction):
    """A code wider than the input, charged for its activity: sum (g_i - x_i)^2 + lambda sum_j |h_j|, or Ng's KL term.

    neurarium train sparse-autoencoder                  # digits inside scikit-learn
    neurarium train sparse-autoencoder --data mnist --code-size 1024
    neurarium train sparse-autoencoder --kind kl --weight 0.3
    """

    name: ClassVar[str] = "sparse-autoencoder"
    paper: ClassVar[str] = "Ng 2011, CS294A lecture notes, Sparse autoencoder"
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim("reconstruction_error", 0.0066, at="most"),
        Claim("active_units", 0.14, at="most"),
    )
    tiny: ClassVar[dict[str, Any]] = {"epochs": 1.0, "code_size": 80}

    code_size: int = 128
    """Units of the code; with sparsity there may be more of them than inputs."""
    kind: Literal["l1", "kl"] = "l1"
    """l1: sizes of the activities, over ReLU units. kl: their means against a target, over sigmoids."""
    weight: float = 0.1
    """Lambda, the factor of the penalty."""
    target: float = 0.05
    """Of kl: the share of items for which a unit should be on."""

    @property
    def penalty(self) -> CodePenalty:
        from neurarium.tasks.code_penalties import KLSparsity, L1Activity

        return L1Activity(self.weight) if self.kind == "l1" else KLSparsity(self.weight, self.target)

    def network(self, spec: Spec) -> DenseAutoencoder:
        from torch import nn

        from neurarium.networks.autoencoder import DenseAutoencoder

        unit = nn.ReLU if self.kind == "l1" else nn.Sigmoid
        # Tied, or the decoder would grow its weights and the code could be small without being sparse.
        return DenseAutoencoder(
            shape=spec.shape, hidden=(), code_size=self.code_size, code_activation=unit, tied=self.kind == "l1"
        )
