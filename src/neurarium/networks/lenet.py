"""LeNet-5, the model for later convolutional networks, in the form that is common today and in the form of 1998."""

from collections.abc import Callable

from torch import Tensor, nn

from neurarium.nn.activations import ScaledTanh
from neurarium.nn.convolution import SparseConv2d, WholeMapConv2d
from neurarium.nn.initialisers import lecun_uniform_
from neurarium.nn.pooling import Subsampling
from neurarium.nn.rbf import RBFOutput, digit_prototypes

# Table I of the paper: a row for each map of S2, a column for each map of C3. No two maps of C3 see the same inputs,
# which breaks their symmetry.
C3_TABLE = """
X . . . X X X . . X X X X . X X
X X . . . X X X . . X X X X . X
X X X . . . X X X . . X . X X X
. X X X . . X X X X . . X . X X
. . X X X . . X X X X . X X . X
. . . X X X . . X X X X . X X X
"""


class LeNet5(nn.Module):
    """LeNet-5 as it is built today; LeCun, Bottou, Bengio, Haffner 1998, section II.B and figure 2.

    New in the paper: local receptive fields, shared weights and subsampling in one network that is trained from pixels
    to classes by gradient descent. Where this form departs from the paper: C3 sees all maps of S2, pooling is a plain
    average without squashing, and the output is linear; see `LeNet5_1998`.

    activation: used after C1, C3, C5 and F6, one instance for all four.
    In (B, in_channels, 32, 32), out logits (B, num_classes). Parameters: 61,706 with the defaults.
    """

    def __init__(
        self, *, num_classes: int = 10, in_channels: int = 1, activation: Callable[[], nn.Module] = nn.Tanh
    ) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(in_channels, 6, kernel_size=5)
        self.s2 = nn.AvgPool2d(2)
        self.c3 = nn.Conv2d(6, 16, kernel_size=5)
        self.s4 = nn.AvgPool2d(2)
        self.c5 = WholeMapConv2d(16, 120, kernel_size=5)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, num_classes)
        self.activation = activation()

    def features(self, x: Tensor) -> Tensor:
        """The 84 units of F6: (B, in_channels, 32, 32) to (B, 84)."""
        _check_size(x)
        x = self.s2(self.activation(self.c1(x)))  # (B, 6, 28, 28), then (B, 6, 14, 14)
        x = self.s4(self.activation(self.c3(x)))  # (B, 16, 10, 10), then (B, 16, 5, 5)
        x = self.activation(self.c5(x)).flatten(1)  # (B, 120)
        return self.activation(self.f6(x))  # (B, 84)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.features(x))


class LeNet5_1998(nn.Module):  # noqa: N801 - the year is part of the name
    """The network of LeCun, Bottou, Bengio, Haffner 1998, section II.B, table I, equations 5 to 7, appendix A.

    Trainable subsampling, sparse C3, scaled tanh after all six layers up to F6, and an output of radial basis units
    whose fixed codes are stylised digits. The codes are our own drawing after the paper's figure 3; nothing else
    departs from the paper. Its inputs have -0.1 for paper and 1.175 for ink, so that their mean is about 0 and their
    variance about 1. Weights and biases start uniform within +-2.4 / fan-in.

    In (B, 1, 32, 32), out (B, 10): the *negative* penalties of the radial basis units, so that the largest is the class
    as with any logits; the penalties of the paper's equation 9 are minus the output.
    Parameters: 60,000 = 156 + 12 + 1,516 + 32 + 48,120 + 10,164 for C1, S2, C3, S4, C5, F6.
    """

    def __init__(self) -> None:
        super().__init__()
        seen_by = zip(*(row.split() for row in C3_TABLE.strip().split("\n")), strict=True)
        self.c1 = nn.Conv2d(1, 6, kernel_size=5)
        self.s2 = Subsampling(num_maps=6)
        self.c3 = SparseConv2d(connections=[[mark == "X" for mark in maps] for maps in seen_by], kernel_size=5)
        self.s4 = Subsampling(num_maps=16)
        self.c5 = WholeMapConv2d(16, 120, kernel_size=5)
        self.f6 = nn.Linear(120, 84)
        self.output = RBFOutput(prototypes=digit_prototypes())
        self.squash = ScaledTanh()
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Appendix A; the fan-in of a subsampling unit is the four inputs of its window."""
        for layer, fan_in in ((self.c1, 25), (self.s2, 4), (self.s4, 4), (self.c5, 400), (self.f6, 120)):
            for parameter in layer.parameters():
                lecun_uniform_(parameter, fan_in=fan_in)
        self.c3.reset_parameters()  # its fan-in differs from map to map

    def features(self, x: Tensor) -> Tensor:
        """The 84 units of F6, each within +-1.7159: (B, 1, 32, 32) to (B, 84). They spell a 12 x 7 bitmap."""
        _check_size(x)
        x = self.squash(self.c1(x))  # (B, 6, 28, 28)
        x = self.squash(self.s2(x))  # (B, 6, 14, 14)
        x = self.squash(self.c3(x))  # (B, 16, 10, 10)
        x = self.squash(self.s4(x))  # (B, 16, 5, 5)
        x = self.squash(self.c5(x)).flatten(1)  # (B, 120)
        return self.squash(self.f6(x))  # (B, 84)

    def forward(self, x: Tensor) -> Tensor:
        return -self.output(self.features(x))


def _check_size(x: Tensor) -> None:
    if x.shape[-2:] != (32, 32):
        raise ValueError(
            f"LeNet-5 expects images of 32 x 32 pixels, received shape {tuple(x.shape)}. "
            "Pad 28 x 28 digits by 2 pixels on each side."
        )
