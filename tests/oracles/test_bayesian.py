"""Random weights against the closed form of the linear-Gaussian case, and against held-out data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from neurarium import api
from neurarium.losses.likelihood import gaussian_nll
from neurarium.networks.bayesian_mlp import BayesianMLP, DropoutMLP
from neurarium.networks.linear import LinearModel
from neurarium.nn.bayesian import BayesianLinear, KeptDropout
from neurarium.nn.laplace import jacobians, laplace

NOISE, PRIOR = 0.5, 2.0
QUIET: dict[str, Any] = {"threads": 1, "precision": "float32", "compile": "off"}


def linear_gaussian(num_items: int = 60) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x (N, 3), y (N,), and the exact posterior over (w, bias): mean (4,), covariance (4, 4)."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(num_items, 3, generator=draw, dtype=torch.float64)
    x[:, 1] += 0.5 * x[:, 0]  # correlated inputs: the posterior is no product
    y = x @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64) + 0.3
    y = y + NOISE * torch.randn(num_items, generator=draw, dtype=torch.float64)
    design = torch.cat([x, torch.ones(num_items, 1, dtype=torch.float64)], 1)
    precision = design.T @ design / NOISE**2 + torch.eye(4, dtype=torch.float64) / PRIOR**2
    covariance = torch.linalg.inv(precision)
    return x, y, covariance @ design.T @ y / NOISE**2, covariance


@pytest.mark.catalogue("bayesian-neural-network")
def test_laplace_of_a_linear_network_is_the_closed_form() -> None:
    x, y, mean, covariance = linear_gaussian()
    network = LinearModel(in_features=3).double()
    lbfgs = torch.optim.LBFGS(
        network.parameters(), max_iter=200, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        lbfgs.zero_grad()
        error = (network(x).squeeze(1) - y).square().sum() / (2 * NOISE**2)
        loss = error + sum(p.square().sum() for p in network.parameters()) / (2 * PRIOR**2)
        loss.backward()
        return loss

    lbfgs.step(closure)  # type: ignore[arg-type]
    found = torch.cat([network.linear.weight[0], network.linear.bias]).detach()
    torch.testing.assert_close(found, mean, rtol=1e-6, atol=1e-8)
    posterior = laplace(network, x, noise=NOISE, prior_scale=PRIOR)
    torch.testing.assert_close(posterior.covariance, covariance)
    new = torch.tensor([[0.3, -1.0, 2.0], [5.0, 5.0, 5.0]], dtype=torch.float64)
    centre, spread = posterior.predict(new)
    design = torch.cat([new, torch.ones(2, 1, dtype=torch.float64)], 1)
    torch.testing.assert_close(centre, design @ mean, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(spread, (design @ covariance * design).sum(1) + NOISE**2)
    assert spread[1] > spread[0]  # far from the data it is less sure


def test_jacobians_against_autograd_and_bad_scales() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    x = torch.randn(5, 2, dtype=torch.float64)
    rows = []
    for item in x:
        gradients = torch.autograd.grad(network(item[None]).squeeze(), list(network.parameters()))
        rows.append(torch.cat([g.flatten() for g in gradients]))
    torch.testing.assert_close(jacobians(network, x), torch.stack(rows))
    with pytest.raises(ValueError, match="noise > 0"):
        laplace(network, x, noise=0.0, prior_scale=1.0)


@pytest.mark.catalogue("bayesian-neural-network")
def test_bayes_by_backprop_finds_the_best_product_of_gaussians() -> None:
    """Of the exact posterior's mean, and of deviations 1 / sqrt(precision_ii): the known mean-field solution."""
    x, y, mean, covariance = linear_gaussian()
    torch.manual_seed(0)
    layer = BayesianLinear(3, 1, prior_scale=PRIOR).double()
    adam = torch.optim.Adam(layer.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 3000)
    log_variance = torch.tensor(2 * np.log(NOISE))
    for _ in range(3000):
        adam.zero_grad()
        (gaussian_nll(layer(x).squeeze(1), y, log_variance).sum() + layer.divergence()).backward()
        adam.step()
        schedule.step()
    found = torch.cat([layer.mu.weight[0], layer.mu.bias]).detach()
    deviation = F.softplus(torch.cat([layer.weight_rho[0], layer.bias_rho])).detach()
    torch.testing.assert_close(found, mean, rtol=0, atol=0.02)
    torch.testing.assert_close(deviation, torch.linalg.inv(covariance).diagonal().rsqrt(), rtol=0.1, atol=0)
    assert (deviation < covariance.diagonal().sqrt() * 1.05).all()  # a product is never wider than the truth


@pytest.mark.catalogue("bayesian-neural-network")
def test_divergence_is_torchs() -> None:
    layer = BayesianLinear(4, 3, prior_scale=0.7)
    with torch.no_grad():
        layer.weight_rho.normal_()
    expected = sum(
        kl_divergence(Normal(mu, F.softplus(rho)), Normal(torch.zeros_like(mu), 0.7 * torch.ones_like(mu))).sum()
        for mu, rho in ((layer.mu.weight, layer.weight_rho), (layer.mu.bias, layer.bias_rho))
    )
    torch.testing.assert_close(layer.divergence(), torch.as_tensor(expected))


@pytest.mark.parametrize("kind", [BayesianLinear, KeptDropout])
def test_drawn_and_training_passes_have_the_moments_that_are_meant(kind: Any) -> None:
    torch.manual_seed(0)
    layer = BayesianLinear(5, 2, scale=0.3) if kind is BayesianLinear else KeptDropout(5, p=0.3)
    x = torch.randn(1, 5)
    layer.eval()
    mean = layer(x)
    if kind is BayesianLinear:
        w, b = F.softplus(layer.weight_rho).square(), F.softplus(layer.bias_rho).square()
        variance = F.linear(x.square(), w, b)
    else:
        variance = x.square() * 0.3 / 0.7
    layer.train()
    trained = layer(x.expand(40_000, -1)).detach()
    drawn = []
    for number in range(4000):
        layer.draw(torch.Generator().manual_seed(number))
        drawn.append(layer(x).detach())
    layer.release()
    for sample in (trained, torch.cat(drawn)):
        scale = variance.sqrt()
        assert ((sample.mean(0) - mean[0]).abs() < 0.08 * scale[0]).all()
        torch.testing.assert_close(sample.var(0), variance[0].detach(), rtol=0.1, atol=1e-6)


@pytest.mark.parametrize("network", [BayesianMLP(in_features=2, hidden=(8,)), DropoutMLP(in_features=2, hidden=(8,))])
def test_a_draw_is_one_function_of_x(network: nn.Module) -> None:
    """The same for every batch that an item is in, and another for another number."""
    x = torch.randn(6, 2)
    layers: list[Any] = [layer for layer in network.modules() if hasattr(layer, "draw")]

    def drawn(number: int, items: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(number)
        for layer in layers:
            layer.draw(generator)
        out = network(items)
        for layer in layers:
            layer.release()
        return out

    torch.testing.assert_close(torch.cat([drawn(3, x[:2]), drawn(3, x[2:])]), drawn(3, x))
    assert any(not torch.allclose(drawn(3, x), drawn(number, x)) for number in (4, 5, 6))


@pytest.mark.usefixtures("undrawn")
@pytest.mark.catalogue("bayesian-neural-network")
@pytest.mark.parametrize("name", ["bayes-by-backprop", "mc-dropout"])
def test_doubt_grows_where_nothing_was_seen_and_intervals_hold_what_they_promise(name: str, tmp_path: Path) -> None:
    run = api.train(name, runs=str(tmp_path), **({"steps": 2000} | QUIET))
    assert 0.85 <= run.test["coverage_90"] <= 0.97
    task: Any = run.load()
    seen, gap, far = (torch.linspace(*ends, 20)[:, None] for ends in ((1.5, 2.5), (-0.3, 0.3), (5, 6)))
    spread = [float(task.predict_distribution(x)[1].mean()) for x in (seen, gap, far)]
    assert spread[1] > spread[0]
    # Each knows where it knows little, but not everywhere: saturated units say the same far away, thinned networks
    # hardly differ between two groups of points.
    assert max(spread[1:]) > 1.25 * spread[0]
    mean, (low, high) = task.predict(seen), task.predict_interval(seen, 0.5)
    assert ((low < mean) & (mean < high)).all()
    assert torch.equal(mean, task.predict(seen))  # draws are the same in every call
    with pytest.raises(ValueError, match="between 0 and 1"):
        task.predict_interval(seen, 90)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.catalogue("mixture-density-loss")
def test_a_mixture_gives_the_answers_and_a_gaussian_their_mean(tmp_path: Path) -> None:
    told: dict[str, Any] = {"steps": 1500, "runs": str(tmp_path)} | QUIET
    many, one = (api.train("mixture-density", components=k, **told) for k in (5, 1))
    assert many.test["loss"] < one.test["loss"] - 0.3
    task: Any = many.load()
    middle = torch.full((2000, 1), 0.5)
    drawn = task.sample(middle)
    shares = [float(((drawn - centre).abs() < 0.12).float().mean()) for centre in (0.15, 0.5, 0.85)]
    assert all(share > 0.1 for share in shares)  # three answers are right for x = 0.5
    assert task.predict(middle).mean() == pytest.approx(float(drawn.mean()), abs=0.03)
    with pytest.raises(Exception, match="classes to tell apart"):
        api.train("mixture-density", data="wine", runs=str(tmp_path))
