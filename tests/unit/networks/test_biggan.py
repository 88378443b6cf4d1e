"""BigGAN's parts against their formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.losses.penalties import orthogonality_penalty
from neurarium.networks.biggan import BigGANGenerator, ClassConditionalBatchNorm, ProjectionDiscriminator, UpBlock
from neurarium.nn.spectral_norm import SpectralConv2d, SpectralLinear
from neurarium.recipes.biggan import BigGAN
from neurarium.tasks.sampling import truncated
from neurarium.train.batches import Labelled


def one_hot(*labels: int, classes: int = 4) -> Tensor:
    return F.one_hot(torch.tensor(labels), classes).float()


def system(**knobs: Any) -> Any:
    torch.manual_seed(0)
    recipe = BigGAN(**{**BigGAN.tiny, **knobs})
    return recipe.task(recipe.open_data().spec)


def matrix(layer: Any) -> Tensor:
    """W / sigma(W), by an exact decomposition."""
    weight = layer.weight.detach()
    return weight / torch.linalg.matrix_norm(weight.flatten(1), 2)


@pytest.mark.catalogue("biggan")
def test_gain_and_bias_of_batch_norm_are_those_of_the_class() -> None:
    torch.manual_seed(0)
    norm = ClassConditionalBatchNorm(3, 4)
    x, c = torch.randn(6, 3, 5, 5) * 2 + 1, one_hot(0, 1, 2, 3, 1, 1)
    found = norm(x, c)
    normal = F.batch_norm(x, None, None, training=True)
    gain, bias = 1 + c @ matrix(norm.gain).T, c @ matrix(norm.bias).T
    # Power iteration has not quite ended.
    torch.testing.assert_close(found, normal * gain[:, :, None, None] + bias[:, :, None, None], rtol=0.02, atol=0.05)
    norm.eval()
    same = x[:1].expand(4, -1, -1, -1)
    by_class = norm(same, torch.eye(4))
    straight = (same - norm.norm.running_mean[:, None, None]) / (norm.norm.running_var[:, None, None] + 1e-5).sqrt()
    for label in range(4):
        change = by_class[label] - straight[label] * (1 + norm.gain(torch.eye(4)[label]))[:, None, None]
        torch.testing.assert_close(change, norm.bias(torch.eye(4)[label])[:, None, None].expand(-1, 5, 5))
    assert not torch.allclose(by_class[0], by_class[1])


@pytest.mark.catalogue("biggan")
def test_orthogonal_regularisation_leaves_the_lengths_of_filters_free() -> None:
    """|W W^T * (1 - I)|^2, by loops over pairs of filters, and 0 for filters at right angles of any length."""
    weights = [torch.randn(4, 3, 2, 2), torch.randn(3, 5)]
    total = 0.0
    for weight in weights:
        rows = weight.flatten(1)
        total += sum(float(rows[i] @ rows[j]) ** 2 for i in range(len(rows)) for j in range(len(rows)) if i != j)
    assert float(orthogonality_penalty(weights)) == pytest.approx(total, rel=1e-5)
    right_angles = torch.linalg.qr(torch.randn(5, 5)).Q * torch.tensor([0.1, 1.0, 3.0, 7.0, 20.0])[:, None]
    assert float(orthogonality_penalty([right_angles])) == pytest.approx(0, abs=1e-6)
    assert float((right_angles @ right_angles.T - torch.eye(5)).square().sum()) > 100


@pytest.mark.catalogue("biggan")
def test_generator_is_charged_for_all_its_filters() -> None:
    assert BigGAN().orthogonality == 1e-4
    task = system(orthogonality=0.5)
    charged = {id(layer) for layer in task.auxiliary.layers}
    for name, layer in task.generator.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            assert (id(layer) in charged) == (name != "embedding")
    batch = Labelled(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.tensor([1, 2, 3, 4]))
    parts = task.generator_loss(batch)
    weights = [layer.weight for layer in task.auxiliary.layers]
    torch.testing.assert_close(parts["generator_orthogonality"].value, 0.5 * orthogonality_penalty(weights))
    assert set(task.discriminator_loss(batch)) == {"discriminator_loss"}


@pytest.mark.catalogue("biggan")
def test_game_is_the_hinge() -> None:
    """L_D = max(0, 1 - D(x, y)) + max(0, 1 + D(G(z, y), y)), L_G = - D(G(z, y), y), both told the class."""
    task = system().eval()
    batch = Labelled(torch.randint(0, 256, (6, 1, 8, 8)).to(torch.uint8), torch.arange(6))
    torch.manual_seed(2)
    judged = task.discriminator_loss(batch)["discriminator_loss"].value
    fooled = task.generator_loss(batch)["generator_loss"].value
    torch.manual_seed(2)
    c = one_hot(*range(6), classes=10)
    one, two = (task.generator(torch.randn(6, 10), c) for _ in range(2))
    real = task.discriminator(batch.x / 127.5 - 1, c)
    torch.testing.assert_close(judged, (F.relu(1 - real) + F.relu(1 + task.discriminator(one, c))).mean())
    torch.testing.assert_close(fooled, -task.discriminator(two, c).mean())
    assert task.descents["generator"].ema == 0.999
    assert task.descents["discriminator"].ema is None


@pytest.mark.catalogue("biggan")
def test_projection_discriminator_adds_how_well_an_image_fits_the_class() -> None:
    """f(x, y) = y^T V phi(x) + psi(phi(x))."""
    torch.manual_seed(0)
    network = ProjectionDiscriminator(size=16, channels=1, num_classes=4, width=3).eval()
    x = torch.rand(5, 1, 16, 16)
    phi = network.features(x)
    assert phi.shape == (5, 6)
    torch.testing.assert_close(phi, F.relu(network.blocks(x)).flatten(2).sum(2))
    V = network.classes(torch.eye(4))  # a row a class
    for label in range(4):
        expected = phi @ V[label][:, None] + network.psi(phi)
        torch.testing.assert_close(network(x, one_hot(*[label] * 5)), expected, rtol=1e-4, atol=1e-4)
    # Of no class, what is left is psi.
    torch.testing.assert_close(network(x, torch.zeros(5, 4)), network.psi(phi))


@pytest.mark.catalogue("biggan")
@pytest.mark.parametrize("threshold", [0.04, 0.5, 1.0, 2.0, 8.0])
def test_truncated_noise_is_drawn_again_until_it_is_small(threshold: float) -> None:
    z = torch.randn(4000, generator=torch.Generator().manual_seed(0))
    found = truncated(z, threshold)
    assert float(found.abs().max()) <= threshold
    # As numbers out of range that are drawn again: the truncated normal distribution.
    judge = stats.truncnorm(-threshold, threshold)
    assert stats.kstest(found.numpy(), judge.cdf).pvalue > 0.01
    assert torch.equal(found.argsort(), z.argsort()) or threshold > 7  # beyond which two numbers may meet
    if threshold == 8:
        torch.testing.assert_close(found, z)
    again = torch.randn(1_000_000, generator=torch.Generator().manual_seed(1))
    assert float(found.std()) == pytest.approx(float(again[again.abs() <= threshold].std()), rel=0.03)


def test_noise_is_cut_off_at_a_positive_number() -> None:
    with pytest.raises(ValueError, match=r"cut off at a positive number, received 0"):
        truncated(torch.zeros(2), 0)
    with pytest.raises(ValueError, match=r"received -1"):
        system().sample(2, truncation=-1.0)


@pytest.mark.catalogue("biggan")
def test_samples_of_truncated_noise_vary_less() -> None:
    task = system().eval()
    labels = torch.zeros(64, dtype=torch.int64)
    spread = [float(task.sample(64, labels=labels, truncation=t).std(0).mean()) for t in (0.05, 0.5, 2.0)]
    assert spread == sorted(spread)
    assert spread[0] < 0.2 * spread[2]
    z = torch.randn(64, 10, generator=torch.Generator().manual_seed(0))
    c = one_hot(*[0] * 64, classes=10)
    torch.testing.assert_close(
        task.sample(64, labels=labels, truncation=0.5), (task.generator(truncated(z, 0.5), c).detach() + 1) / 2
    )


def test_weights_start_at_right_angles_and_singular_vectors_fit() -> None:
    torch.manual_seed(0)
    for network in (BigGANGenerator(size=16, width=4), ProjectionDiscriminator(size=16, width=4)):
        for layer in network.modules():
            if isinstance(layer, SpectralConv2d | SpectralLinear):
                rows = layer.weight.detach().flatten(1)
                rows = rows if len(rows) <= rows.shape[1] else rows.T
                torch.testing.assert_close(rows @ rows.T, torch.eye(len(rows)), rtol=0, atol=1e-5)
                sigma = layer.u @ layer.weight.detach().flatten(1) @ layer.v
                assert float(sigma) == pytest.approx(1, abs=1e-4)


def test_each_piece_of_noise_enters_one_block() -> None:
    torch.manual_seed(0)
    network: Any = BigGANGenerator(size=16, channels=1, num_classes=4, latent_size=8, width=2).eval()
    assert network.pieces == [3, 3, 2]
    assert all(isinstance(block, UpBlock) for block in network.blocks)
    seen: list[Tensor] = []
    for block in network.blocks:
        block.register_forward_hook(lambda module, args, output: seen.append(output.detach()))
    z, c = torch.randn(2, 8), one_hot(0, 2)
    other = z.clone()
    other[:, 6:] += 1
    network(z, c), network(other, c)
    assert torch.equal(seen[0], seen[2])
    assert not torch.allclose(seen[1], seen[3])
    with pytest.raises(ValueError, match=r"at least 3 numbers of noise for it, received 16 and 2"):
        BigGANGenerator(size=16, latent_size=2)
    with pytest.raises(ValueError, match=r"power of two of at least 8"):
        BigGANGenerator(size=28)


@pytest.mark.catalogue("biggan")
def test_picture_shows_one_class_a_row() -> None:
    task = system().eval()
    batch = Labelled(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.arange(4))
    figure = task.pictures(iter([batch]))["samples"]
    rows = torch.arange(10).repeat_interleave(10)
    images = task.sample(100, labels=rows)
    (drawn,) = figure.findobj(lambda artist: artist.get_gid() == "0/7-3")
    np.testing.assert_allclose(drawn.get_array()[..., 0], images[73, 0], atol=1e-6)
