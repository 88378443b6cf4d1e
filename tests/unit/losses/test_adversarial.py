import math

import numpy as np
import pytest
import torch
from scipy.special import expit
from torch.autograd import gradcheck

from neurarium.losses.adversarial import (
    minimax_discriminator_loss,
    non_saturating_generator_loss,
    saturating_generator_loss,
)

REAL, FAKE = np.random.default_rng(0).normal(scale=3, size=(2, 7))


def test_losses_are_their_formulas() -> None:
    real, fake = torch.tensor(REAL), torch.tensor(FAKE)
    p, q = expit(REAL), expit(FAKE)
    np.testing.assert_allclose(minimax_discriminator_loss(real, fake).numpy(), -np.log(p) - np.log(1 - q), rtol=1e-10)
    np.testing.assert_allclose(saturating_generator_loss(fake).numpy(), np.log(1 - q), rtol=1e-10)
    np.testing.assert_allclose(non_saturating_generator_loss(fake).numpy(), -np.log(q), rtol=1e-10)


def test_discriminator_at_the_equilibrium_loses_ln_4() -> None:
    assert minimax_discriminator_loss(torch.zeros(3), torch.zeros(3)).tolist() == pytest.approx([math.log(4)] * 3)


def test_best_discriminator_is_the_share_of_the_data() -> None:
    # Where data has density p and generator q, E[L_D] is least at D = p / (p + q), with value 2 H when p = q.
    p, q = 0.7, 0.2
    a = torch.linspace(-5, 5, 100_001, dtype=torch.float64)
    nothing = torch.full_like(a, -torch.inf)
    expected = p * minimax_discriminator_loss(a, nothing) + q * minimax_discriminator_loss(-nothing, a)
    assert a[expected.argmin()].sigmoid().item() == pytest.approx(p / (p + q), abs=1e-4)


def test_gradients_of_the_generator_saturate_or_not() -> None:
    fake = torch.tensor(FAKE, requires_grad=True)
    (saturating,) = torch.autograd.grad(saturating_generator_loss(fake).sum(), fake)
    (alive,) = torch.autograd.grad(non_saturating_generator_loss(fake).sum(), fake)
    np.testing.assert_allclose(saturating.numpy(), -expit(FAKE), rtol=1e-12)
    np.testing.assert_allclose(alive.numpy(), expit(FAKE) - 1, rtol=1e-12)


def test_a_sure_discriminator_gives_finite_losses_and_gradients() -> None:
    real = torch.tensor([1e4, -1e4], requires_grad=True)
    fake = torch.tensor([-1e4, 1e4], requires_grad=True)
    judged = minimax_discriminator_loss(real, fake)
    assert judged.tolist() == [0.0, 2e4]
    assert [g.tolist() for g in torch.autograd.grad(judged.sum(), (real, fake))] == [[0.0, -1.0], [0.0, 1.0]]
    assert saturating_generator_loss(fake).tolist() == [0.0, -1e4]
    assert non_saturating_generator_loss(fake).tolist() == [1e4, 0.0]


def test_gradients_agree_with_finite_differences() -> None:
    real, fake = torch.tensor(REAL, requires_grad=True), torch.tensor(FAKE, requires_grad=True)
    assert gradcheck(minimax_discriminator_loss, (real, fake))
    assert gradcheck(saturating_generator_loss, fake)
    assert gradcheck(non_saturating_generator_loss, fake)


def test_unequal_numbers_of_samples_are_refused() -> None:
    with pytest.raises(ValueError, match=r"as many real as generated samples, received .* \(3,\) and \(1,\)"):
        minimax_discriminator_loss(torch.zeros(3), torch.zeros(1))
