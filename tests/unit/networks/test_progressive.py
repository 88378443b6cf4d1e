"""Players that grow, against the smaller and the larger network, and against the paper's table."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from neurarium.networks.progressive import ProgressiveDiscriminator, ProgressiveGenerator
from neurarium.nn.equalised import EqualisedConv2d, EqualisedLinear, PixelNorm
from neurarium.nn.minibatch_discrimination import MinibatchDeviation


def at(player: Any, stage: int, alpha: float = 1.0) -> Any:
    player.stage.fill_(stage)
    player.alpha.fill_(alpha)
    return player


def players(size: int = 32, width: int = 6) -> tuple[Any, Any]:
    torch.manual_seed(0)
    return (
        ProgressiveGenerator(size=size, channels=2, latent_size=5, width=width),
        ProgressiveDiscriminator(size=size, channels=2, width=width),
    )


@pytest.mark.catalogue("progressive-gan")
@pytest.mark.parametrize("stage", [1, 2, 3])
def test_new_layers_of_the_generator_fade_in(stage: int) -> None:
    """alpha = 0: the smaller network's images, upscaled. alpha = 1: the larger network's. Between, a straight line."""
    generator, _ = players()
    z = torch.randn(4, 5)
    small = F.interpolate(at(generator, stage - 1)(z), scale_factor=2, mode="nearest")
    large = at(generator, stage).grown()(z)
    assert large.shape == (4, 2, 4 * 2**stage, 4 * 2**stage)
    assert torch.equal(at(generator, stage, 0.0)(z), small)
    assert torch.equal(at(generator, stage, 1.0)(z), large)
    torch.testing.assert_close(at(generator, stage, 0.3)(z), 0.7 * small + 0.3 * large)
    assert not torch.allclose(small, large)


@pytest.mark.catalogue("progressive-gan")
@pytest.mark.parametrize("stage", [1, 2, 3])
def test_new_layers_of_the_discriminator_fade_in(stage: int) -> None:
    _, discriminator = players()
    x = torch.randn(4, 2, 4 * 2**stage, 4 * 2**stage)
    small = at(discriminator, stage - 1)(F.avg_pool2d(x, 2))
    assert torch.equal(at(discriminator, stage, 0.0)(x), small)
    h = discriminator.from_colours[stage](x)
    for block in [*discriminator.blocks[1 : stage + 1]][::-1]:
        h = block(h)
    large = discriminator.blocks[0](h)
    assert torch.equal(at(discriminator, stage, 1.0)(x), large)
    assert small.shape == large.shape == (4, 1)
    # Between the two both ways of reading the image are mixed before the shared layers.
    new = discriminator.blocks[stage](discriminator.from_colours[stage](x))
    h = 0.7 * discriminator.from_colours[stage - 1](F.avg_pool2d(x, 2)) + 0.3 * new
    for block in [*discriminator.blocks[:stage]][::-1]:
        h = block(h)
    torch.testing.assert_close(at(discriminator, stage, 0.3)(x), h)


def test_layers_that_are_not_there_yet_learn_nothing() -> None:
    generator, _ = players()
    at(generator, 1, 0.5)(torch.randn(3, 5)).sum().backward()
    with_gradient = {name for name, p in generator.named_parameters() if p.grad is not None}
    reached = ("blocks.0.", "blocks.1.", "to_colours.0.", "to_colours.1.")
    assert with_gradient == {name for name, _ in generator.named_parameters() if name.startswith(reached)}


@pytest.mark.catalogue("progressive-gan")
def test_the_papers_networks_go_from_4_to_1024() -> None:
    """Table 2: 512 maps up to 32 x 32, then half as many at each doubling; 23.1 million parameters in each player."""
    with torch.device("meta"):
        generator, discriminator = ProgressiveGenerator(), ProgressiveDiscriminator()
    widths = [layer.in_channels for layer in generator.to_colours]
    assert widths == [512, 512, 512, 512, 256, 128, 64, 32, 16]
    assert [4 * 2**stage for stage in range(len(widths))] == [4, 8, 16, 32, 64, 128, 256, 512, 1024]

    def parameters(*modules: nn.Module) -> int:
        return sum(p.numel() for module in modules for p in module.parameters())

    grown = parameters(generator.blocks, generator.to_colours[-1])
    assert grown == 23_071_507
    assert round(grown / 1e6, 1) == 23.1
    assert round(parameters(discriminator.blocks, discriminator.from_colours[-1]) / 1e6, 1) == 23.1
    # Rows of the table, for 4 x 4, 64 x 64 and 1024 x 1024.
    for stage, rows in ((0, [4_194_816, 2_359_808]), (4, [1_179_904, 590_080]), (8, [4_624, 2_320])):
        assert [parameters(layer) for layer in generator.blocks[stage] if isinstance(layer, nn.Conv2d)] == rows
    assert parameters(generator.to_colours[-1]) == 51


@pytest.mark.catalogue("progressive-gan")
def test_layers_are_those_of_the_paper() -> None:
    """Pixel normalization after every convolution of the generator but the last and in the discriminator nowhere; there
    the deviation over the batch is one more channel before the last convolution; all weights at one pace."""
    generator, discriminator = players()
    kinds = [type(layer) for layer in generator.blocks[1]]
    assert kinds[1:] == [EqualisedConv2d, nn.LeakyReLU, PixelNorm] * 2
    assert isinstance(generator.blocks[0][0], PixelNorm)  # noise on a sphere
    assert not any(isinstance(layer, PixelNorm) for layer in discriminator.modules())
    first, second, *_ = discriminator.blocks[0]
    assert isinstance(first, MinibatchDeviation)
    assert second.in_channels == 6 + 1
    for player in (generator, discriminator):
        for layer in player.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                assert isinstance(layer, EqualisedConv2d | EqualisedLinear)
            if isinstance(layer, nn.LeakyReLU):
                assert layer.negative_slope == 0.2


def test_discriminator_sees_a_batch_that_is_all_the_same() -> None:
    _, discriminator = players()
    x = torch.randn(4, 2, 4, 4)
    alike = x[:1].expand(4, -1, -1, -1)
    assert not torch.allclose(at(discriminator, 0)(alike)[0], discriminator(x)[0])


def test_how_far_it_has_grown_is_part_of_its_state() -> None:
    generator, _ = players()
    other = ProgressiveGenerator(size=32, channels=2, latent_size=5, width=6)
    other.load_state_dict(at(generator, 2, 0.25).state_dict())
    z = torch.randn(2, 5)
    assert torch.equal(other(z), generator(z))
    assert other.reached() == (2, True)


@pytest.mark.parametrize("size", [4, 28])
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=rf"power of two of at least 8, received {size}"):
        ProgressiveGenerator(size=size)
