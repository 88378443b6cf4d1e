import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from neurarium.nn.convolution import SparseConv2d, WholeMapConv2d

TABLE = [[True, False, True], [False, True, False]]


@st.composite
def tables(draw: st.DrawFn) -> list[list[bool]]:
    """Tables in which each row and each column has a connection."""
    out_maps, in_maps = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    table = [[draw(st.booleans()) for _ in range(in_maps)] for _ in range(out_maps)]
    for o in range(max(out_maps, in_maps)):
        table[o % out_maps][o % in_maps] = True
    return table


@settings(max_examples=25, deadline=None)
@given(table=tables(), kernel_size=st.integers(1, 3), extra=st.integers(0, 3), seed=st.integers(0, 2**31))
def test_sparse_convolution_equals_a_masked_dense_one_in_value_and_gradient(
    table: list[list[bool]], kernel_size: int, extra: int, seed: int
) -> None:
    torch.manual_seed(seed)
    mask = torch.tensor(table)
    layer = SparseConv2d(connections=table, kernel_size=kernel_size).double()
    size = kernel_size + extra
    x = torch.randn(2, mask.shape[1], size, size, dtype=torch.float64, requires_grad=True)
    # The judge's weight is filled connection by connection, in the order in which a table is read.
    dense = torch.zeros(*mask.shape, kernel_size, kernel_size, dtype=torch.float64)
    live = iter(layer.weight.detach())
    for o, i in mask.nonzero().tolist():
        dense[o, i] = next(live)
    dense.requires_grad_()
    ours, theirs = layer(x), F.conv2d(x, dense, layer.bias)
    torch.testing.assert_close(ours, theirs)
    weights = torch.randn_like(ours)
    gradient, x_gradient = torch.autograd.grad((ours * weights).sum(), (layer.weight, x))
    dense_gradient, dense_x_gradient = torch.autograd.grad((theirs * weights).sum(), (dense, x))
    torch.testing.assert_close(gradient, dense_gradient[mask])
    torch.testing.assert_close(x_gradient, dense_x_gradient)


def test_sparse_convolution_ignores_maps_that_are_not_connected() -> None:
    torch.manual_seed(0)
    layer = SparseConv2d(connections=TABLE, kernel_size=2)
    x = torch.randn(1, 3, 4, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x)[:, 0].sum(), x)
    assert (gradient[:, 1] == 0).all()
    assert (gradient[:, [0, 2]] != 0).all()


def test_absent_weights_stay_zero_under_momentum_and_weight_decay() -> None:
    torch.manual_seed(0)
    layer = SparseConv2d(connections=TABLE, kernel_size=2)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        layer(torch.randn(2, 3, 4, 4)).square().mean().backward()
        optimizer.step()
    dead = ~torch.tensor(TABLE)
    assert (layer.dense_weight()[dead] == 0).all()
    assert (layer.dense_weight()[~dead] != 0).all()


def test_full_table_equals_torchs_layer() -> None:
    torch.manual_seed(0)
    layer = SparseConv2d(connections=[[True] * 3] * 4, kernel_size=3)
    judge = torch.nn.Conv2d(3, 4, 3)
    with torch.no_grad():
        judge.weight.copy_(layer.weight.view(4, 3, 3, 3))
        judge.bias.copy_(layer.bias)
    x = torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(layer(x), judge(x))


def test_only_live_connections_are_parameters() -> None:
    layer = SparseConv2d(connections=TABLE, kernel_size=5)
    assert sum(p.numel() for p in layer.parameters()) == 3 * 25 + 2


def test_each_map_starts_within_its_own_fan_in() -> None:
    torch.manual_seed(0)
    table = [[True] * 40, [True] + [False] * 39]
    layer = SparseConv2d(connections=table, kernel_size=3)
    wide, narrow = layer.kernels_by_map()
    assert (len(wide), len(narrow)) == (40, 1)
    assert 0.9 * 2.4 / 360 < wide.abs().max() <= 2.4 / 360
    assert 2.4 / 360 < narrow.abs().max() <= 2.4 / 9


def test_table_is_readable_and_travels_with_the_weights() -> None:
    layer = SparseConv2d(connections=TABLE, kernel_size=2)
    assert layer.connections.tolist() == TABLE
    other = SparseConv2d(connections=[[False, True, True], [True, False, False]], kernel_size=2)
    other.load_state_dict(layer.state_dict())
    assert other.connections.tolist() == TABLE
    x = torch.randn(1, 3, 4, 4)
    assert torch.equal(other(x), layer(x))


@pytest.mark.parametrize("table", [[[True, False]], [[True], [False]], [[]]], ids=["input", "output", "empty"])
def test_unused_maps_are_refused(table: list[list[bool]]) -> None:
    with pytest.raises(ValueError, match="every output map has an input and every input map is used"):
        SparseConv2d(connections=table, kernel_size=2)


@pytest.mark.parametrize("channels_last", [False, True])
def test_whole_map_convolution_equals_torchs(channels_last: bool) -> None:
    """On a map of the kernel's size and on larger ones: values and all gradients."""
    torch.manual_seed(0)
    ours, judge = WholeMapConv2d(3, 7, kernel_size=5).double(), nn.Conv2d(3, 7, kernel_size=5).double()
    judge.load_state_dict(ours.state_dict())
    if channels_last:
        ours = ours.to(memory_format=torch.channels_last)
    for size in (5, 9):
        x, same = (torch.randn(4, 3, size, size, dtype=torch.double).requires_grad_() for _ in range(2))
        with torch.no_grad():
            same.copy_(x)
        out, expected = ours(x), judge(same)
        torch.testing.assert_close(out, expected)
        weight = torch.randn_like(expected)
        (out * weight).sum().backward()
        (expected * weight).sum().backward()
        torch.testing.assert_close(x.grad, same.grad)
        torch.testing.assert_close(ours.weight.grad, judge.weight.grad)
        torch.testing.assert_close(ours.bias.grad, judge.bias.grad)
