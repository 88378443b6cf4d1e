"""torch's own counter of operations as judge of the multiply-adds in the summary: it counts two for each."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from neurarium.networks.lenet import LeNet5
from neurarium.networks.mlp import MLP
from neurarium.networks.ring_gan import RingGenerator
from neurarium.nn.summary import summarise


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (LeNet5, (3, 1, 32, 32)),
        (lambda: MLP(in_features=784, hidden=(300, 100), out_features=10), (3, 1, 28, 28)),
        (RingGenerator, (3, 256)),
        (lambda: nn.Conv3d(2, 4, (1, 2, 3), stride=2, padding=1, dilation=(1, 2, 1), groups=2), (3, 2, 5, 6, 7)),
        (lambda: nn.ConvTranspose2d(3, 4, 4, stride=2, padding=1), (3, 3, 8, 8)),
        (lambda: nn.ConvTranspose1d(4, 4, 3), (3, 4, 8)),
    ],
    ids=["lenet", "mlp", "generator", "conv3d", "transposed2d", "transposed1d"],
)
def test_multiply_adds_are_half_of_torchs_operations(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    network, x = build(), torch.zeros(shape)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(x)
    total = summarise(network, x)[-1].multiply_adds
    assert total is not None
    assert 2 * total * len(x) == counter.get_total_flops()
