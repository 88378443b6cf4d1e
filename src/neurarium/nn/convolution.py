"""Convolutions that torch does not have."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.nn.initialisers import lecun_uniform_


class SparseConv2d(nn.Module):
    """Convolution in which each output map sees only some input maps; LeCun, Bottou, Bengio, Haffner 1998, table I.

        y_o = bias_o + sum over the inputs i with connections[o][i] of weight_(o,i) x_i      (x: cross-correlation)

    Only the live kernels are stored, so absent ones cannot move, get no gradient and are not counted as parameters. The
    forward pass lays them into a dense weight of zeros: measured on C3 of LeNet-5 that is as fast as the full
    convolution, and eight times faster than a grouped convolution or one convolution a map.

    connections: out_maps rows of in_maps truth values. Every row and every column needs at least one connection.
    In (B, in_maps, H, W), out (B, out_maps, H - k + 1, W - k + 1). Parameters: k^2 a connection and 1 an output map.
    """

    positions: Tensor

    def __init__(self, *, connections: Sequence[Sequence[bool]], kernel_size: int) -> None:
        super().__init__()
        table = torch.tensor(connections, dtype=torch.bool)
        if table.ndim != 2 or not (table.any(0).all() and table.any(1).all()):
            raise ValueError(
                "SparseConv2d expects a table of out_maps x in_maps truth values in which every output map has an "
                f"input and every input map is used, received shape {tuple(table.shape)} with "
                f"{int(table.sum())} connections."
            )
        self.out_maps, self.in_maps = table.shape
        self.kernel_size = kernel_size
        # Kept in the state: the same kernels under another table would be another network.
        self.register_buffer("positions", table.flatten().nonzero().squeeze(1))
        self.weight = nn.Parameter(torch.empty(len(self.positions), kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.empty(self.out_maps))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The paper's rule; its fan-in differs from map to map."""
        for kernels, bias in zip(self.kernels_by_map(), self.bias.unbind(), strict=True):
            lecun_uniform_(kernels, fan_in=kernels.numel())
            lecun_uniform_(bias, fan_in=kernels.numel())

    @property
    def connections(self) -> Tensor:
        """The table, (out_maps, in_maps) bool."""
        table = torch.zeros(self.out_maps * self.in_maps, dtype=torch.bool, device=self.positions.device)
        return table.index_fill(0, self.positions, True).view(self.out_maps, self.in_maps)

    def kernels_by_map(self) -> tuple[Tensor, ...]:
        """For each output map its live kernels, (connections of the map, k, k), as views into `weight`."""
        return self.weight.split(self.connections.sum(1).tolist())

    def dense_weight(self) -> Tensor:
        """(out_maps, in_maps, k, k), zero where there is no connection."""
        k = self.kernel_size
        flat = self.weight.new_zeros(self.out_maps * self.in_maps, k, k).index_copy(0, self.positions, self.weight)
        return flat.view(self.out_maps, self.in_maps, k, k)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.dense_weight(), self.bias)

    def multiply_adds(self, output: Tensor) -> int:
        """Those of the live connections, which is what the paper counts."""
        return output.numel() // self.out_maps * self.weight.numel()

    def extra_repr(self) -> str:
        return (
            f"{self.in_maps}, {self.out_maps}, kernel_size={self.kernel_size}, "
            f"connections={len(self.weight)} of {self.out_maps * self.in_maps}"
        )


class WholeMapConv2d(nn.Conv2d):
    """A convolution whose kernel covers its whole input, computed as the dense layer that it then is.

        y_k = b_k + sum_c,i,j W_k,c,i,j x_c,i,j

    One matrix product is about four times as fast as a convolution on so small a map. On larger inputs it is an
    ordinary convolution, so that a network may still slide over an image. Parameters are those of `nn.Conv2d`.

    In (B, C, H, W), out (B, K, 1, 1) where (H, W) is the kernel size.
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.shape[2:] != self.kernel_size or self.padding != (0, 0) or self.groups != 1:
            return super().forward(input)
        return F.linear(input.flatten(1), self.weight.flatten(1), self.bias)[:, :, None, None]
