import math

import pytest
import torch

from neurarium.losses.classification import cross_entropy
from neurarium.networks.linear import LinearModel


def test_scores_are_affine_and_parameters_are_counted() -> None:
    torch.manual_seed(0)
    network = LinearModel(in_features=6, out_features=3, zero_init=False).double()
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    weight, bias = network.linear.weight, network.linear.bias
    torch.testing.assert_close(network(x), torch.einsum("of,bf->bo", weight, x.reshape(4, 6)) + bias)
    assert sum(p.numel() for p in network.parameters()) == (6 + 1) * 3


def test_start_at_zero_has_the_loss_of_chance() -> None:
    network = LinearModel(in_features=6, out_features=3)
    losses = cross_entropy(network(torch.randn(4, 6)), torch.tensor([0, 1, 2, 0]))
    assert losses.tolist() == pytest.approx([math.log(3)] * 4)


def test_boundary_of_the_worked_example() -> None:
    network = LinearModel(in_features=2).double()
    with torch.no_grad():
        network.linear.weight.copy_(torch.tensor([[3.0, -2.0]]))
        network.linear.bias.fill_(1.0)
    score = network(torch.tensor([[-1.0, 2.0], [1.0, 2.0]], dtype=torch.float64))
    assert score.squeeze(1).tolist() == [-6.0, 0.0]
    assert score.sigmoid()[0, 0].item() == pytest.approx(0.00247, abs=5e-6)
