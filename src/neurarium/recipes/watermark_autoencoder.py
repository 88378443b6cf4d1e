"""Images with a watermark in, images without it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.recipes.reconstruction import Reconstruction
from neurarium.train.recipe import Claim, Goal, UserError

if TYPE_CHECKING:
    from neurarium.networks.conv_autoencoder import ConvAutoencoder
    from neurarium.nn.corruption import Corruption
    from neurarium.train.data import Spec


@dataclass(frozen=True, kw_only=True)
class WatermarkAutoencoder(Reconstruction):
    """A denoising autoencoder whose noise is a word over the image, at another place in every step.

    neurarium train watermark-autoencoder               # CIFAR-10
    neurarium train watermark-autoencoder --data fashion-mnist --opacity 1
    """

    name: ClassVar[str] = "watermark-autoencoder"
    paper: ClassVar[str] = (
        "Vincent, Larochelle, Bengio, Manzagol 2008, Extracting and composing robust features with denoising "
        "autoencoders"
    )
    goal: ClassVar[Goal] = Goal("restored_error", best="min")
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim("restored_error", 0.013, at="most", knobs=(("data", "cifar10:20000"),)),
    )
    tiny: ClassVar[dict[str, Any]] = {"data": "digits", "epochs": 1.0, "channels": (8,)}

    data: str = "cifar10"
    """cifar10, digits, mnist, fashion-mnist, faces, or a folder of images by class."""
    channels: tuple[int, ...] = (32, 64)
    """Channels after each halving of height and width; the last maps are the code."""
    width: float = 0.7
    """Width of the word as a share of the image's."""
    opacity: float = 0.6
    """How much of the image the word covers: 1 is plain white."""
    epochs: float = 5.0
    """Passes over the training data."""
    batch_size: int = 64
    """Items of a step."""
    lr: float = 4e-3
    """Peak learning rate of AdamW's one-cycle schedule."""

    @property
    def corruption(self) -> Corruption:
        from neurarium.nn.corruption import Watermark

        return Watermark(self.width, self.opacity)

    def network(self, spec: Spec) -> ConvAutoencoder:
        from neurarium.networks.conv_autoencoder import ConvAutoencoder

        if len(spec.shape) != 3:
            raise UserError(f"watermark-autoencoder reads images, and {self.data} has none. Name images.")
        channels, height, width = spec.shape
        return ConvAutoencoder(size=(height, width), in_channels=channels, channels=self.channels, code_size=0)
