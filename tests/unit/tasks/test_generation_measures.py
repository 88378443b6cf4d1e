"""Measures of generators against closed forms, loops over pairs, and scipy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import linalg, stats
from torch import Tensor

from neurarium.tasks.generation_measures import (
    class_coverage,
    covariance,
    frechet_distance,
    frechet_of_gaussians,
    radial_spectrum,
    spectral_distance,
    stacked_labels,
    wasserstein_distance,
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_frechet_distance_of_known_gaussians() -> None:
    """In one dimension (m - m')^2 + (s - s')^2; with covariances that commute the same along each common axis."""
    one = [torch.tensor([v]) for v in (1.0, 4.0)]
    assert frechet_of_gaussians(one[0], one[1][None], torch.tensor([-1.0]), torch.tensor([[9.0]])) == pytest.approx(5)
    turn = torch.linalg.qr(normal(3, 3)).Q
    cov, other = (turn @ torch.diag(torch.tensor(d)).double() @ turn.T for d in ([1.0, 4, 9], [4.0, 4, 0]))
    mean = torch.tensor([1.0, 2, 3])
    expected = 0.25 * 3 + (1 - 2) ** 2 + 0 + (3 - 0) ** 2
    assert frechet_of_gaussians(mean, cov, mean + 0.5, other) == pytest.approx(expected)
    assert frechet_of_gaussians(mean + 0.5, other, mean, cov) == pytest.approx(expected)


def test_frechet_distance_by_scipys_root_of_a_matrix() -> None:
    real, fake = normal(60, 5), normal(80, 5, seed=1) @ normal(5, 5, seed=2) + 0.3
    one, two = np.cov(real.numpy().T), np.cov(fake.numpy().T)
    root = linalg.sqrtm(one @ two).real
    apart = np.square(real.numpy().mean(0) - fake.numpy().mean(0)).sum()
    assert frechet_distance(real, fake) == pytest.approx(apart + np.trace(one + two - 2 * root), rel=1e-9)
    np.testing.assert_allclose(covariance(real), one)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(real, real + 2) == pytest.approx(5 * 4)
    few = normal(4, 30)  # fewer items than features: singular covariances
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(few, few.float()) == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match=r"at least 2 items, received 1 real"):
        frechet_distance(real[:1], fake)
    with pytest.raises(ValueError, match=r"received \(60, 5\) and \(80, 4\)"):
        frechet_distance(real, fake[:, :4])


def test_classes_met_and_their_distance_from_an_even_share() -> None:
    assert class_coverage(torch.arange(1000), 1000) == pytest.approx({"modes": 1000, "divergence": 0})
    assert class_coverage(torch.zeros(5, dtype=torch.int64), 1000) == pytest.approx(
        {"modes": 1, "divergence": math.log(1000)}
    )
    labels = torch.tensor([0, 0, 0, 2])
    share = np.array([0.75, 0.25])
    assert class_coverage(labels, 4)["divergence"] == pytest.approx(stats.entropy(share, [0.25, 0.25]) + math.log(2))


def test_stacks_are_named_channel_by_channel() -> None:
    digits = torch.tensor([[3, 1, 4], [9, 0, 7], [0, 0, 0]])
    images = (digits / 10)[:, :, None, None].expand(3, 3, 2, 2)
    labels = stacked_labels(lambda grey: (grey.mean((1, 2, 3)) * 10).round().long(), images)
    assert labels.tolist() == [314, 907, 0]
    with pytest.raises(ValueError, match=r"stacks of shape \(N, 3, H, W\), received \(3, 1, 2, 2\)"):
        stacked_labels(lambda grey: grey, images[:, :1])


@pytest.mark.parametrize("p", [1, 2])
def test_transport_by_scipy_and_by_all_pairings(p: int) -> None:
    one, two = normal(30), 2 * normal(30, seed=1) + 1
    if p == 1:
        assert wasserstein_distance(one, two) == pytest.approx(stats.wasserstein_distance(one.numpy(), two.numpy()))
        plane, other = normal(12, 2), normal(12, 2, seed=1) + 1
        expected = stats.wasserstein_distance_nd(plane.numpy(), other.numpy())
        assert wasserstein_distance(plane, other) == pytest.approx(expected, rel=1e-6)
    for size in (1, 2):
        few, others = normal(6, size), normal(6, size, seed=1)
        costs = [
            sum(math.dist(a, b) ** p for a, b in zip(few.tolist(), pairing, strict=True)) / 6
            for pairing in itertools.permutations(others.tolist())
        ]
        assert wasserstein_distance(few, others, p=p) == pytest.approx(min(costs) ** (1 / p))
    assert wasserstein_distance(one, one + 3, p=p) == pytest.approx(3)
    with pytest.raises(ValueError, match=r"as many items, 5,000 at most"):
        wasserstein_distance(one, two[:4])


def test_transport_between_samples_of_two_gaussians_is_near_the_frechet_distance() -> None:
    """W_2 squared of Gaussians is the Frechet distance: two measures that know nothing of each other."""
    one, two = normal(700, 2), normal(700, 2, seed=1) @ torch.diag(torch.tensor([2.0, 0.5])).double() + 1
    assert wasserstein_distance(one, two, p=2) ** 2 == pytest.approx(frechet_distance(one, two), rel=0.07)


def test_spectra_of_noise_of_waves_and_of_whole_images() -> None:
    noise = 0.5 * normal(200, 3, 16, 16)
    spectrum = radial_spectrum(noise)
    assert spectrum.shape == (12,)
    torch.testing.assert_close(spectrum, torch.full_like(spectrum, 0.25), rtol=0.1, atol=0)
    across = torch.arange(16).double()
    wave = torch.cos(2 * math.pi * 3 * across / 16).expand(1, 1, 16, 16)
    spectrum = radial_spectrum(wave)
    others = torch.arange(12) != 3
    assert spectrum[others].abs().max() < 1e-20
    rings = np.rint(np.hypot(*np.meshgrid(np.fft.fftfreq(16) * 16, np.fft.fftfreq(16) * 16)))
    assert float(spectrum[3]) * (rings == 3).sum() == pytest.approx(float(wave.square().sum())), "Parseval"
    assert radial_spectrum(torch.full((1, 1, 8, 8), 0.5))[0] == pytest.approx(0.25 * 64)
    assert radial_spectrum(normal(2, 1, 8, 12)).shape == (7,)


def test_spectral_distance_sees_power_that_is_too_high_and_checkerboards() -> None:
    noise = normal(50, 1, 16, 16)
    assert spectral_distance(noise, noise) == 0
    assert spectral_distance(noise, 10 * noise) == pytest.approx(20)
    chequered = noise + 2 * ((torch.arange(16)[:, None] + torch.arange(16)) % 2 - 0.5)
    change = radial_spectrum(chequered) / radial_spectrum(noise)
    assert int(change.argmax()) == 11
    assert change[:11].sub(1).abs().max() < 1e-6, "the finest pattern alone"
    assert spectral_distance(noise, chequered) == pytest.approx(float(10 * change[11].log10()) / 12)
