"""Grey images in, colour images out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.recipes.reconstruction import Reconstruction
from neurarium.train.recipe import Claim, UserError

if TYPE_CHECKING:
    from torch import nn

    from neurarium.networks.conv_autoencoder import ConvAutoencoder
    from neurarium.train.data import Spec


@dataclass(frozen=True, kw_only=True)
class ColorizationAutoencoder(Reconstruction):
    """A convolutional autoencoder that is shown the brightness of an image and has to give back its colours.

    neurarium train colorization-autoencoder            # CIFAR-10
    neurarium train colorization-autoencoder --data photos/
    """

    name: ClassVar[str] = "colorization-autoencoder"
    paper: ClassVar[str] = "Cheng, Yang, Sheng 2015, Deep colorization"
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim("reconstruction_error", 0.0065, at="most", knobs=(("data", "cifar10:20000"), ("epochs", 5.0))),
    )
    tiny: ClassVar[dict[str, Any]] = {"data": "digits", "epochs": 1.0, "channels": (8,)}

    data: str = "cifar10"
    """cifar10, or a folder of colour images by class; grey images are learned as they are."""
    channels: tuple[int, ...] = (32, 64)
    """Channels after each halving of height and width; the last maps are the code."""
    epochs: float = 10.0
    """Passes over the training data."""
    batch_size: int = 64
    """Items of a step."""
    lr: float = 4e-3
    """Peak learning rate of AdamW's one-cycle schedule."""

    def seen(self, targets: nn.Module) -> nn.Module:
        from neurarium.nn.inputs import GreyInput, ImageInput

        assert isinstance(targets, ImageInput)  # `network` refused all else
        return GreyInput(targets)

    def network(self, spec: Spec) -> ConvAutoencoder:
        from neurarium.networks.conv_autoencoder import ConvAutoencoder

        if len(spec.shape) != 3:
            raise UserError(f"colorization-autoencoder reads images, and {self.data} has none. Name images.")
        channels, height, width = spec.shape
        return ConvAutoencoder(
            size=(height, width), in_channels=1, out_channels=channels, channels=self.channels, code_size=0
        )
