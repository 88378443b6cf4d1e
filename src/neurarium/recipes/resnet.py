"""ResNet and ResNeXt on small colour images, or on your own photographs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurarium.recipes.image_classifier import SMALL, ImageClassifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


@dataclass(frozen=True, kw_only=True)
class ResNet(ImageClassifier):
    """He, Zhang, Ren, Sun 2015: blocks that learn what is to be added to their input.

    neurarium train resnet --data cifar10
    neurarium train resnet --data photos/ --weights resnet18.pth --freeze conv1 layer1 layer2 layer3
    """

    name: ClassVar[str] = "resnet"
    paper: ClassVar[str] = "He, Zhang, Ren, Sun 2015, Deep residual learning for image recognition"
    tiny: ClassVar[dict[str, Any]] = {"data": "digits", "epochs": 0.2, "width": 2}

    depth: Literal["18", "34", "50", "101", "152"] = "18"
    """Layers with weights; from 50 on blocks are bottlenecks."""
    width: int = 64
    """Channels of the first stage; each later stage has twice as many."""
    residual: bool = True
    """False: the plain network, without shortcuts."""

    def network(self, *, channels: int, side: int, num_classes: int) -> nn.Module:
        from neurarium.networks.resnet import resnet

        return resnet(
            int(self.depth),
            num_classes=num_classes,
            in_channels=channels,
            stem="small" if side < SMALL else "imagenet",
            widths=tuple(self.width * 2**stage for stage in range(4)),
            residual=self.residual,
        )

    @property
    def published(self) -> Callable[..., nn.Module]:
        from neurarium.networks.resnet import ResNet

        return ResNet.from_torchvision


@dataclass(frozen=True, kw_only=True)
class ResNeXt(ImageClassifier):
    """Xie, Girshick, Dollar, Tu, He 2017: residual blocks with many parallel paths; 50 layers.

    neurarium train resnext --data cifar10 --width 16
    """

    name: ClassVar[str] = "resnext"
    paper: ClassVar[str] = "Xie et al. 2017, Aggregated residual transformations for deep neural networks"
    tiny: ClassVar[dict[str, Any]] = {"data": "digits", "epochs": 0.06, "batch_size": 32, "width": 2, "paths": 2}

    paths: int = 32
    """Parallel paths of a block: groups of its 3 x 3 convolution."""
    width: int = 64
    """Channels of the first stage before expansion; a path has 4 of 64 at 32 paths."""

    def network(self, *, channels: int, side: int, num_classes: int) -> nn.Module:
        from neurarium.networks import resnet

        return resnet.ResNet(
            blocks=resnet.BLOCKS[50],
            bottleneck=True,
            num_classes=num_classes,
            in_channels=channels,
            stem="small" if side < SMALL else "imagenet",
            widths=tuple(self.width * 2**stage for stage in range(4)),
            groups=self.paths,
            base_width=128 // self.paths,
        )

    @property
    def published(self) -> Callable[..., nn.Module]:
        from neurarium.networks.resnet import ResNet

        return ResNet.from_torchvision
