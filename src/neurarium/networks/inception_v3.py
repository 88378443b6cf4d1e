"""The Inception network whose features the Frechet Inception Distance compares."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.networks.published import load_published

SIDE = 299
"""Height and width of the images that the weights were learned on."""


class ConvBlock(nn.Module):
    """Convolution without bias, batch normalization and ReLU; padded so that maps keep their size unless told not to.

    In (B, n_in, H, W), out (B, n_out, H', W').
    """

    def __init__(
        self, n_in: int, n_out: int, size: int | tuple[int, int], stride: int = 1, *, padded: bool = True
    ) -> None:
        super().__init__()
        height, width = (size, size) if isinstance(size, int) else size
        padding = (height // 2, width // 2) if padded else 0
        self.conv = nn.Conv2d(n_in, n_out, (height, width), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(n_out, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


class Figure5(nn.Module):
    """1 x 1, 5 x 5, two 3 x 3 in a row, and pooling side by side. Out (B, 224 + pooled, H, W)."""

    def __init__(self, n_in: int, *, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = ConvBlock(n_in, 64, 1)
        self.branch5x5_1 = ConvBlock(n_in, 48, 1)
        self.branch5x5_2 = ConvBlock(48, 64, 5)
        self.branch3x3dbl_1 = ConvBlock(n_in, 64, 1)
        self.branch3x3dbl_2 = ConvBlock(64, 96, 3)
        self.branch3x3dbl_3 = ConvBlock(96, 96, 3)
        self.branch_pool = ConvBlock(n_in, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, three, self.branch_pool(_mean_of_neighbours(x))], 1)


class Reduction35(nn.Module):
    """Figure 10: from 35 x 35 to 17 x 17 by strides and pooling side by side. Out (B, 480 + n_in, H', W')."""

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.branch3x3 = ConvBlock(n_in, 384, 3, 2, padded=False)
        self.branch3x3dbl_1 = ConvBlock(n_in, 64, 1)
        self.branch3x3dbl_2 = ConvBlock(64, 96, 3)
        self.branch3x3dbl_3 = ConvBlock(96, 96, 3, 2, padded=False)

    def forward(self, x: Tensor) -> Tensor:
        twice = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), twice, F.max_pool2d(x, 3, 2)], 1)


class Figure6(nn.Module):
    """7 x 7 filters as 1 x 7 and 7 x 1 in a row, once and twice. In (B, 768, H, W), out the same.

    inner: maps within the two long branches.
    """

    def __init__(self, *, inner: int) -> None:
        super().__init__()
        self.branch1x1 = ConvBlock(768, 192, 1)
        self.branch7x7_1 = ConvBlock(768, inner, 1)
        self.branch7x7_2 = ConvBlock(inner, inner, (1, 7))
        self.branch7x7_3 = ConvBlock(inner, 192, (7, 1))
        self.branch7x7dbl_1 = ConvBlock(768, inner, 1)
        self.branch7x7dbl_2 = ConvBlock(inner, inner, (7, 1))
        self.branch7x7dbl_3 = ConvBlock(inner, inner, (1, 7))
        self.branch7x7dbl_4 = ConvBlock(inner, inner, (7, 1))
        self.branch7x7dbl_5 = ConvBlock(inner, 192, (1, 7))
        self.branch_pool = ConvBlock(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        once = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        twice = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        twice = self.branch7x7dbl_5(self.branch7x7dbl_4(twice))
        return torch.cat([self.branch1x1(x), once, twice, self.branch_pool(_mean_of_neighbours(x))], 1)


class Reduction17(nn.Module):
    """From 17 x 17 to 8 x 8. Out (B, 512 + n_in, H', W')."""

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.branch3x3_1 = ConvBlock(n_in, 192, 1)
        self.branch3x3_2 = ConvBlock(192, 320, 3, 2, padded=False)
        self.branch7x7x3_1 = ConvBlock(n_in, 192, 1)
        self.branch7x7x3_2 = ConvBlock(192, 192, (1, 7))
        self.branch7x7x3_3 = ConvBlock(192, 192, (7, 1))
        self.branch7x7x3_4 = ConvBlock(192, 192, 3, 2, padded=False)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        return torch.cat([three, self.branch7x7x3_4(seven), F.max_pool2d(x, 3, 2)], 1)


class Figure7(nn.Module):
    """Branches that end in 1 x 3 and 3 x 1 filters side by side: many features on small maps. Out (B, 2048, H, W).

    max_pooling: the fourth branch takes the greatest of the neighbours, not their mean.
    """

    def __init__(self, n_in: int, *, max_pooling: bool) -> None:
        super().__init__()
        self.max_pooling = max_pooling
        self.branch1x1 = ConvBlock(n_in, 320, 1)
        self.branch3x3_1 = ConvBlock(n_in, 384, 1)
        self.branch3x3_2a = ConvBlock(384, 384, (1, 3))
        self.branch3x3_2b = ConvBlock(384, 384, (3, 1))
        self.branch3x3dbl_1 = ConvBlock(n_in, 448, 1)
        self.branch3x3dbl_2 = ConvBlock(448, 384, 3)
        self.branch3x3dbl_3a = ConvBlock(384, 384, (1, 3))
        self.branch3x3dbl_3b = ConvBlock(384, 384, (3, 1))
        self.branch_pool = ConvBlock(n_in, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        once = self.branch3x3_1(x)
        twice = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, 1, 1) if self.max_pooling else _mean_of_neighbours(x)
        ends = [self.branch3x3_2a(once), self.branch3x3_2b(once)]
        ends += [self.branch3x3dbl_3a(twice), self.branch3x3dbl_3b(twice)]
        return torch.cat([self.branch1x1(x), *ends, self.branch_pool(pooled)], 1)


class InceptionV3(nn.Sequential):
    """Szegedy et al. 2016, Rethinking the Inception architecture, table 1, as the FID of Heusel et al. 2017 uses it.

    That is the network of December 2015, with 1,008 outputs, as weights of it were published; parts have their names.
    Apart from the table, 80 maps come from 1 x 1 filters and a pooling follows 192; modules of figure 5 keep one 5 x 5;
    means over neighbours leave padding out; the last module takes their maximum. It is for reading features: there is
    no auxiliary head and no dropout. 23,850,960 parameters, 21,785,568 of them before the last layer.

    In (B, 3, 299, 299) from -1 to 1, see fid_inputs; out logits (B, 1008).
    """

    def __init__(self) -> None:
        super().__init__(
            OrderedDict(
                # what comes out: channels, height and width
                Conv2d_1a_3x3=ConvBlock(3, 32, 3, 2, padded=False),  # 32, 149
                Conv2d_2a_3x3=ConvBlock(32, 32, 3, padded=False),  # 32, 147
                Conv2d_2b_3x3=ConvBlock(32, 64, 3),  # 64, 147
                maxpool1=nn.MaxPool2d(3, 2),  # 64, 73
                Conv2d_3b_1x1=ConvBlock(64, 80, 1),  # 80, 73
                Conv2d_4a_3x3=ConvBlock(80, 192, 3, padded=False),  # 192, 71
                maxpool2=nn.MaxPool2d(3, 2),  # 192, 35
                Mixed_5b=Figure5(192, pooled=32),  # 256, 35
                Mixed_5c=Figure5(256, pooled=64),  # 288, 35
                Mixed_5d=Figure5(288, pooled=64),  # 288, 35
                Mixed_6a=Reduction35(288),  # 768, 17
                Mixed_6b=Figure6(inner=128),  # 768, 17
                Mixed_6c=Figure6(inner=160),  # 768, 17
                Mixed_6d=Figure6(inner=160),  # 768, 17
                Mixed_6e=Figure6(inner=192),  # 768, 17
                Mixed_7a=Reduction17(768),  # 1280, 8
                Mixed_7b=Figure7(1280, max_pooling=False),  # 2048, 8
                Mixed_7c=Figure7(2048, max_pooling=True),  # 2048, 8
                avgpool=nn.AdaptiveAvgPool2d(1),  # 2048, 1
                flatten=nn.Flatten(),
                fc=nn.Linear(2048, 1008),
            )
        )

    def embed(self, x: Tensor) -> Tensor:
        """Features (B, 2048) that the last layer reads; input as for the network."""
        for part in list(self)[:-1]:
            x = part(x)
        return x

    @classmethod
    def from_pytorch_fid(cls, state: Mapping[str, Tensor]) -> Self:
        """The network of pt_inception-2015-12-05, the weights that pytorch-fid publishes.

        Raises ValueError for weights that are missing, left over, or of another shape.
        """
        return load_published(cls(), state, stem="", heads=[])  # all must fit: a changed filter is another measure


def fid_inputs(images: Tensor) -> Tensor:
    """(B, 3, 299, 299) from -1 to 1 of images (B, 1, H, W) or (B, 3, H, W) from 0 to 1. Grey ones are repeated.

    Bilinear and, as the FID has it, without a filter against aliasing: large images alias.
    Raises ValueError for another shape.
    """
    if images.dim() != 4 or images.shape[1] not in (1, 3):
        raise ValueError(f"Expected images of shape (B, 1, H, W) or (B, 3, H, W), received {tuple(images.shape)}.")
    resized = F.interpolate(images.expand(-1, 3, -1, -1), size=SIDE, mode="bilinear", align_corners=False)
    return 2 * resized - 1


def _mean_of_neighbours(x: Tensor) -> Tensor:
    """Of 3 x 3 pixels, fewer at the edge: what the padding adds is not counted."""
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
