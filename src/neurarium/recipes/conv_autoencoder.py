"""A convolutional autoencoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.recipes.reconstruction import Reconstruction
from neurarium.train.recipe import Claim, UserError

if TYPE_CHECKING:
    from neurarium.networks.conv_autoencoder import ConvAutoencoder as Network
    from neurarium.train.data import Spec


@dataclass(frozen=True, kw_only=True)
class ConvAutoencoder(Reconstruction):
    """Convolutions down to a code, transposed convolutions back up to the very size of the image.

    neurarium train conv-autoencoder                    # digits inside scikit-learn
    neurarium train conv-autoencoder --data mnist --code-size 16
    neurarium train conv-autoencoder --data photos/     # a folder of images, each class in a folder of its own
    """

    name: ClassVar[str] = "conv-autoencoder"
    paper: ClassVar[str] = (
        "Masci, Meier, Ciresan, Schmidhuber 2011, Stacked convolutional auto-encoders for hierarchical feature "
        "extraction"
    )
    claims: ClassVar[tuple[Claim, ...]] = (Claim("reconstruction_error", 0.0055, at="most"),)
    tiny: ClassVar[dict[str, Any]] = {"epochs": 1.0, "channels": (4, 8), "code_size": 8}

    channels: tuple[int, ...] = (16, 32)
    """Channels after each halving of height and width."""
    code_size: int = 32
    """Numbers of the code; 0: the last maps are the code."""

    def network(self, spec: Spec) -> Network:
        from neurarium.networks.conv_autoencoder import ConvAutoencoder as Network

        if len(spec.shape) != 3:
            raise UserError(f"conv-autoencoder reads images, and {self.data} has none. Use autoencoder for it.")
        channels, height, width = spec.shape
        return Network(size=(height, width), in_channels=channels, channels=self.channels, code_size=self.code_size)
