import pytest
import torch
from torch import nn

from neurarium.networks.ring_gan import RingDiscriminator, RingGenerator
from neurarium.nn.minibatch_discrimination import MinibatchDiscrimination
from neurarium.nn.spectral_norm import SpectralLinear


def test_parameter_counts() -> None:
    assert sum(p.numel() for p in RingGenerator().parameters()) == 257 * 128 + 129 * 128 + 129 * 2 == 49_666
    assert sum(p.numel() for p in RingDiscriminator().parameters()) == 3 * 128 + 129 * 128 + 129 == 17_025


@pytest.mark.parametrize("batch", [0, 1, 5])
def test_shapes(batch: int) -> None:
    points = RingGenerator(latent_size=3, hidden=(4,))(torch.randn(batch, 3))
    assert points.shape == (batch, 2)
    assert RingDiscriminator()(points).shape == (batch, 1)


def test_options_of_the_judge() -> None:
    x = torch.randn(6, 1)
    assert RingGenerator(latent_size=3, coordinates=1)(torch.randn(6, 3)).shape == (6, 1)
    seeing = RingDiscriminator(coordinates=1, hidden=(4, 5), num_kernels=3)
    assert seeing(x).shape == (6, 1)
    assert seeing.features(x).shape == (6, 5 + 3)
    assert any(isinstance(layer, MinibatchDiscrimination) for layer in seeing.modules())
    bounded = RingDiscriminator(hidden=(4, 5), linear=SpectralLinear)
    assert sum(isinstance(layer, SpectralLinear) for layer in bounded.modules()) == 3
    plain = RingDiscriminator(hidden=(4, 5))
    torch.testing.assert_close(plain.layers[-1](plain.features(x.expand(6, 2))), plain(x.expand(6, 2)))


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
