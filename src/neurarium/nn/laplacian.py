"""Laplacian pyramids: an image as a small image and what each doubling of its side must add.

    I_{k+1} = down(I_k),   h_k = I_k - up(I_{k+1}),   I_k = up(I_{k+1}) + h_k

Burt, Adelson 1983. Both maps weigh neighbours by w = (1, 4, 6, 4, 1) / 16, their kernel with a = 3/8: nearly a
Gaussian, and all weights are binary fractions. Beyond the border the outermost pixels go on, so that constant images
stay constant.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

WEIGHTS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
"""w(-2) to w(2), along rows and along columns."""


def down(x: Tensor) -> Tensor:
    """Blurred, then every second row and column, the first among them; Burt, Adelson 1983, equation 1.

    In (B, C, H, W), out (B, C, H / 2, W / 2). Raises ValueError where a side is odd.
    """
    if x.shape[-2] % 2 or x.shape[-1] % 2:
        raise ValueError(
            f"Expected images whose sides can be halved, received {x.shape[-2]} x {x.shape[-1]}. Pad or resize them."
        )
    kernel = _kernel(x)
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), kernel, stride=2, groups=x.shape[1])


def up(x: Tensor) -> Tensor:
    """Twice as high and wide and smooth: 4 sum_{m,n} w(m) w(n) x((i - m) / 2, (j - n) / 2) over whole places alone.

    Burt, Adelson 1983, equation 2. In (B, C, H, W), out (B, C, 2 H, 2 W).
    """
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    spread = F.conv_transpose2d(padded, 4 * _kernel(x), stride=2, padding=2, groups=x.shape[1])
    return spread[..., 2 : 2 + 2 * x.shape[-2], 2 : 2 + 2 * x.shape[-1]]


def laplacian_pyramid(x: Tensor, levels: int) -> list[Tensor]:
    """h_0, ..., h_{K-1}, I_K for K levels of images (B, C, H, W), each half as high and wide as the one before.

    Raises ValueError where a side cannot be halved so often.
    """
    pyramid = []
    for _ in range(levels):
        smaller = down(x)
        pyramid.append(x - up(smaller))
        x = smaller
    return [*pyramid, x]


def from_pyramid(pyramid: Sequence[Tensor]) -> Tensor:
    """The images (B, C, H, W) of h_0, ..., h_{K-1}, I_K.

    Exact but for rounding, and to the bit where no sum of the pyramid needed any, as those of 8-bit pixels in double
    precision do not for up to four levels.
    """
    *differences, x = pyramid
    for difference in reversed(differences):
        x = up(x) + difference
    return x


def _kernel(x: Tensor) -> Tensor:
    """(C, 1, 5, 5): each channel by itself."""
    w = torch.tensor(WEIGHTS, dtype=x.dtype, device=x.device)
    return (w[:, None] * w).expand(x.shape[1], 1, 5, 5)
