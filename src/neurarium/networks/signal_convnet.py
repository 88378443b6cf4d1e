"""Classes of signals, by convolutions over time alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


class SignalConvNet(nn.Module):
    """Blocks of 1-D convolution, batch normalisation and ReLU, then the mean over time; Wang, Yan, Oates 2017, fig. 1b.

    The convolution is that of images with one axis less: its filters move along time, over all channels at once. Zeros
    at both ends keep the length, and the mean over time lets signals of any length in.

    filters, kernel_sizes: of each block; the paper's values are the defaults. In (B, in_channels, T) standardised
    signals, out logits (B, num_classes). Parameters with the defaults, one channel and C classes:
    1,152 + 256 + 164,096 + 512 + 98,432 + 256 + 129 C.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        num_classes: int,
        filters: Sequence[int] = (128, 256, 128),
        kernel_sizes: Sequence[int] = (8, 5, 3),
    ) -> None:
        super().__init__()
        if len(filters) != len(kernel_sizes) or min([*filters, *kernel_sizes], default=0) < 1:
            raise ValueError(
                f"Expected as many filters as kernel sizes, each at least 1; received {tuple(filters)} and "
                f"{tuple(kernel_sizes)}."
            )
        layers: list[nn.Module] = []
        for (n_in, n_out), k in zip(pairwise([in_channels, *filters]), kernel_sizes, strict=True):
            ends = nn.ZeroPad1d(((k - 1) // 2, k // 2))
            layers += [ends, nn.Conv1d(n_in, n_out, k), nn.BatchNorm1d(n_out), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.output = nn.Linear(filters[-1], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.features(x).mean(2))
