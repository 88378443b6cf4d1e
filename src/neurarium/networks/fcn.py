"""Fully convolutional networks: a classifier that labels pixels."""

from __future__ import annotations

import copy
import math
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.networks.vgg import VGG
from neurarium.nn.dense_prediction import convert_dense

Form = Literal["8s", "16s", "32s"]
SKIPS: dict[str, int] = {"8s": 2, "16s": 1, "32s": 0}
"""How many finer maps are scored, by form; a form is named after the stride of its finest scores."""
STRIDE = 32


class FCN(nn.Module):
    """Long, Shelhamer, Darrell 2015, "Fully convolutional networks for semantic segmentation", on VGG.

    The dense layers of the classifier become convolutions, the last of them a new 1 x 1 layer that scores the classes
    at stride 32. In the forms 16s and 8s these scores are brought to twice the resolution by a transposed convolution
    and the scores of a finer map are added: of the fourth max pooling, then of the third. Bilinear interpolation
    brings the sum to the pixels.

    New scores start at 0, as in the paper, so that a finer map changes nothing at first. The steps by 2 start as
    bilinear interpolation and learn; the last step is fixed. With VGG-16 and 21 classes 134,346,581, 134,364,410 and
    134,376,863 parameters (32s, 16s, 8s). The paper measured 62.2 % mean IU for 8s on the test images of VOC 2012.

    Where it departs from the paper: that pads the image by 100 zeros, lets the first dense layer shrink its map, and
    crops what comes up. Here this layer is padded by half its filter, and images are filled up with zeros to a multiple
    of 32, from below and from the right; then all maps lie over one another, and only what was filled up is cropped.

    classifier: its features and its hidden dense layers are copied; a pooling between them is left out, for it does
    nothing to images of the classifier's own size. Without one, a new VGG-16. form: "8s", "16s" or "32s".
    margin, stride, overlap: what tiles of larger images need, as U-Net has them.
    In (B, in_channels, H, W), out logits (B, num_classes, H, W), of any size. Raises ValueError for another form.
    """

    margin = 0
    stride = STRIDE

    def __init__(self, classifier: VGG | None = None, *, num_classes: int = 21, form: Form = "8s") -> None:
        super().__init__()
        if form not in SKIPS:
            raise ValueError(f"FCN expects one of the forms {', '.join(SKIPS)}; received {form!r}.")
        classifier = classifier or VGG(num_classes=1)
        side = cast(int, classifier.avgpool.output_size)
        *hidden, last = classifier.classifier
        self.features = copy.deepcopy(classifier.features)
        _, *dense = convert_dense(nn.Identity(), nn.Sequential(*hidden), (side, side))
        cast(nn.Conv2d, dense[0]).padding = (side // 2, side // 2)
        self.dense = nn.Sequential(*dense)
        self.score = _scores(cast(nn.Linear, last).in_features, num_classes)
        channels, reach = _measured(self.features)
        finer = channels[-2::-1][: SKIPS[form]]
        self.up = nn.ModuleList(doubling(num_classes) for _ in finer)
        self.skip = nn.ModuleList(_scores(n_in, num_classes) for n_in in finer)
        # Interpolation reads the next cell, the first dense layer the cells around that.
        self.overlap = STRIDE * (math.ceil(reach / STRIDE) + side // 2 + 1)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        x = F.pad(x, (0, -width % STRIDE, 0, -height % STRIDE))
        pooled = []
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                pooled.append(x)
        scores = self.score(self.dense(x))  # (B, num_classes, H / 32, W / 32)
        for up, skip, fine in zip(self.up, self.skip, pooled[-2 : -2 - len(self.up) : -1], strict=True):
            scores = up(scores) + skip(fine)
        factor = STRIDE // 2 ** len(self.up)
        return F.interpolate(scores, scale_factor=factor, mode="bilinear", align_corners=False)[..., :height, :width]

    def input_size(self, output: int) -> int:
        """The shortest side of an image, a multiple of the stride, whose output has at least this side."""
        return math.ceil(max(output, 1) / STRIDE) * STRIDE


@torch.no_grad()
def doubling(channels: int) -> nn.ConvTranspose2d:
    """A transposed convolution to twice the height and width that starts as bilinear interpolation of every channel.

    4 x 4 filters (1, 3, 3, 1) / 4 by the same, stride 2, no bias. In (B, channels, H, W), out (B, channels, 2 H, 2 W).
    """
    layer = nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1, bias=False)
    line = torch.tensor([0.25, 0.75, 0.75, 0.25])
    layer.weight.copy_(torch.eye(channels)[:, :, None, None] * line[:, None] * line)
    return layer


def _scores(n_in: int, num_classes: int) -> nn.Conv2d:
    layer = nn.Conv2d(n_in, num_classes, 1)
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def _measured(features: nn.Sequential) -> tuple[list[int], int]:
    """Channels of each pooled map, and how many pixels beyond its own 32 a cell of the last one depends on."""
    channels, reach, stride, width = [], 0, 1, 0
    for layer in features:
        if isinstance(layer, nn.Conv2d):
            width, reach = layer.out_channels, reach + stride * (layer.kernel_size[0] // 2)
        elif isinstance(layer, nn.MaxPool2d):
            channels.append(width)
            stride *= 2
    return channels, reach
