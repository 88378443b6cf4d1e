"""The bound against a model whose likelihood is known: probabilistic principal components."""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from neurarium.tasks.pixels import BernoulliPixels, GaussianPixels
from neurarium.tasks.sampling import even_normal
from neurarium.tasks.vae import VariationalAutoencoder
from neurarium.train.descent import Descent
from neurarium.train.schedules import cosine
from neurarium.train.stepper import Stepper

F, D, VARIANCE = 5, 2, 0.3
ADAM = Descent(optimizer=torch.optim.Adam)


class Batch(NamedTuple):
    x: Tensor


class Identity(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


class LinearEncoder(nn.Module):
    """q(z | x) = N(A (x - b), diag s^2)."""

    def __init__(self, weight: Tensor, mean: Tensor, log_variance: Tensor) -> None:
        super().__init__()
        self.weight, self.mean, self.log_variance = (nn.Parameter(v.clone()) for v in (weight, mean, log_variance))

    def forward(self, x: Tensor) -> Tensor:
        mean = (x - self.mean) @ self.weight.T
        return torch.cat([mean, self.log_variance.expand_as(mean)], 1)


class LinearDecoder(nn.Module):
    """p(x | z) = N(W z + b, VARIANCE I)."""

    def __init__(self, weight: Tensor, mean: Tensor) -> None:
        super().__init__()
        self.weight, self.mean = (nn.Parameter(values.clone()) for values in (weight, mean))

    def forward(self, z: Tensor) -> Tensor:
        return z @ self.weight.T + self.mean


def components() -> tuple[Tensor, Tensor]:
    """W with orthogonal columns, so that the posterior is diagonal, and b."""
    generator = torch.Generator().manual_seed(0)
    orthogonal = torch.linalg.qr(torch.randn(F, D, generator=generator))[0]
    return orthogonal * torch.tensor([1.5, 0.7]), torch.randn(F, generator=generator)


def exact(scale: float = 1.0) -> VariationalAutoencoder:
    """The VAE whose encoder is the posterior of Tipping, Bishop 1999: M^-1 W^T (x - b) and variance M^-1 sigma^2, with
    M = W^T W + sigma^2 I. scale: factor on that variance."""
    W, b = components()
    M = W.T @ W + VARIANCE * torch.eye(D)
    log_variance = torch.log(VARIANCE / M.diagonal() * scale)
    return VariationalAutoencoder(
        encoder=LinearEncoder(torch.linalg.solve(M, W.T), b, log_variance),
        decoder=LinearDecoder(W, b),
        inputs=Identity(),
        pixels=GaussianPixels(std=math.sqrt(VARIANCE)),
        latent_size=D,
        descent=ADAM,
    )


def data(count: int) -> Tensor:
    W, b = components()
    return MultivariateNormal(b, W @ W.T + VARIANCE * torch.eye(F)).sample((count,))


def truth(x: Tensor) -> Tensor:
    """log p(x) of probabilistic principal components: N(b, W W^T + sigma^2 I)."""
    W, b = components()
    return MultivariateNormal(b.double(), (W @ W.T).double() + VARIANCE * torch.eye(F).double()).log_prob(x.double())


@pytest.mark.catalogue("elbo", "variational-autoencoder", "diff-vae-density")
def test_with_the_exact_posterior_the_bound_is_the_likelihood_and_else_below() -> None:
    torch.manual_seed(0)
    x = data(400)
    task = exact()
    # Every weight p(x, z) / q(z | x) is p(x), whatever z was drawn: the bound is exact with one sample, item by item.
    torch.testing.assert_close(task.log_likelihood(x, samples=1).double(), truth(x), rtol=1e-4, atol=1e-4)
    measures = task.evaluate([Batch(x)])
    likelihood = -float(truth(x).mean())
    assert measures["importance_nll"] == pytest.approx(likelihood, abs=1e-4)
    assert measures["negative_elbo"] == pytest.approx(likelihood, abs=0.05)  # 8 draws of the reconstruction an item
    assert measures["negative_elbo"] == pytest.approx(measures["reconstruction"] + measures["divergence"])
    for scale in (0.3, 3.0):
        # log p(x) - ELBO = KL(q || posterior), which is known: the variances are off by this factor alone.
        gap = D * 0.5 * (scale - 1 - math.log(scale))
        found = exact(scale).evaluate([Batch(x.repeat(20, 1))])["negative_elbo"]
        assert found - likelihood == pytest.approx(gap, abs=0.06)
        assert gap > 0.3


@pytest.mark.catalogue("elbo")
def test_the_weighted_bound_rises_with_samples_to_the_likelihood() -> None:
    torch.manual_seed(0)
    x, task = data(500), exact(2.5)
    bounds = [float(task.log_likelihood(x, samples=samples).mean()) for samples in (1, 3, 10, 300)]
    likelihood = float(truth(x).mean())
    assert bounds[0] == pytest.approx(likelihood - D * 0.5 * (1.5 - math.log(2.5)), abs=0.1)
    assert bounds == sorted(bounds)
    assert all(later - earlier > 0.02 for earlier, later in itertools.pairwise(bounds))
    assert bounds[-1] == pytest.approx(likelihood, abs=0.01)


@pytest.mark.catalogue("reparameterization-trick")
def test_reparameterised_gradient_is_the_score_functions_and_the_numbers() -> None:
    """d/d(mu, log s^2) E_q[f(z)], by z = mu + s eps, by f(z) d log q, and by hand for f(z) = |z - a|^2."""
    torch.manual_seed(0)
    mean = torch.tensor([0.4, -0.8], dtype=torch.float64, requires_grad=True)
    log_variance = torch.tensor([-0.5, 0.3], dtype=torch.float64, requires_grad=True)
    target, num = torch.tensor([1.0, 0.5], dtype=torch.float64), 200_000
    s = torch.exp(0.5 * log_variance)
    noise = torch.randn(num, 2, dtype=torch.float64)
    z = mean + s * noise
    path = torch.autograd.grad((z - target).square().sum(1).mean(), (mean, log_variance), retain_graph=True)
    drawn = z.detach()
    values = (drawn - target).square().sum(1)
    log_q = torch.distributions.Normal(mean, s).log_prob(drawn).sum(1)
    score = torch.autograd.grad((values * log_q).mean(), (mean, log_variance))
    by_hand = (2 * (mean - target), log_variance.exp())  # E = |mu - a|^2 + sum s^2
    for ours, theirs, known in zip(path, score, by_hand, strict=True):
        torch.testing.assert_close(ours, known.detach(), atol=0.01, rtol=0.01)
        torch.testing.assert_close(theirs, known.detach(), atol=0.06, rtol=0.06)


@pytest.mark.catalogue("reparameterization-trick", "diff-vae-training")
def test_both_terms_reach_the_encoder_and_one_the_decoder() -> None:
    """Gradients of the task's own loss, by its noise, beside those of numeric differences with the same noise."""
    x, task = data(50), exact(2.0)

    def loss(name: str) -> Tensor:
        torch.manual_seed(7)
        task.beta = {"loss": 1.0, "reconstruction": 0.0}[name]
        return task.loss(Batch(x))["loss"].value

    def gradients(name: str) -> tuple[Any, ...]:
        parts = (task.encoder.weight, task.encoder.log_variance, task.decoder.weight)
        return torch.autograd.grad(loss(name), parts)

    whole, first = gradients("loss"), gradients("reconstruction")
    assert all(float(gradient.abs().max()) > 0.01 for gradient in first)
    assert float((whole[0] - first[0]).abs().max()) > 0.01  # the divergence reaches the encoder,
    assert float((whole[1] - first[1]).abs().max()) > 0.01
    assert torch.equal(whole[2], first[2])  # and not the decoder
    step = 1e-2
    with torch.no_grad():
        for parameter, gradient in zip((task.encoder.weight, task.encoder.log_variance), whole[:2], strict=True):
            for place in itertools.product(*map(range, parameter.shape)):
                parameter[place] += step
                up = loss("loss")
                parameter[place] -= 2 * step
                down = loss("loss")
                parameter[place] += step
                assert float((up - down) / (2 * step)) == pytest.approx(float(gradient[place]), rel=5e-3, abs=5e-3)


def test_the_loss_is_a_sum_over_pixels_and_codes_and_a_mean_over_items() -> None:
    torch.manual_seed(0)
    task, x = exact(), data(7)
    task.beta = 4.0
    means = task.loss(Batch(x))
    assert {name: mean.count for name, mean in means.items()} == dict.fromkeys(means, 7)
    value = {name: float(mean.detach().value) for name, mean in means.items()}
    assert value["loss"] == pytest.approx(value["reconstruction"] + 4 * value["divergence"], rel=1e-5)
    assert value["negative_elbo"] == pytest.approx(value["reconstruction"] + value["divergence"], rel=1e-5)
    assert [name for name, mean in means.items() if mean.total.requires_grad] == ["loss"]
    wide = exact()
    wide.decoder.weight, wide.decoder.mean = (  # the same pixels twice: twice the reconstruction, one divergence
        nn.Parameter(torch.cat([values, values])) for values in (wide.decoder.weight, wide.decoder.mean)
    )
    wide.encoder.weight = nn.Parameter(torch.cat([wide.encoder.weight, 0 * wide.encoder.weight], 1))
    wide.encoder.mean = nn.Parameter(wide.encoder.mean.repeat(2))
    torch.manual_seed(1)
    one = {name: float(mean.detach().value) for name, mean in task.loss(Batch(x)).items()}
    torch.manual_seed(1)
    two = {name: float(mean.detach().value) for name, mean in wide.loss(Batch(x.repeat(1, 2))).items()}
    assert two["reconstruction"] == pytest.approx(2 * one["reconstruction"], rel=1e-5)
    assert two["divergence"] == pytest.approx(one["divergence"], rel=1e-5)


def test_training_a_linear_vae_finds_the_principal_components() -> None:
    """Tipping, Bishop 1999: the likeliest W spans the leading eigenvectors, and the bound ends at that likelihood."""
    torch.manual_seed(0)
    x = data(4000)
    covariance = torch.cov(x.T, correction=0)
    values, vectors = torch.linalg.eigh(covariance)
    best = F * math.log(2 * math.pi) + float(values[-D:].log().sum()) + (F - D) * math.log(VARIANCE)
    best = 0.5 * (best + D + float(values[:-D].sum()) / VARIANCE)
    task = exact()
    with torch.no_grad():
        for parameter in task.parameters():
            parameter.copy_(0.3 * torch.randn_like(parameter))
    stepper = Stepper(task, task, Descent(optimizer=partial(torch.optim.Adam, lr=0.03), schedule=cosine(500)))
    for _ in range(500):
        stepper.update(task.loss, Batch(x[torch.randint(len(x), (256,))]))
    assert task.evaluate([Batch(x)])["negative_elbo"] == pytest.approx(best, abs=0.03)
    assert float(-task.log_likelihood(x, samples=20).mean()) == pytest.approx(best, abs=0.02)
    spanned = torch.linalg.qr(task.decoder.weight.detach())[0]
    cosines = torch.linalg.svdvals(spanned.T @ vectors[:, -D:])
    assert float(cosines.min()) > 0.99


def test_learned_deviation_is_that_of_the_residuals() -> None:
    pixels = GaussianPixels()
    given, x = torch.zeros(500, 4), 0.2 * torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
    lbfgs = torch.optim.LBFGS(pixels.parameters(), max_iter=50, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        lbfgs.zero_grad()
        loss = pixels.nll(given, x).sum()
        loss.backward()
        return loss

    lbfgs.step(closure)
    assert float(torch.exp(pixels.log_variance.detach() / 2)) == pytest.approx(
        float(x.square().mean().sqrt()), rel=1e-3
    )
    assert not list(GaussianPixels(std=0.5).parameters())
    with torch.no_grad():
        pixels.log_variance.fill_(-100.0)
    exact_fit = float(pixels.nll(torch.zeros(1, 1), torch.zeros(1, 1)).detach())
    assert exact_fit == pytest.approx(0.5 * math.log(2 * math.pi) - math.log(255))  # not below a grey step


def test_bernoulli_pixels_sum_to_one_over_all_images() -> None:
    logits = torch.tensor([[0.3, -1.2, 2.0]])
    images = torch.tensor([[float(i >> bit & 1) for bit in range(3)] for i in range(8)])
    pixels = BernoulliPixels()
    assert float(torch.exp(-pixels.nll(logits.expand(8, 3), images)).sum()) == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(pixels.mean(logits), 1 / (1 + torch.exp(-logits)))


def test_noise_of_an_evaluation_does_not_depend_on_its_batches() -> None:
    torch.manual_seed(0)
    whole = even_normal(50, 8, 3)
    torch.manual_seed(0)
    assert torch.equal(torch.cat([even_normal(n, 8, 3) for n in (7, 30, 13)]), whole)
    torch.manual_seed(1)
    assert abs(float(even_normal(100_000).mean())) < 0.01
    assert float(even_normal(100_000).std()) == pytest.approx(1, abs=0.01)
