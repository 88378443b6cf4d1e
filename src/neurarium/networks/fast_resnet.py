"""A residual network of nine layers that learns small images in seconds."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FastResNet(nn.Module):
    """The network of Page 2018, "How to train your ResNet": wide, shallow, and all of it 3 x 3.

    A convolution of `width` channels; three stages of a convolution and 2 x 2 max pooling, each with twice the channels
    of the one before; the first and the last stage add a residual pair of convolutions. Every convolution is followed
    by batch normalization and ReLU. Global max pooling, a dense layer, and a factor of 1/8 on the logits.

    With width 64, 3 channels and 10 classes 6,573,120 parameters.
    In (B, in_channels, H, W) of at least 8 x 8, out logits (B, num_classes).
    """

    def __init__(self, *, width: int = 64, num_classes: int = 10, in_channels: int = 3) -> None:
        super().__init__()
        self.stem = _block(in_channels, width)
        self.stage1 = nn.Sequential(_block(width, 2 * width), nn.MaxPool2d(2))
        self.residual1 = nn.Sequential(_block(2 * width, 2 * width), _block(2 * width, 2 * width))
        self.stage2 = nn.Sequential(_block(2 * width, 4 * width), nn.MaxPool2d(2))
        self.stage3 = nn.Sequential(_block(4 * width, 8 * width), nn.MaxPool2d(2))
        self.residual2 = nn.Sequential(_block(8 * width, 8 * width), _block(8 * width, 8 * width))
        self.fc = nn.Linear(8 * width, num_classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stage1(self.stem(x))
        x = x + self.residual1(x)
        x = self.stage3(self.stage2(x))
        x = x + self.residual2(x)
        return self.fc(torch.amax(x, (2, 3))) / 8


def _block(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))
