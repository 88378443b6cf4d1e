"""The players of GANs on images against the papers' tables and against loops."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.networks.dcgan import DCGANDiscriminator, DCGANGenerator, Norm
from neurarium.networks.dense_gan import DenseDiscriminator, DenseGenerator
from neurarium.nn.activations import Maxout
from neurarium.nn.spectral_norm import SpectralConv2d


def num_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def kinds(network: Any) -> list[type]:
    """Layers that are computed in another way count as what they are."""
    convolutions = (nn.ConvTranspose2d, nn.Conv2d)
    return [next((kind for kind in convolutions if isinstance(layer, kind)), type(layer)) for layer in network.layers]


@pytest.mark.catalogue("dcgan")
def test_generator_is_made_of_fractionally_strided_convolutions() -> None:
    network: Any = DCGANGenerator(size=64, channels=3, width=128)
    up = [nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU]
    assert kinds(network) == [*up, *up, *up, *up, nn.ConvTranspose2d, nn.Tanh]
    convolutions = [layer for layer in network.layers if isinstance(layer, nn.ConvTranspose2d)]
    # Figure 1: 100 numbers, then 4 x 4 x 1024, 8 x 8 x 512, 16 x 16 x 256, 32 x 32 x 128, 64 x 64 x 3.
    assert [layer.in_channels for layer in convolutions] == [100, 1024, 512, 256, 128]
    assert [layer.stride for layer in convolutions] == [(1, 1), (2, 2), (2, 2), (2, 2), (2, 2)]
    x, sides = torch.randn(2, 100, 1, 1), []
    for layer in network.layers:
        x = layer(x)
        sides += [x.shape[2]] if isinstance(layer, nn.ConvTranspose2d) else []
    assert sides == [4, 8, 16, 32, 64]
    assert x.shape == (2, 3, 64, 64)
    assert x.abs().max() <= 1
    assert not any(isinstance(layer, nn.Linear) for layer in network.modules())


@pytest.mark.catalogue("dcgan")
def test_discriminator_is_made_of_strided_convolutions() -> None:
    network: Any = DCGANDiscriminator(size=64, channels=3, width=128)
    down = [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU]
    assert kinds(network) == [nn.Conv2d, nn.LeakyReLU, *down, *down, *down, nn.Conv2d, nn.Flatten]
    assert {layer.negative_slope for layer in network.layers if isinstance(layer, nn.LeakyReLU)} == {0.2}
    convolutions = [layer for layer in network.layers if isinstance(layer, nn.Conv2d)]
    assert [layer.stride for layer in convolutions] == [(2, 2), (2, 2), (2, 2), (2, 2), (1, 1)]
    assert [layer.out_channels for layer in convolutions] == [128, 256, 512, 1024, 1]
    assert network(torch.rand(3, 3, 64, 64)).shape == (3, 1)
    banned = nn.Linear | nn.MaxPool2d | nn.AvgPool2d
    assert not any(isinstance(layer, banned) for layer in network.modules())


@pytest.mark.catalogue("dcgan")
def test_weights_start_with_deviation_two_hundredths() -> None:
    torch.manual_seed(0)
    for network in (DCGANGenerator(), DCGANDiscriminator()):
        weights = torch.cat([p.detach().flatten() for name, p in network.named_parameters() if p.dim() == 4])
        assert float(weights.mean()) == pytest.approx(0, abs=1e-4)
        assert float(weights.std()) == pytest.approx(0.02, rel=2e-3)
        # Of a normal distribution 68.27 % lie within one deviation.
        assert float((weights.abs() < 0.02).float().mean()) == pytest.approx(0.6827, abs=2e-3)


def test_parameters_are_as_many_as_written() -> None:
    # 100 x 512 x 16 + (512 x 256 + 256 x 128 + 128 x 64 + 64 x 3) x 16, and two for each normalised map.
    kernels = 100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3
    assert num_parameters(DCGANGenerator(width=64)) == 16 * kernels + 2 * (512 + 256 + 128 + 64) == 3_576_704
    kernels = 3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512
    normalised = 2 * (128 + 256 + 512)
    assert num_parameters(DCGANDiscriminator(width=64)) == 16 * kernels + 64 + normalised == 2_765_632
    assert num_parameters(DenseGenerator()) == 101 * 1200 + 1201 * 1200 + 1201 * 784 == 2_503_984
    assert num_parameters(DenseDiscriminator()) == 785 * 1200 + 241 * 1200 + 241 == 1_231_441


def test_fractional_stride_is_a_convolution_between_which_zeros_stand() -> None:
    """The layer against a convolution with the turned kernel over a map with zeros between its pixels."""
    generator: Any = DCGANGenerator(size=8, channels=1, width=4)
    layer = generator.layers[3]
    x = torch.randn(2, 4, 4, 4)
    spread = torch.zeros(2, 4, 7, 7)
    spread[:, :, ::2, ::2] = x
    turned = layer.weight.flip(2, 3).transpose(0, 1)
    torch.testing.assert_close(layer(x), F.conv2d(spread, turned, padding=2), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [8, 16, 32, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_power_of_two(size: int, channels: int) -> None:
    generator = DCGANGenerator(size=size, channels=channels, width=2, latent_size=5)
    images = generator(torch.randn(2, 5))
    assert images.shape == (2, channels, size, size)
    assert DCGANDiscriminator(size=size, channels=channels, width=2)(images).shape == (2, 1)


@pytest.mark.parametrize("size", [4, 28, 96])
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=rf"power of two of at least 8, received {size}"):
        DCGANGenerator(size=size)
    with pytest.raises(ValueError, match=rf"power of two of at least 8, received {size}"):
        DCGANDiscriminator(size=size)


@pytest.mark.catalogue("conditional-gan")
def test_a_class_reaches_both_players() -> None:
    """One-hot of length 10: beside z, and as ten constant maps beside the image, of which one is white."""
    torch.manual_seed(0)
    c = F.one_hot(torch.tensor([3, 7]), 10).float()
    generator: Any = DCGANGenerator(size=8, channels=1, width=4, latent_size=6, condition_size=10)
    z = torch.randn(2, 6)
    plain = nn.Sequential(*generator.layers)
    torch.testing.assert_close(generator(z, c), plain(torch.cat([z, c], 1).view(2, 16, 1, 1)))
    discriminator: Any = DCGANDiscriminator(size=8, channels=1, width=4, condition_size=10)
    x = torch.rand(2, 1, 8, 8)
    beside = torch.zeros(2, 11, 8, 8)
    beside[:, :1], beside[0, 4], beside[1, 8] = x, 1, 1
    torch.testing.assert_close(discriminator(x, c), nn.Sequential(*discriminator.layers)(beside))
    assert not torch.allclose(discriminator(x, c), discriminator(x, c.flip(0)))


@pytest.mark.parametrize("norm", ["layer", "spectral", "none"])
def test_critics_without_batches_judge_each_image_by_itself(norm: Norm) -> None:
    torch.manual_seed(0)
    critic = DCGANDiscriminator(size=8, channels=1, width=4, norm=norm, num_predicted=2)
    x = torch.rand(5, 1, 8, 8)
    critic(x)  # a training forward moves the singular vectors
    critic.eval()
    assert critic(x).shape == (5, 3)
    torch.testing.assert_close(critic(x), torch.cat([critic(image[None]) for image in x]))
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in critic.modules())


def test_layer_norm_is_over_all_values_of_an_image() -> None:
    critic: Any = DCGANDiscriminator(size=16, channels=1, width=4, norm="layer")
    maps = critic.layers[2](critic.layers[1](critic.layers[0](torch.rand(3, 1, 16, 16))))
    torch.testing.assert_close(critic.layers[3](maps), F.layer_norm(maps, maps.shape[1:]))


def test_every_weight_of_a_spectral_critic_is_bounded() -> None:
    critic = DCGANDiscriminator(size=16, channels=1, width=4, norm="spectral")
    convolutions = [layer for layer in critic.modules() if isinstance(layer, nn.Conv2d)]
    assert len(convolutions) == 3
    assert all(isinstance(layer, SpectralConv2d) for layer in convolutions)


@pytest.mark.catalogue("gan")
def test_dense_players_are_those_of_the_first_paper() -> None:
    """Rectified linear units and sigmoids make images in one pass; maxout units, with dropout, judge them."""
    torch.manual_seed(0)
    generator, discriminator = DenseGenerator(), DenseDiscriminator()
    z = torch.randn(4, 100)
    x = generator(z)
    by_hand: Tensor = z
    linear = [layer for layer in generator.modules() if isinstance(layer, nn.Linear)]
    for layer in linear[:-1]:
        by_hand = (by_hand @ layer.weight.T + layer.bias).clamp(min=0)
    by_hand = 1 / (1 + torch.exp(-(by_hand @ linear[-1].weight.T + linear[-1].bias)))
    torch.testing.assert_close(x.flatten(1), by_hand)
    assert x.shape == (4, 1, 28, 28)

    discriminator.eval()
    h = x.flatten(1)
    linear = [layer for layer in discriminator.modules() if isinstance(layer, nn.Linear)]
    for layer in linear[:-1]:
        a = h @ layer.weight.T + layer.bias
        h = torch.stack([a[:, unit * 5 : unit * 5 + 5].max(1).values for unit in range(240)], 1)
    torch.testing.assert_close(discriminator(x), h @ linear[-1].weight.T + linear[-1].bias)
    discriminator.train()
    assert not torch.equal(discriminator(x), discriminator(x))


def test_dense_players_start_small() -> None:
    torch.manual_seed(0)
    for network, bound in ((DenseGenerator(), 0.05), (DenseDiscriminator(), 0.005)):
        for name, parameter in network.named_parameters():
            values = parameter.detach()
            if name.endswith("bias"):
                assert not values.any()
            else:  # a uniform distribution has the deviation bound / 3^0.5
                assert float(values.abs().max()) <= bound
                assert float(values.std()) == pytest.approx(bound / 3**0.5, rel=0.1)


def test_dense_generator_starts_at_an_image() -> None:
    generator = DenseGenerator(shape=(1, 2, 2), hidden=(5,))
    for parameter in generator.parameters():
        nn.init.zeros_(parameter)
    generator.start_at([0.0, 0.25, 0.5, 1.0])
    assert generator(torch.randn(1, 100)).flatten().tolist() == pytest.approx([1e-3, 0.25, 0.5, 1 - 1e-3])


def test_maxout_needs_whole_units() -> None:
    with pytest.raises(ValueError, match=r"Maxout of 3 pieces cannot share out 7 values"):
        Maxout(pieces=3)(torch.rand(2, 7))
