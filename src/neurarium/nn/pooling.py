"""Pooling with weights of its own."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Subsampling(nn.Module):
    """Trainable subsampling, LeCun, Bottou, Bengio, Haffner 1998, section II.B, layers S2 and S4.

        y_c(r, s) = coefficient_c * (sum of the k x k inputs of the window) + bias_c

    Windows do not overlap; rows and columns that fill no window are left out. The squashing function that follows in
    the paper is a layer of its own. It starts as average pooling: coefficient 1 / k^2, bias 0.

    In (B, C, H, W), out (B, C, H // k, W // k). Parameters: 2 a map.
    """

    def __init__(self, *, num_maps: int, kernel_size: int = 2) -> None:
        super().__init__()
        if num_maps < 1 or kernel_size < 1:
            raise ValueError(
                f"Subsampling expects num_maps >= 1 and kernel_size >= 1, received {num_maps} and {kernel_size}."
            )
        self.num_maps = num_maps
        self.kernel_size = kernel_size
        self.coefficient = nn.Parameter(torch.full((num_maps,), 1 / kernel_size**2))
        self.bias = nn.Parameter(torch.zeros(num_maps))

    def forward(self, x: Tensor) -> Tensor:
        # divisor_override=1 turns the mean into the paper's sum, in one pass.
        total = F.avg_pool2d(x, self.kernel_size, divisor_override=1)
        return total * self.coefficient[:, None, None] + self.bias[:, None, None]

    def multiply_adds(self, output: Tensor) -> int:
        """k^2 for each output: it is a convolution whose k^2 weights are tied."""
        return output.numel() * self.kernel_size**2

    def extra_repr(self) -> str:
        return f"num_maps={self.num_maps}, kernel_size={self.kernel_size}"
