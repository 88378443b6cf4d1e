"""Residual networks: blocks that learn what is to be added to their input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.networks.published import load_published, num_children

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Blocks of each stage by depth; from 50 on they are bottlenecks."""


class BasicBlock(nn.Module):
    """y = relu(F(x) + x), F being two 3 x 3 convolutions with batch normalization; He et al. 2015, figure 2.

    Where height, width or channels change, x goes through a 1 x 1 convolution. residual=False leaves x out: a plain
    block. In (B, n_in, H, W), out (B, width, H / stride, W / stride).
    """

    expansion = 1

    def __init__(
        self, n_in: int, width: int, *, stride: int = 1, groups: int = 1, base_width: int = 64, residual: bool = True
    ) -> None:
        super().__init__()
        assert (groups, base_width) == (1, 64), "only bottlenecks have groups"
        self.conv1 = _conv(n_in, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.residual = residual
        self.downsample = _projection(n_in, width, stride) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        return F.relu(_add(y, x, self.downsample) if self.residual else y, inplace=True)


class Bottleneck(nn.Module):
    """y = relu(F(x) + x), F being 1 x 1, 3 x 3 and 1 x 1 convolutions; He et al. 2015, figure 5.

    The 3 x 3 convolution has `groups` groups; with C of them F is the sum of C paths, x + sum_i T_i(x), of Xie et al.
    2017. The stride is in the 3 x 3 convolution, as in the published weights, where the paper has it in the first.
    In (B, n_in, H, W), out (B, 4 width, H / stride, W / stride).
    """

    expansion = 4

    def __init__(
        self, n_in: int, width: int, *, stride: int = 1, groups: int = 1, base_width: int = 64, residual: bool = True
    ) -> None:
        super().__init__()
        inner = width * base_width // 64 * groups
        self.conv1 = _conv(n_in, inner, 1)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = _conv(inner, inner, 3, stride, groups)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = _conv(inner, 4 * width, 1)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.residual = residual
        self.downsample = _projection(n_in, 4 * width, stride) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        return F.relu(_add(y, x, self.downsample) if self.residual else y, inplace=True)


class ResNet(nn.Module):
    """He, Zhang, Ren, Sun 2015, Deep residual learning for image recognition; ResNeXt of Xie et al. 2017 with groups.

    blocks: of each stage, such as BLOCKS[18]; a stage has twice the width of the one before and half its sides.
    bottleneck: kind of blocks. groups, base_width: 32 and 4 for ResNeXt "32 x 4d".
    stem: "imagenet" 7 x 7 with stride 2 and max pooling, "small" 3 x 3 alone, for images such as those of CIFAR.
    residual: False for the plain network of the degradation experiment.
    widths: channels of the stages before expansion.

    Parts have the names of the weights that torchvision publishes. With 1,000 classes ResNet-18, 34, 50, 101 and 152
    have 11,689,512, 21,797,672, 25,557,032, 44,549,160 and 60,192,808 parameters, ResNeXt-50 32 x 4d 25,028,904.
    In (B, in_channels, H, W) of at least 32 x 32 (stem "imagenet"); out logits (B, num_classes).
    """

    def __init__(
        self,
        *,
        blocks: Sequence[int] = BLOCKS[18],
        bottleneck: bool = False,
        num_classes: int = 1000,
        in_channels: int = 3,
        stem: Literal["imagenet", "small"] = "imagenet",
        widths: Sequence[int] = (64, 128, 256, 512),
        groups: int = 1,
        base_width: int = 64,
        residual: bool = True,
    ) -> None:
        super().__init__()
        kind: type[BasicBlock] | type[Bottleneck] = Bottleneck if bottleneck else BasicBlock
        small = stem == "small"
        self.conv1 = _conv(in_channels, widths[0], 3 if small else 7, 1 if small else 2)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, 2, padding=1)
        n_in = widths[0]
        self.stages = [f"layer{number}" for number in range(1, len(blocks) + 1)]
        for name, number, width in zip(self.stages, blocks, widths, strict=True):
            stage = nn.Sequential()
            for index in range(number):
                stride = 2 if index == 0 and name != "layer1" else 1
                stage.append(kind(n_in, width, stride=stride, groups=groups, base_width=base_width, residual=residual))
                n_in = width * kind.expansion
            self.add_module(name, stage)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(n_in, num_classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.flatten(self.avgpool(self.features(x)), 1))

    def features(self, x: Tensor) -> Tensor:
        """The last feature maps (B, C, h, w)."""
        x = self.maxpool(F.relu(self.bn1(self.conv1(x)), inplace=True))
        for name in self.stages:
            x = self.get_submodule(name)(x)
        return x

    @classmethod
    def from_torchvision(
        cls, state: Mapping[str, Tensor], *, num_classes: int | None = None, in_channels: int = 3
    ) -> Self:
        """The network of weights that torchvision published for a ResNet or ResNeXt of any depth; see load_published.

        num_classes: of the new head; the published one if None.
        """
        inner, per_group = state["layer1.0.conv2.weight"].shape[:2]
        network = cls(
            blocks=[num_children(state, f"layer{stage}.") for stage in (1, 2, 3, 4)],
            bottleneck="layer1.0.conv3.weight" in state,
            num_classes=num_classes or len(state["fc.bias"]),
            in_channels=in_channels,
            groups=inner // per_group,
            base_width=per_group if inner > per_group else inner,
        )
        return load_published(network, state, stem="conv1.weight", heads=["fc"])


def resnet(depth: int, **settings: object) -> ResNet:
    """ResNet-18, 34, 50, 101 or 152 by its depth."""
    if depth not in BLOCKS:
        raise ValueError(f"ResNets have {', '.join(map(str, BLOCKS))} layers; received {depth}.")
    return ResNet(blocks=BLOCKS[depth], bottleneck=depth >= 50, **settings)  # type: ignore[arg-type]


class CifarResNet(nn.Module):
    """The narrow ResNet for 32 x 32 images of He et al. 2015, section 4.2: 6 n + 2 layers of 16, 32 and 64 filters.

    Shortcuts have no parameters (the paper's option A): every second pixel, missing channels 0. residual=False leaves
    them out. 20 layers have 0.27 M parameters, 56 have 0.85 M.

    In (B, in_channels, H, W), out logits (B, num_classes). Raises ValueError for other depths.
    """

    def __init__(self, *, depth: int = 20, num_classes: int = 10, in_channels: int = 3, residual: bool = True) -> None:
        super().__init__()
        if depth < 8 or (depth - 2) % 6:
            raise ValueError(f"The depth is 6 n + 2, such as 20, 32, 44, 56; received {depth}.")
        self.conv1 = _conv(in_channels, 16, 3)
        self.bn1 = nn.BatchNorm2d(16)
        stages = []
        n_in = 16
        for width in (16, 32, 64):
            stage = nn.Sequential()
            for index in range((depth - 2) // 6):
                block = BasicBlock(n_in, width, stride=2 if index == 0 and width > 16 else 1, residual=residual)
                if residual and n_in != width:
                    block.downsample = Subsample(width - n_in)
                stage.append(block)
                n_in = width
            stages.append(stage)
        self.layer1, self.layer2, self.layer3 = stages
        self.fc = nn.Linear(64, num_classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


class Subsample(nn.Module):
    """Every second pixel, and `extra` channels of zeros: in (B, C, H, W), out (B, C + extra, H / 2, W / 2)."""

    def __init__(self, extra: int) -> None:
        super().__init__()
        self.extra = extra

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.extra))


def _conv(n_in: int, n_out: int, size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, size, stride, padding=size // 2, groups=groups, bias=False)


def _projection(n_in: int, n_out: int, stride: int) -> nn.Module | None:
    if n_in == n_out and stride == 1:
        return None
    return nn.Sequential(_conv(n_in, n_out, 1, stride), nn.BatchNorm2d(n_out))


def _add(y: Tensor, x: Tensor, shortcut: nn.Module | None) -> Tensor:
    return y.add_(x if shortcut is None else shortcut(x))  # nothing else holds what normalization gave
