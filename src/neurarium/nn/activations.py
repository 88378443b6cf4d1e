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


class Step(nn.Module):
    """Hard threshold at 0: 1 where x > 0, else 0; with `signed=True` -1 instead of 0.

    The derivative is 0, also at the jump, so that nothing before a step learns by gradient descent.

    In and out: any shape.
    """

    def __init__(self, *, signed: bool = False) -> None:
        super().__init__()
        self.signed = signed

    def forward(self, x: Tensor) -> Tensor:
        # sign has the derivative 0 in torch, where a comparison would cut the graph.
        y = torch.relu(torch.sign(x))
        return 2 * y - 1 if self.signed else y


class ScaledLinear(nn.Module):
    """Fixed multiple f(x) = c x; with c in {0, 0.9, 1, 1.1} a node of Jozefowicz, Zaremba, Sutskever 2015.

    In and out: any shape.
    """

    def __init__(self, *, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


class Maxout(nn.Module):
    """The largest of `pieces` neighbouring values, max_j a_(i pieces + j); Goodfellow et al. 2013, equation 1.

    After a linear layer it is a convex, piecewise linear function that is learned: a unit's weights are `pieces` rows.
    In (B, units * pieces), out (B, units). Raises ValueError where the values cannot be shared out.
    """

    def __init__(self, *, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] % self.pieces:
            raise ValueError(f"Maxout of {self.pieces} pieces cannot share out {x.shape[1]} values. Give a multiple.")
        return x.unflatten(1, (-1, self.pieces)).amax(2)

    def extra_repr(self) -> str:
        return f"pieces={self.pieces}"


def output_activation(target: str) -> nn.Module:
    """The last activation for a kind of target, so that its range is the range of the target.

    target: "real" (identity), "zero-one" (sigmoid), "minus-plus-one" (tanh) or "classes" (softmax over the last axis).
    ReLU is sometimes listed for regression: its range is [0, inf), so it suits targets that are never negative.
    Raises ValueError on another name.
    """
    match target:
        case "real":
            return nn.Identity()
        case "zero-one":
            return nn.Sigmoid()
        case "minus-plus-one":
            return nn.Tanh()
        case "classes":
            return nn.Softmax(dim=-1)
    raise ValueError(
        f"output_activation expects real, zero-one, minus-plus-one or classes, received {target!r}; choose one of them."
    )
