"""CIFAR-10 in as little time as possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from neurarium.recipes.image_classifier import ImageClassifier
from neurarium.train.recipe import Claim, OptimizerName

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class CIFAR10Fast(ImageClassifier):
    """Page 2018: a wide and shallow residual network, a large rate, label smoothing, little else.

    The default width is for two CPU cores; 64 is the author's, for a graphics card.

    neurarium train cifar10-fast
    neurarium train cifar10-fast --width 64 --batch-size 512
    """

    name: ClassVar[str] = "cifar10-fast"
    paper: ClassVar[str] = "Page 2018, How to train your ResNet"
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim("accuracy", 0.79, knobs=(("epochs", 4.0),), paper="0.94, width 64, 24 epochs, images without JPEG"),
    )
    tiny: ClassVar[dict[str, Any]] = {"data": "digits", "epochs": 0.5, "width": 2}

    batch_size: int = 256
    """Items of a step."""
    optimizer: OptimizerName = "nesterov"
    """How the weights move."""
    lr: float = 0.4
    """Peak of the one-cycle learning rate."""
    weight_decay: float = 5e-4
    """Factor of the squared penalty on weights."""
    label_smoothing: float = 0.1
    """Share of the target that is spread evenly over all classes."""
    width: int = 16
    """Channels of the first convolution; the last stage has eight times as many."""

    def network(self, *, channels: int, side: int, num_classes: int) -> nn.Module:
        from neurarium.networks.fast_resnet import FastResNet

        return FastResNet(width=self.width, num_classes=num_classes, in_channels=channels)
