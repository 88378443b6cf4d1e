"""Output units that measure a distance."""

import torch
from torch import Tensor, nn

# The digits 0 to 9 as bitmaps of 12 rows and 7 columns, drawn for this library in the manner of the paper's figure 3:
# shapes that look alike have codes that are alike, so that a confusion costs little and a rejected garbage much.
DIGIT_BITMAPS = """
..###.. ...##.. .#####. ####### ....##. ####### ..####. ####### .#####. ..###..
.##.##. ..###.. ##...## .....## ...###. ####### .##.... ####### ##...## .##.##.
##...## .####.. #....## ....##. ..####. ##..... ##..... .....## ##...## ##...##
##...## ...##.. .....## ...##.. ..#.##. ##..... ##..... .....## ##...## ##...##
##...## ...##.. ....##. ..####. .##.##. ######. ##..... ....##. .##.##. ##...##
##...## ...##.. ...##.. .....## .#..##. ##...## ######. ....##. ..###.. ##...##
##...## ...##.. ..##... .....## ##..##. .....## ##...## ...##.. .##.##. .######
##...## ...##.. .##.... .....## ####### .....## ##...## ...##.. ##...## .....##
##...## ...##.. ##..... .....## ####### .....## ##...## ..##... ##...## .....##
##...## ...##.. ##..... #....## ....##. #....## ##...## ..##... ##...## .....##
.##.##. .###### ####### ##...## ....##. ##...## .##.##. .##.... ##...## ....##.
..###.. .###### ####### .#####. ....##. .#####. ..###.. .##.... .#####. .####..
"""


def digit_prototypes() -> Tensor:
    """The ten bitmaps as codes: (10, 84) float, +1 for ink and -1 for paper, row by row."""
    rows = [row.split() for row in DIGIT_BITMAPS.split("\n") if row]
    bitmaps = ["".join(row[digit] for row in rows) for digit in range(10)]
    return torch.tensor([[1.0 if pixel == "#" else -1.0 for pixel in bitmap] for bitmap in bitmaps])


class RBFOutput(nn.Module):
    """Euclidean radial basis units, LeCun, Bottou, Bengio, Haffner 1998, equation 7.

        y_i = sum_j (x_j - w_ij)^2

    y_i is a penalty: how badly the input fits the code of class i. The codes are fixed, as in the paper, hence a buffer
    and no parameters. Codes of -1 and +1 keep the units of the layer before at the points of largest curvature of its
    scaled tanh, away from saturation.

    prototypes: the codes w, (C, D). In (B, D), out (B, C), all at least 0.
    """

    prototypes: Tensor

    def __init__(self, *, prototypes: Tensor) -> None:
        super().__init__()
        if prototypes.ndim != 2:
            raise ValueError(f"RBFOutput expects prototypes of shape (C, D), received {tuple(prototypes.shape)}.")
        self.register_buffer("prototypes", prototypes)

    def forward(self, x: Tensor) -> Tensor:
        # The difference itself, not |x|^2 - 2 x.w + |w|^2: that loses the small distances, which decide.
        return (x[:, None, :] - self.prototypes).square().sum(-1)

    def multiply_adds(self, output: Tensor) -> int:
        """One for each component of each code."""
        return output.numel() * self.prototypes.shape[1]

    def extra_repr(self) -> str:
        classes, size = self.prototypes.shape
        return f"{size}, {classes}"
