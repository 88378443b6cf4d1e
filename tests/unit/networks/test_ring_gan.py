import pytest
import torch
from torch import nn

from neurarium.networks.ring_gan import RingDiscriminator, RingGenerator


def test_parameter_counts() -> None:
    assert sum(p.numel() for p in RingGenerator().parameters()) == 257 * 128 + 129 * 128 + 129 * 2 == 49_666
    assert sum(p.numel() for p in RingDiscriminator().parameters()) == 3 * 128 + 129 * 128 + 129 == 17_025


@pytest.mark.parametrize("batch", [0, 1, 5])
def test_shapes(batch: int) -> None:
    points = RingGenerator(latent_size=3, hidden=(4,))(torch.randn(batch, 3))
    assert points.shape == (batch, 2)
    assert RingDiscriminator()(points).shape == (batch, 1)


def test_generator_reaches_every_point_of_the_plane() -> None:
    # The last layer is linear: the output grows with the code, as ReLU networks without bias are homogeneous.
    torch.manual_seed(0)
    generator = RingGenerator(latent_size=3).double()
    for layer in generator.layers:
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)
    z = torch.randn(4, 3, dtype=torch.float64)
    torch.testing.assert_close(generator(1000 * z), 1000 * generator(z))


def test_gradient_reaches_the_generator_through_the_judge() -> None:
    torch.manual_seed(0)
    generator, discriminator = RingGenerator(latent_size=2), RingDiscriminator()
    discriminator(generator(torch.randn(16, 2))).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in generator.parameters())
