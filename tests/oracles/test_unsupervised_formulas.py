"""Formulas in the docstrings of unsupervised systems, each evaluated once more from its letters, in numpy and scipy."""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, logsumexp
from sklearn.metrics import mutual_info_score
from torch import Tensor, nn

from neurarium.losses.adversarial import (
    GAMES,
    EnergyMargin,
    Game,
    feature_matching_loss,
    interpolated_gradient_penalty,
    pulling_away_loss,
)
from neurarium.nn.annealed_importance import annealed_log_partition
from neurarium.nn.corruption import AdditiveNoise, Watermark
from neurarium.nn.minibatch_discrimination import MinibatchDeviation, MinibatchDiscrimination
from neurarium.nn.rbm import RBM
from neurarium.nn.spectral_norm import SpectralConv2d, SpectralLinear
from neurarium.tasks.adversarial import Adversarial
from neurarium.tasks.binary_images import BinaryImages
from neurarium.tasks.code_penalties import Contractive, KLSparsity, L1Activity
from neurarium.tasks.conditions import ClassPrediction, CodePrediction, Codes
from neurarium.tasks.deep_belief_network import DeepBeliefNetwork
from neurarium.tasks.disentanglement import mutual_information_gap
from neurarium.tasks.modes import ModesReached
from neurarium.tasks.pixels import BernoulliPixels, GaussianPixels
from neurarium.tasks.rbm import ContrastiveDivergence
from neurarium.tasks.vae import VariationalAutoencoder
from neurarium.tasks.vq_vae import perplexity
from neurarium.train.descent import Descent

Array = NDArray[np.float64]
SGD = Descent(optimizer=partial(torch.optim.SGD, lr=0.1))


class Items(NamedTuple):
    x: Tensor


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def log(x: Any) -> Any:
    return np.log(x)


R, F = normal(12, seed=1) * 2, normal(12, seed=2) * 2
D = expit
PLAYERS: dict[str, tuple[Array, Array]] = {
    "minimax": (-log(D(R)) - log(1 - D(F)), log(1 - D(F))),
    "non-saturating": (-log(D(R)) - log(1 - D(F)), -log(D(F))),
    "smoothed": (-0.9 * log(D(R)) - 0.1 * log(1 - D(R)) - log(1 - D(F)), -log(D(F))),
    "wasserstein": (F - R, -F),
    "least-squares": ((R - 1) ** 2 / 2 + F**2 / 2, (F - 1) ** 2 / 2),
    "hinge": (np.maximum(0, 1 - R) + np.maximum(0, 1 + F), -F),
    "energy": (R + np.maximum(0, 1.5 - F), F),
}


@pytest.mark.parametrize("name", PLAYERS)
def test_what_players_minimise(name: str) -> None:
    games: dict[str, Game] = {**GAMES, "energy": EnergyMargin(margin=1.5)}
    assert games.keys() == PLAYERS.keys()
    real, fake = torch.from_numpy(R), torch.from_numpy(F)
    np.testing.assert_allclose(games[name].discriminator(real, fake).numpy(), PLAYERS[name][0])
    np.testing.assert_allclose(games[name].generator(fake).numpy(), PLAYERS[name][1])


def test_what_samples_cost_besides_the_game() -> None:
    f, g = normal(5, 2, 3), normal(4, 2, 3, seed=1)
    apart = sum((f[:, i, j].mean() - g[:, i, j].mean()) ** 2 for i in range(2) for j in range(3))
    assert feature_matching_loss(torch.from_numpy(f), torch.from_numpy(g)).tolist() == pytest.approx([apart] * 4)
    S, N = normal(5, 3), 5
    pairs = [
        (S[i] @ S[j] / (np.linalg.norm(S[i]) * np.linalg.norm(S[j]))) ** 2 for i in range(N) for j in range(N) if j != i
    ]
    assert pulling_away_loss(torch.from_numpy(S)).tolist() == pytest.approx([sum(pairs) / (N * (N - 1))] * N)
    slopes = normal(4, 2, 2)
    expected = [(math.sqrt((row**2).sum()) - 1) ** 2 for row in slopes]
    assert interpolated_gradient_penalty(torch.from_numpy(slopes)).tolist() == pytest.approx(expected)


def test_what_the_discriminator_says_of_classes_and_codes() -> None:
    scores, labels = normal(5, 4), np.array([0, 3, 1, 1, 2])
    L_C = np.array([log(np.exp(row)[y] / np.exp(row).sum()) for row, y in zip(scores, labels, strict=True)])
    c = torch.eye(4)[torch.from_numpy(labels)].double()
    parts = ClassPrediction(4).discriminator(
        torch.from_numpy(scores), torch.from_numpy(scores), torch.from_numpy(labels), c
    )
    for name in ("real_class", "fake_class"):
        np.testing.assert_allclose(parts[name].numpy(), -L_C)
    told, drawn = normal(5, 6), np.concatenate([c.numpy(), normal(5, 2, seed=9)], 1)
    log_q = log(np.exp(told[:, :4]) / np.exp(told[:, :4]).sum(1, keepdims=True))[np.arange(5), labels]
    gaussian = stats.norm.logpdf(drawn[:, 4:], told[:, 4:], 1).sum(1) + 2 * log(2 * np.pi) / 2
    found = CodePrediction(Codes(4, 2), weight=0.3).generator(torch.from_numpy(told), torch.from_numpy(drawn))
    np.testing.assert_allclose(found["category"].numpy(), -0.3 * log_q)
    np.testing.assert_allclose(found["numbers"].numpy(), -0.3 * gaussian)


def test_players_of_a_task_are_charged_the_mean_over_pairs() -> None:
    """A linear critic f(x) = w x on G(z) = A z."""
    torch.manual_seed(0)
    task = Adversarial(
        generator=nn.Linear(3, 2, bias=False), discriminator=nn.Linear(2, 1, bias=False), inputs=nn.Identity(),
        latent_size=3, game=GAMES["wasserstein"], descents={"generator": SGD, "discriminator": SGD},
        measure=lambda real, fake, labels: {},
    )  # fmt: skip
    x = torch.from_numpy(normal(8, 2)).float()
    A, w = (layer.weight.detach().numpy() for layer in (task.generator, task.discriminator))
    for loss, sign in ((task.discriminator_loss, 1), (task.generator_loss, -1)):
        torch.manual_seed(4)
        ((_, mean),) = loss(Items(x)).items()
        torch.manual_seed(4)
        fake = (torch.randn(8, 3).numpy() @ A.T @ w.T).mean()
        expected = sign * fake - (x.numpy() @ w.T).mean() * (sign > 0)
        assert float(mean.detach().value) == pytest.approx(expected, rel=1e-5)


def test_closeness_and_deviation_within_a_batch() -> None:
    layer = MinibatchDiscrimination(3, num_kernels=2, kernel_size=4).double()
    x, T = normal(5, 3), layer.weight.detach().numpy()
    M = np.einsum("ba,akc->bkc", x, T)
    o = [[sum(math.exp(-abs(M[i, b] - M[j, b]).sum()) for j in range(5)) for b in range(2)] for i in range(5)]
    np.testing.assert_allclose(layer(torch.from_numpy(x)).detach().numpy(), np.concatenate([x, o], 1))
    maps = normal(4, 3, 2, 2)
    added = MinibatchDeviation()(torch.from_numpy(maps)).numpy()[:, 3]
    np.testing.assert_allclose(added, maps.std(0).mean(), rtol=1e-6)


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_spectral_norm_by_power_iteration(kind: str) -> None:
    """Algorithm 1, three training forwards from the u and v that are there, and W / sigma in evaluation."""
    torch.manual_seed(0)
    layer: Any = (SpectralLinear(5, 4) if kind == "dense" else SpectralConv2d(2, 4, 3)).double()
    nn.init.normal_(layer.weight)  # so that u and v are not yet those of W
    W, u = layer.weight.detach().flatten(1).numpy(), layer.u.numpy()
    x = torch.from_numpy(normal(3, 5) if kind == "dense" else normal(3, 2, 4, 4))
    for _ in range(3):
        out = layer(x)
        v = W.T @ u / np.linalg.norm(W.T @ u)
        u = W @ v / np.linalg.norm(W @ v)
    sigma = u @ W @ v
    assert sigma < np.linalg.svd(W, compute_uv=False)[0]
    plain = torch.from_numpy(W / sigma).view_as(layer.weight)
    applied: Any = nn.functional.linear if kind == "dense" else nn.functional.conv2d
    expected = applied(x, plain, layer.bias)
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy())
    np.testing.assert_allclose(layer.eval()(x).detach().numpy(), expected.detach().numpy())


def test_pixels() -> None:
    x, given = np.random.default_rng(0).random((3, 1, 2, 2)), normal(3, 1, 2, 2)
    bits = (x > 0.5).astype(float)
    found = BernoulliPixels().nll(torch.from_numpy(given), torch.from_numpy(bits))
    np.testing.assert_allclose(found.numpy(), -stats.bernoulli.logpmf(bits, expit(given)).sum((1, 2, 3)))
    np.testing.assert_allclose(BernoulliPixels().mean(torch.from_numpy(given)).numpy(), expit(given))
    for pixels, s in ((GaussianPixels(std=0.3), 0.3), (GaussianPixels(), 0.1), (GaussianPixels(std=1e-4), 1 / 255)):
        nll = pixels.double().nll(torch.from_numpy(given), torch.from_numpy(x)).detach()
        np.testing.assert_allclose(nll.numpy(), -stats.norm.logpdf(x, given, s).sum((1, 2, 3)), rtol=1e-6)
    np.testing.assert_array_equal(GaussianPixels().mean(torch.from_numpy(given)).numpy(), np.clip(given, 0, 1))


class Bias(nn.Module):
    """A x + b, in double precision."""

    def __init__(self, weight: Array, bias: Array) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.from_numpy(weight)), nn.Parameter(torch.from_numpy(bias))

    def forward(self, x: Tensor) -> Tensor:
        return x.to(self.weight) @ self.weight.T + self.bias


def test_variational_bound_its_weighted_form_and_beta() -> None:
    A, a, B, b = normal(4, 5), normal(4, seed=1), normal(5, 2, seed=2), normal(5, seed=3)
    task = VariationalAutoencoder(
        encoder=Bias(A, a), decoder=Bias(B, b), inputs=nn.Identity(), pixels=BernoulliPixels(), latent_size=2,
        descent=SGD, beta=3.0,
    )  # fmt: skip
    x = (normal(6, 5, seed=4) > 0).astype(np.float32)
    mu, log_variance = np.split(x @ A.T + a, 2, axis=1)
    s = np.exp(log_variance / 2)
    divergence = 0.5 * (s**2 + mu**2 - 1 - log(s**2)).sum(1)

    def log_p_of_x(z: Array) -> Array:
        return np.asarray(stats.bernoulli.logpmf(x, expit(z @ B.T + b)).sum(1))

    torch.manual_seed(5)
    means = {name: float(mean.detach().value) for name, mean in task.loss(Items(torch.from_numpy(x))).items()}
    torch.manual_seed(5)
    reconstruction = -log_p_of_x(mu + s * torch.randn(6, 2).numpy())
    assert means["reconstruction"] == pytest.approx(reconstruction.mean(), rel=1e-5)
    assert means["divergence"] == pytest.approx(divergence.mean(), rel=1e-5)
    assert means["negative_elbo"] == pytest.approx((reconstruction + divergence).mean(), rel=1e-5)
    assert means["loss"] == pytest.approx((reconstruction + 3 * divergence).mean(), rel=1e-5)
    noise = torch.randn(6, 9, 2, generator=torch.Generator().manual_seed(7)).numpy()
    weights = []
    for eps in noise.swapaxes(0, 1):  # log p(x, z) / q(z | x)
        z = mu + s * eps
        weights.append(log_p_of_x(z) + (stats.norm.logpdf(z) - stats.norm.logpdf(z, mu, s)).sum(1))
    found = task.log_likelihood(torch.from_numpy(x), samples=9, seed=7)
    np.testing.assert_allclose(found.numpy(), log(np.exp(weights).mean(0)), rtol=1e-4)


def test_codes_in_use() -> None:
    counts = np.array([5, 0, 3, 12])
    assert float(perplexity(torch.from_numpy(counts))) == pytest.approx(math.exp(stats.entropy(counts)))


def machine(V: int, H: int) -> tuple[RBM, Array, Array, Array]:
    rbm = RBM(num_visible=V, num_hidden=H).double()
    with torch.no_grad():
        for seed, parameter in enumerate(rbm.parameters()):
            parameter.copy_(torch.from_numpy(normal(*parameter.shape, seed=seed)))
    W, b, c = (p.detach().numpy() for p in (rbm.weight, rbm.visible_bias, rbm.hidden_bias))
    return rbm, W, b, c


@torch.no_grad()
def test_energies_of_a_restricted_machine() -> None:
    rbm, W, b, c = machine(4, 3)
    v, h = ((normal(6, n, seed=n) > 0).astype(float) for n in (4, 3))
    rows, hidden = torch.from_numpy(v), torch.from_numpy(h)
    E = [-b @ v[i] - c @ h[i] - v[i] @ W @ h[i] for i in range(6)]
    np.testing.assert_allclose(rbm.energy(rows, hidden).numpy(), E)
    np.testing.assert_allclose(rbm(rows).numpy(), expit(c + v @ W))
    np.testing.assert_allclose(rbm.visible(hidden).numpy(), expit(b + (W @ h.T).T))

    def free(v: Array) -> Array:
        return np.asarray(-v @ b - log(1 + np.exp(c + v @ W)).sum(1))

    np.testing.assert_allclose(rbm.free_energy(rows).numpy(), free(v))
    found = rbm.log_conditional(rows, torch.arange(4).expand(6, -1)).numpy()
    for i in range(4):
        turned = v.copy()
        turned[:, i] = 1 - turned[:, i]
        np.testing.assert_allclose(found[:, i], log(expit(free(turned) - free(v))))
    task = ContrastiveDivergence(network=rbm, inputs=BinaryImages(size=(2, 2)), descent=SGD, gibbs_steps=1)
    own = torch.from_numpy((normal(5, 4, seed=8) > 0).astype(float))
    task.inputs, task.model_states = nn.Identity(), lambda data: own  # type: ignore[assignment, method-assign]
    losses = task.loss(Items(rows))
    assert float(losses["loss"].value) == pytest.approx((free(v) - free(own.numpy()).mean()).mean())
    wrong = ((v - expit(b + expit(c + v @ W) @ W.T)) ** 2).mean()
    assert float(losses["reconstruction_error"].value) == pytest.approx(wrong)


def test_annealed_weights() -> None:
    """prod_k p*_k(v_{k-1}) / p*_{k-1}(v_{k-1}) along chains drawn with the same generator, in three temperatures."""
    rbm, W, b, c = machine(5, 3)
    base, steps, chains = normal(5, seed=7), 3, 8
    random = torch.Generator().manual_seed(11)

    def drawn(p: Array) -> Array:
        return np.asarray(torch.bernoulli(torch.from_numpy(p), generator=random).numpy())

    def log_p(v: Array, t: float) -> Array:
        return np.asarray((1 - t) * v @ base + t * v @ b + log(1 + np.exp(t * (c + v @ W))).sum(1))

    v, weights = drawn(np.tile(expit(base), (chains, 1))), np.zeros(chains)
    for k in range(1, steps + 1):
        t = k / steps
        weights += log_p(v, t) - log_p(v, (k - 1) / steps)
        h = drawn(expit(t * (c + v @ W)))
        v = drawn(expit((1 - t) * base + t * (b + h @ W.T)))
    log_z0 = 3 * log(2) + log(1 + np.exp(base)).sum()
    found = annealed_log_partition(
        rbm, torch.from_numpy(base), steps=steps, chains=chains, generator=torch.Generator().manual_seed(11)
    )
    assert found.value == pytest.approx(log_z0 + logsumexp(weights) - log(chains))


@torch.no_grad()
def test_bound_of_a_stack() -> None:
    """One draw of log p(v | h_1) p(h_1 | h_2) - F(h_2) - log q(h_1 | v) q(h_2 | h_1)."""
    sizes, machines = (4, 3, 2, 3), []
    for low, high in pairwise(sizes):
        rbm, *_ = machine(low, high)
        machines.append(rbm.float())
    task = DeepBeliefNetwork.__new__(DeepBeliefNetwork)
    nn.Module.__init__(task)
    task.network = nn.Sequential(*machines)
    v = (normal(6, 4, seed=3) > 0).astype(float)
    noise = [np.random.default_rng(n).random((6, n)) for n in sizes[1:3]]
    below, total = v, np.zeros(6)
    for rbm, uniform in zip(machines, noise, strict=False):
        W, b, c = (p.numpy().astype(float) for p in (rbm.weight, rbm.visible_bias, rbm.hidden_bias))
        q = expit(c + below @ W)
        h = (uniform < q).astype(float)
        total += stats.bernoulli.logpmf(below, expit(b + h @ W.T)).sum(1) - stats.bernoulli.logpmf(h, q).sum(1)
        below = h
    W, b, c = (p.numpy().astype(float) for p in machines[-1].parameters())
    total += below @ b + log(1 + np.exp(c + below @ W)).sum(1)
    found, last = task.bound(torch.from_numpy(v).float(), [torch.from_numpy(u).float() for u in noise])
    np.testing.assert_allclose(found.numpy(), total, rtol=1e-4)
    np.testing.assert_array_equal(last.numpy(), below)


def test_prices_of_codes() -> None:
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid())
    x = torch.from_numpy(normal(6, 4)).float()
    code, W = encoder(x), encoder[0].weight.detach().numpy()
    h = code.detach().numpy()
    rho, r = 0.2, h.mean(0)
    kl = (rho * log(rho / r) + (1 - rho) * log((1 - rho) / (1 - r))).sum()
    slopes = [[[h[i, j] * (1 - h[i, j]) * W[j, k] for k in range(4)] for j in range(3)] for i in range(6)]
    jacobian = np.square(slopes).sum((1, 2)).mean()
    assert float(L1Activity(0.5)(encoder, x, code).detach()) == pytest.approx(0.5 * abs(h).sum(1).mean(), rel=1e-5)
    assert float(KLSparsity(0.5, rho)(encoder, x, code).detach()) == pytest.approx(0.5 * kl, rel=1e-5)
    assert float(Contractive(0.5)(encoder, x, code).detach()) == pytest.approx(0.5 * jacobian, rel=1e-5)


def test_noise_and_marks_upon_images() -> None:
    x = torch.rand(3, 1, 12, 12, dtype=torch.float64)
    w = torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=x.dtype)
    found = AdditiveNoise(0.4)(x, torch.Generator().manual_seed(2))
    np.testing.assert_allclose(found.numpy(), x.numpy() + 0.4 * w.numpy())
    mark = Watermark(opacity=0.7)
    m = mark.mask(x, torch.Generator().manual_seed(3)).numpy()
    assert set(np.unique(m)) == {0.0, 1.0}
    found = mark(x, torch.Generator().manual_seed(3))
    np.testing.assert_allclose(found.numpy(), x.numpy() + 0.7 * m * (1 - x.numpy()))


def test_gap_of_mutual_information() -> None:
    """1/K sum_k (I(z_j(k); y_k) - max over other j of I(z_j; y_k)) / H(y_k), over counts in five cells."""
    random = np.random.default_rng(0)
    y = random.integers(0, 4, size=(500, 3))
    z = random.normal(size=(500, 4)) + y @ random.normal(size=(3, 4))
    gaps = []
    for k in range(3):
        cells = [np.minimum((5 * (c - c.min()) / (c.max() - c.min())).astype(int), 4) for c in z.T]
        told = sorted(mutual_info_score(cell, y[:, k]) for cell in cells)
        gaps.append((told[-1] - told[-2]) / stats.entropy(np.bincount(y[:, k])))
    assert mutual_information_gap(z, y, bins=5) == pytest.approx(np.mean(gaps))


def test_modes_quality_and_divergence_of_uneven_samples() -> None:
    """Three of four centres, 50, 30 and 15 samples near them, and 5 that are near none."""
    centers = [[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]]
    samples = torch.tensor([centers[0]] * 50 + [centers[1]] * 30 + [centers[2]] * 15 + [[2.0, 2.0]] * 5)
    found = ModesReached(centers, 0.1)(samples, samples, None)
    assert (found["modes"], found["quality"]) == (3, 0.95)
    expected = stats.entropy(np.array([50, 30, 15, 0]) / 95, [0.25] * 4)
    assert found["divergence"] == pytest.approx(expected, rel=1e-5)
