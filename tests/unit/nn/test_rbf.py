import pytest
import torch

from neurarium.nn.rbf import DIGIT_BITMAPS, RBFOutput, digit_prototypes


def test_penalties_are_squared_distances() -> None:
    torch.manual_seed(0)
    prototypes = torch.randn(4, 5, dtype=torch.float64)
    x = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    y = RBFOutput(prototypes=prototypes)(x)
    assert y.shape == (3, 4)
    for b in range(3):
        for i in range(4):
            brute = sum((x[b, j].item() - prototypes[i, j].item()) ** 2 for j in range(5))
            assert y[b, i].item() == pytest.approx(brute, rel=1e-12)
    y.sum().backward()
    torch.testing.assert_close(x.grad, 2 * (4 * x.detach() - prototypes.sum(0)))


def test_penalty_of_a_code_for_its_own_class_is_exactly_zero() -> None:
    prototypes = digit_prototypes()
    penalties = RBFOutput(prototypes=prototypes)(prototypes)
    assert (penalties.diagonal() == 0).all()
    # Each pixel in which two codes differ costs 2^2.
    differing = (prototypes[:, None] != prototypes).sum(-1)
    assert torch.equal(penalties, 4.0 * differing)


def test_codes_are_a_buffer_and_no_parameters() -> None:
    layer = RBFOutput(prototypes=digit_prototypes())
    assert not list(layer.parameters())
    assert layer.state_dict()["prototypes"].shape == (10, 84)


def test_bitmaps_are_read_column_block_by_column_block() -> None:
    codes = digit_prototypes().view(10, 12, 7)
    assert set(codes.flatten().tolist()) == {-1.0, 1.0}
    for row, line in enumerate(DIGIT_BITMAPS.strip().split("\n")):
        drawn = " ".join("".join("#" if ink > 0 else "." for ink in codes[digit, row]) for digit in range(10))
        assert drawn == line


def test_codes_keep_apart_and_put_alike_beside_alike() -> None:
    codes = digit_prototypes()
    differing = (codes[:, None] != codes).sum(-1)
    assert differing[~torch.eye(10, dtype=torch.bool)].min() >= 12
    for digit, like, unlike in [(0, 6, 1), (0, 9, 1), (3, 5, 4), (8, 9, 7)]:
        assert differing[digit, like] < differing[digit, unlike]


def test_prototypes_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(C, D\), received \(84,\)"):
        RBFOutput(prototypes=torch.ones(84))
