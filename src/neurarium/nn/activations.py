"""Activation functions that torch does not have."""

import torch
from torch import Tensor, nn


class ScaledTanh(nn.Module):
    """Squashing function f(a) = A tanh(S a), LeCun, Bottou, Bengio, Haffner 1998, equation 6 and appendix A.

    With A = 1.7159 and S = 2/3, f(1) = 1 and f(-1) = -1 (to 1e-4), and there the curvature is largest (at +-0.988):
    targets of -1 and +1 lie well inside the range, away from saturation.

    In and out: any shape.
    """

    def __init__(self, *, amplitude: float = 1.7159, slope: float = 2 / 3) -> None:
        super().__init__()
        self.amplitude = amplitude
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        return self.amplitude * torch.tanh(self.slope * x)

    def extra_repr(self) -> str:
        return f"amplitude={self.amplitude:g}, slope={self.slope:g}"
