"""Terms of the bound against torch's distributions, integrals and sums by hand."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.integrate import quad
from torch.distributions import Normal, kl_divergence

from neurarium.losses.elbo import gaussian_kl, importance_weighted_bound
from neurarium.losses.vector_quantisation import vector_quantisation_loss


@pytest.mark.catalogue("gaussian-kl-divergence")
def test_divergence_in_closed_form() -> None:
    mean, variance = torch.tensor([[0.5]], dtype=torch.float64), torch.tensor([[2.0]], dtype=torch.float64)
    assert float(gaussian_kl(mean, variance.log())) == pytest.approx(0.278426, abs=5e-7)

    def integrand(z: float) -> float:
        log_q = -0.5 * ((z - 0.5) ** 2 / 2 + math.log(2 * math.pi * 2))
        return math.exp(log_q) * (log_q + 0.5 * (z**2 + math.log(2 * math.pi)))

    assert float(gaussian_kl(mean, variance.log())) == pytest.approx(quad(integrand, -30, 30)[0], abs=1e-9)
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 5, 3, 4, generator=generator, dtype=torch.float64)
    theirs = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(gaussian_kl(mean, log_variance), theirs.sum((1, 2)))  # summed, item by item


@pytest.mark.catalogue("gaussian-kl-divergence")
def test_divergence_is_zero_at_the_prior_alone() -> None:
    zero = torch.zeros(1, 3)
    assert float(gaussian_kl(zero, zero)) == 0
    for mean, log_variance in ((1e-3, 0.0), (-1e-3, 0.0), (0.0, 1e-3), (0.0, -1e-3), (2.0, 1.0)):
        # Of second order: half a millionth for each of three numbers, a quarter for variances.
        off = gaussian_kl(torch.full((1, 3), mean), torch.full((1, 3), log_variance))
        assert float(off) == pytest.approx(1.5 * (mean**2 + math.exp(log_variance) - 1 - log_variance), rel=1e-3)
        assert float(off) > 0
    with pytest.raises(ValueError, match=r"one shape, received \(2, 3\) and \(2, 1\)"):
        gaussian_kl(torch.zeros(2, 3), torch.zeros(2, 1))


def test_importance_weighted_bound_by_hand() -> None:
    weights = torch.tensor([[1.0, 3.0], [0.5, 0.5]])
    bound = importance_weighted_bound(weights.log())
    torch.testing.assert_close(bound, torch.tensor([math.log(2.0), math.log(0.5)]))
    torch.testing.assert_close(importance_weighted_bound(weights.log() - 1000), bound - 1000)  # no underflow
    torch.testing.assert_close(importance_weighted_bound(weights[:, :1].log()), weights[:, 0].log())
    with pytest.raises(ValueError, match=r"shape \(B, S\), received \(3,\)"):
        importance_weighted_bound(torch.zeros(3))


@pytest.mark.catalogue("vq-vae")
def test_vector_quantisation_loss_and_where_its_gradients_go() -> None:
    encoded = torch.tensor([[[1.0, 2.0]], [[0.0, 4.0]]], requires_grad=True)  # (B, D, T) = (2, 1, 2)
    chosen = torch.tensor([[[0.0, 2.0]], [[3.0, 3.0]]], requires_grad=True)
    loss = vector_quantisation_loss(encoded, chosen, beta=0.25)
    assert loss.tolist() == [1.25 * 1, 1.25 * (9 + 1)]
    loss.sum().backward()
    assert chosen.grad is not None
    assert encoded.grad is not None
    assert torch.equal(chosen.grad, 2 * (chosen - encoded).detach())  # the codebook moves with the weight 1,
    assert torch.equal(encoded.grad, 0.25 * 2 * (encoded - chosen).detach())  # the encoder with beta
    assert vector_quantisation_loss(encoded, chosen).tolist() == loss.tolist()  # beta = 0.25 unless told otherwise
