"""torch's own layers in a row as judge of the common LeNet-5: values, gradients, and a few steps of training."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.losses.classification import cross_entropy
from neurarium.networks.lenet import LeNet5


def row_of_layers(activation: Callable[[], nn.Module]) -> nn.Sequential:
    """2 colours, 7 classes; C5 is a dense layer here, which it equals on maps of 5 x 5."""
    return nn.Sequential(
        *(nn.Conv2d(2, 6, 5), activation(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), activation(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 120), activation()),
        *(nn.Linear(120, 84), activation(), nn.Linear(84, 7)),
    )


def pair(activation: Callable[[], nn.Module]) -> tuple[LeNet5, nn.Sequential]:
    torch.manual_seed(0)
    ours = LeNet5(num_classes=7, in_channels=2, activation=activation).double()
    theirs = row_of_layers(activation).double()
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            mine.mul_(2)  # out of the linear range of the activations
            other.copy_(mine.view_as(other))
    return ours, theirs


def same(ours: LeNet5, theirs: nn.Sequential, of: Callable[[nn.Parameter], Tensor | None]) -> None:
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        a, b = of(mine), of(other)
        assert a is not None
        assert b is not None
        torch.testing.assert_close(a.view_as(b), b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU, nn.Sigmoid])
def test_values_and_gradients_are_torchs(activation: Callable[[], nn.Module]) -> None:
    ours, theirs = pair(activation)
    x, other_x = (torch.randn(4, 2, 32, 32, dtype=torch.float64).requires_grad_() for _ in range(2))
    other_x.data.copy_(x.data)
    y = torch.tensor([0, 6, 3, 3])
    logits = ours(x)
    torch.testing.assert_close(logits, theirs(other_x), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(ours.features(x), theirs[:-1](other_x), rtol=1e-9, atol=1e-12)
    cross_entropy(logits, y).mean().backward()
    F.cross_entropy(theirs(other_x), y).backward()
    same(ours, theirs, lambda parameter: parameter.grad)
    torch.testing.assert_close(x.grad, other_x.grad, rtol=1e-9, atol=1e-12)


def test_five_steps_of_adam_end_at_the_same_weights() -> None:
    ours, theirs = pair(nn.Tanh)
    optimizers = [torch.optim.Adam(network.parameters(), lr=1e-3) for network in (ours, theirs)]
    start = [parameter.detach().clone() for parameter in ours.parameters()]
    for _ in range(5):
        x, y = torch.randn(8, 2, 32, 32, dtype=torch.float64), torch.randint(7, (8,))
        for network, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            cross_entropy(network(x), y).mean().backward()
            optimizer.step()
    assert all((a - b).abs().max() > 1e-3 for a, b in zip(start, ours.parameters(), strict=True))
    same(ours, theirs, lambda parameter: parameter.detach())
