"""GoogLeNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.recipes.image_classifier import SMALL, ImageClassifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


@dataclass(frozen=True, kw_only=True)
class GoogLeNet(ImageClassifier):
    """Szegedy et al. 2015: filters of several sizes side by side, and helping classifiers in the middle.

    neurarium train googlenet --data cifar10
    neurarium train googlenet --data photos/ --weights googlenet.pth
    """

    name: ClassVar[str] = "googlenet"
    paper: ClassVar[str] = "Szegedy et al. 2015, Going deeper with convolutions"
    tiny: ClassVar[dict[str, Any]] = {
        "data": "digits", "epochs": 0.06, "batch_size": 32, "width": 0.125, "auxiliary": False
    }  # fmt: skip

    form: Literal["paper", "published"] = "published"
    """paper: biases and 5 x 5 filters. published: batch normalization and 3 x 3, as torchvision's weights have it."""
    auxiliary: bool = True
    """Two more classifiers in the middle while it trains, each with weight 0.3 in the loss."""
    width: float = 1.0
    """Factor on the number of filters of all layers, a multiple of 1/8."""

    def network(self, *, channels: int, side: int, num_classes: int) -> nn.Module:
        from neurarium.networks import googlenet

        return googlenet.GoogLeNet(
            num_classes=num_classes,
            in_channels=channels,
            form=self.form,
            auxiliary=self.auxiliary,
            stem="small" if side < SMALL else "imagenet",
            width=self.width,
        )

    @property
    def published(self) -> Callable[..., nn.Module]:
        from neurarium.networks.googlenet import GoogLeNet

        return GoogLeNet.from_torchvision
