"""Deep plain networks train worse than shallow ones; with shortcuts far less so. docs/convolution.md has the curves."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import functional as F

from neurarium.networks.resnet import CifarResNet


def training_loss(depth: int, *, residual: bool) -> float:
    """Mean loss of the last 20 of 60 steps of 32 digits of 8 x 8 pixels."""
    bunch = load_digits()
    x = torch.from_numpy(bunch.images).float()[:, None] / 16
    y = torch.from_numpy(bunch.target)
    torch.manual_seed(0)
    network = CifarResNet(depth=depth, in_channels=1, residual=residual)
    steps = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    losses = []
    for _ in range(60):
        index = torch.randint(len(x), (32,))
        loss = F.cross_entropy(network(x[index]), y[index])
        loss.backward()
        steps.step()
        steps.zero_grad()
        losses.append(loss.item())
    return sum(losses[-20:]) / 20


@pytest.mark.catalogue("degradation-experiment", "residual-block")
def test_depth_hurts_a_plain_network_far_more_than_a_residual_one() -> None:
    plain = {depth: training_loss(depth, residual=False) for depth in (8, 44)}
    residual = {depth: training_loss(depth, residual=True) for depth in (8, 44)}
    assert plain[44] > plain[8] + 1  # though it could copy the shallow one
    assert residual[44] < 0.65 * plain[44]
    assert residual[44] - residual[8] < 0.65 * (plain[44] - plain[8])
