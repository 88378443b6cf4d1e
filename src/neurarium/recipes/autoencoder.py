"""An autoencoder: the input by way of a code that is smaller than it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.recipes.reconstruction import Reconstruction
from neurarium.train.recipe import Claim

if TYPE_CHECKING:
    from neurarium.networks.autoencoder import DenseAutoencoder
    from neurarium.train.data import Spec


@dataclass(frozen=True, kw_only=True)
class Autoencoder(Reconstruction):
    """Dense layers to a code and back; undercomplete, so that copying does not pay.

    neurarium train autoencoder                         # digits inside scikit-learn
    neurarium train autoencoder --data mnist --code-size 2
    neurarium train autoencoder --data wine --code-size 3
    """

    name: ClassVar[str] = "autoencoder"
    paper: ClassVar[str] = "Rumelhart, Hinton, Williams 1986, Learning internal representations by error propagation"
    claims: ClassVar[tuple[Claim, ...]] = (Claim("reconstruction_error", 0.004, at="most"),)
    tiny: ClassVar[dict[str, Any]] = {"epochs": 1.0, "hidden": (32,), "code_size": 2}

    hidden: tuple[int, ...] = (256, 128)
    """Widths of the layers between input and code; the decoder has them in reverse order."""
    code_size: int = 32
    """Numbers of the code; 2 are drawn as a map of the classes."""

    def network(self, spec: Spec) -> DenseAutoencoder:
        from neurarium.networks.autoencoder import DenseAutoencoder

        return DenseAutoencoder(shape=spec.shape, hidden=self.hidden, code_size=self.code_size)
