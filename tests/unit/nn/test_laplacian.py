"""Laplacian pyramids against the sums of the paper, written as loops, and against themselves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurarium.nn.laplacian import WEIGHTS, down, from_pyramid, laplacian_pyramid, up


def pixels(*shape: int) -> Tensor:
    """Eight-bit images in double precision, as whole numbers."""
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(1)).double()


def at(image: Tensor, i: int, j: int) -> float:
    """The outermost pixels go on beyond the border."""
    return float(image[min(max(i, 0), image.shape[0] - 1), min(max(j, 0), image.shape[1] - 1)])


@pytest.mark.catalogue("laplacian-pyramid")
def test_down_and_up_are_the_sums_of_the_paper() -> None:
    """REDUCE and EXPAND: sum_{m,n} w(m,n) g(2i + m, 2j + n), and 4 sum w(m,n) g((i - m) / 2, (j - n) / 2)."""
    image = pixels(1, 1, 6, 8)
    near = range(-2, 3)
    smaller = torch.tensor(
        [
            [
                sum(WEIGHTS[m + 2] * WEIGHTS[n + 2] * at(image[0, 0], 2 * i + m, 2 * j + n) for m in near for n in near)
                for j in range(4)
            ]
            for i in range(3)
        ]
    )
    assert torch.equal(down(image)[0, 0], smaller.double())
    larger = torch.tensor(
        [
            [
                4
                * sum(
                    WEIGHTS[m + 2] * WEIGHTS[n + 2] * at(image[0, 0], (i - m) // 2, (j - n) // 2)
                    for m in near
                    for n in near
                    if (i - m) % 2 == 0 and (j - n) % 2 == 0
                )
                for j in range(16)
            ]
            for i in range(12)
        ]
    )
    assert torch.equal(up(image)[0, 0], larger.double())


def test_kernel_is_one_of_the_papers_family() -> None:
    """Normalised, symmetric, and every pixel gives as much to the smaller image: a + 2 c = 2 b, with a = 3/8."""
    c, b, a, *rest = WEIGHTS
    assert rest == [b, c]
    assert a + 2 * b + 2 * c == 1
    assert a + 2 * c == 2 * b
    assert a == 3 / 8


@pytest.mark.catalogue("laplacian-pyramid")
def test_differences_are_the_image_minus_the_smaller_one_made_large() -> None:
    x = pixels(2, 3, 16, 8)
    h0, h1, base = laplacian_pyramid(x, 2)
    first, second = down(x), down(down(x))
    assert torch.equal(h0, x - up(first))
    assert torch.equal(h1, first - up(second))
    assert torch.equal(base, second)
    assert [tuple(part.shape) for part in (h0, h1, base)] == [(2, 3, 16, 8), (2, 3, 8, 4), (2, 3, 4, 2)]


@pytest.mark.catalogue("laplacian-pyramid")
@pytest.mark.parametrize("levels", [0, 1, 2, 3, 4])
def test_reconstruction_is_exact(levels: int) -> None:
    x = pixels(2, 1, 32, 48)
    assert torch.equal(from_pyramid(laplacian_pyramid(x, levels)), x)


def test_reconstruction_of_any_numbers_is_exact_but_for_rounding() -> None:
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(from_pyramid(laplacian_pyramid(x, 5)), x, rtol=0, atol=1e-5)


def test_constant_images_have_no_differences() -> None:
    *differences, base = laplacian_pyramid(torch.full((1, 2, 8, 8), 0.75), 3)
    assert all(float(difference.abs().max()) == 0 for difference in differences)
    assert torch.equal(base, torch.full((1, 2, 1, 1), 0.75))


def test_most_of_the_differences_of_smooth_images_are_small() -> None:
    """Which is what the pyramid is for."""
    ramp = torch.linspace(0, 1, 32).expand(1, 1, 32, 32)
    h0, _ = laplacian_pyramid(ramp, 1)
    assert float(h0[..., 5:-5].abs().max()) < 1e-6
    assert float(h0.abs().max()) < 0.04


def test_odd_sides_are_refused() -> None:
    with pytest.raises(ValueError, match=r"sides can be halved, received 8 x 7"):
        down(torch.zeros(1, 1, 8, 7))
    with pytest.raises(ValueError, match=r"received 3 x 3"):
        laplacian_pyramid(torch.zeros(1, 1, 12, 12), 3)
