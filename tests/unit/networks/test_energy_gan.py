"""The discriminator that is an autoencoder, and its game."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from neurarium.losses.adversarial import EnergyMargin, pulling_away_loss
from neurarium.networks.energy_gan import EnergyDiscriminator, code_size
from neurarium.recipes.energy_based_gan import EnergyBasedGAN
from neurarium.tasks.regularisers import PullingAway
from neurarium.train.batches import Labelled


def batch(items: int = 6) -> Labelled:
    x = torch.randint(0, 256, (items, 1, 8, 8), generator=torch.Generator().manual_seed(2))
    return Labelled(x.to(torch.uint8), torch.arange(items))


def system(**knobs: Any) -> Any:
    torch.manual_seed(0)
    recipe = EnergyBasedGAN(**{**EnergyBasedGAN.tiny, **knobs})
    return recipe.task(recipe.open_data().spec)


@pytest.mark.catalogue("energy-based-gan")
def test_score_is_what_an_autoencoder_misses() -> None:
    """D(x) = |Dec(Enc(x)) - x|, one number an image."""
    torch.manual_seed(0)
    network = EnergyDiscriminator(size=16, channels=3, width=4).eval()
    x = torch.rand(5, 3, 16, 16) * 2 - 1
    again = network.decoder(network.encoder(x))
    assert again.shape == x.shape
    by_hand = [math.sqrt(float((again[i] - x[i]).detach().square().sum())) for i in range(5)]
    assert network(x).shape == (5, 1)
    torch.testing.assert_close(network(x)[:, 0], torch.tensor(by_hand))


def test_what_is_known_costs_nothing_and_has_a_slope() -> None:
    network = EnergyDiscriminator(size=8, channels=1, width=2).eval()
    with torch.no_grad():
        for parameter in network.decoder.parameters():
            parameter.zero_()
    x = torch.zeros(2, 1, 8, 8, requires_grad=True)
    energy = network(x)
    assert float(energy.detach().max()) < 1e-5
    (slope,) = torch.autograd.grad(energy.sum(), x)
    assert slope.isfinite().all()


@pytest.mark.catalogue("energy-based-gan")
@pytest.mark.parametrize("margin", [0.5, 10.0])
def test_losses_are_those_of_the_paper(margin: float) -> None:
    """L_D = D(x) + max(0, m - D(G(z))), L_G = D(G(z)), with the players of the recipe."""
    task = system(margin=margin, pulling_away=0.0)
    images = batch()
    torch.manual_seed(3)
    judged = task.discriminator_loss(images)["discriminator_loss"]
    fooled = task.generator_loss(images)["generator_loss"]
    torch.manual_seed(3)
    energies: list[Tensor] = []
    for _ in range(2):
        energies.append(task.discriminator(task.generator(torch.randn(6, 10)))[:, 0])
    real = task.discriminator(images.x / 127.5 - 1)[:, 0]
    loss = real + torch.clamp(margin - energies[0], min=0)
    torch.testing.assert_close(judged.value, loss.mean())
    torch.testing.assert_close(fooled.value, energies[1].mean())


@pytest.mark.catalogue("energy-based-gan")
def test_images_beyond_the_margin_teach_the_discriminator_nothing() -> None:
    real, fake = torch.tensor([3.0, 3.0]), torch.tensor([9.0, 11.0], requires_grad=True)
    (slope,) = torch.autograd.grad(EnergyMargin(10.0).discriminator(real, fake).sum(), fake)
    assert slope.tolist() == [-1.0, 0.0]


@pytest.mark.catalogue("energy-based-gan")
def test_pulling_away_is_the_mean_squared_cosine_of_pairs() -> None:
    codes = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0))
    flat = codes.flatten(1)
    total = sum(
        float(torch.dot(flat[i], flat[j]) / (flat[i].norm() * flat[j].norm())) ** 2
        for i in range(5)
        for j in range(5)
        if i != j
    )
    found = pulling_away_loss(codes)
    assert found.shape == (5,)
    torch.testing.assert_close(found, torch.full((5,), total / 20))
    assert float(pulling_away_loss(torch.eye(4))[0]) == 0  # at right angles
    assert float(pulling_away_loss(torch.tensor([[1.0, 2.0], [-3.0, -6.0]]))[0]) == pytest.approx(1)
    with pytest.raises(ValueError, match=r"there must be two of them, received 1"):
        pulling_away_loss(torch.ones(1, 3))


def test_generator_alone_is_charged_for_codes_that_are_alike() -> None:
    task = system()  # the weight is 0.1
    images = batch()
    assert set(task.discriminator_loss(images)) == {"discriminator_loss"}
    torch.manual_seed(3)
    parts = task.generator_loss(images)
    torch.manual_seed(3)
    scores = task.discriminator(task.generator(torch.randn(6, 10)))
    assert scores.shape == (6, 1 + code_size(size=8, width=4))
    torch.testing.assert_close(parts["generator_pulling_away"].value, 0.1 * pulling_away_loss(scores[:, 1:])[0])
    torch.testing.assert_close(parts["generator_loss"].value, scores[:, 0].mean())
    assert PullingAway(3).discriminator(scores, scores, None, scores) == {}


@pytest.mark.parametrize("size", [8, 16, 32, 64])
def test_code_is_as_large_as_written(size: int) -> None:
    network = EnergyDiscriminator(size=size, channels=1, width=2, show_code=True)
    assert network(torch.rand(2, 1, size, size)).shape == (2, 1 + code_size(size=size, width=2))
    outermost = [network.encoder[0], network.encoder[1], network.decoder[-1]]
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in outermost)


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"power of two of at least 8, received 28"):
        EnergyDiscriminator(size=28)
