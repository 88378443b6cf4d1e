"""Layers that show a discriminator the whole batch, so that samples which are all alike can be told from data.

An item's output depends on the other items of the batch, in evaluation too. Such layers say so by `sees_batch = True`.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn


class MinibatchDiscrimination(nn.Module):
    """Closeness of each item to the others, as further features; Salimans et al. 2016, section 3.2.

        M_i = f(x_i) T,   c_b(x_i, x_j) = exp(-||M_ib - M_jb||_1),   o(x_i)_b = sum_j c_b(x_i, x_j)

    with T of shape in_features x num_kernels x kernel_size. The sum has j = i, so o_b lies between 1, alone, and the
    size of the batch, where all are the same. It grows with the batch: in evaluation it is that of a batch as large as
    the last one in training.

    In f(x) (B, in_features), out [f(x), o(x)] (B, in_features + num_kernels).
    """

    sees_batch: ClassVar[bool] = True
    size: Tensor

    def __init__(self, in_features: int, *, num_kernels: int = 16, kernel_size: int = 5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(in_features, num_kernels, kernel_size) * in_features**-0.5)
        self.register_buffer("size", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.size.fill_(len(x))
        rows = torch.einsum("ba,akc->kbc", x, self.weight)
        rows = rows.to(torch.promote_types(rows.dtype, torch.float32))  # not bfloat16: distances are differences
        close = torch.exp(-torch.cdist(rows, rows, p=1.0)).sum(2).T
        if not self.training:
            close = close * torch.where(self.size > 0, self.size / len(x), 1.0)
        return torch.cat([x, close.to(x.dtype)], 1)

    def multiply_adds(self, output: Tensor) -> int:
        return len(output) * self.weight.numel()


class MinibatchDeviation(nn.Module):
    """How much a batch varies, as one more channel; Karras et al. 2017, section 3.

    The deviation of each feature at each place over the batch, averaged to one number, which is the same for all items.

    In (B, C, ...), out (B, C + 1, ...).
    """

    sees_batch: ClassVar[bool] = True

    def forward(self, x: Tensor) -> Tensor:
        # The root has no slope at 0, where all items are the same.
        deviation = (x.var(0, correction=0) + 1e-8).sqrt().mean()
        return torch.cat([x, deviation.expand_as(x[:, :1])], 1)
