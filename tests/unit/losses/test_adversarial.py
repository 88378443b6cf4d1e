import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.special import expit
from torch.autograd import gradcheck
from torch.nn import functional as F

from neurarium.losses.adversarial import (
    GAMES,
    EnergyMargin,
    Game,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Wasserstein,
    interpolated_gradient_penalty,
    minimax_discriminator_loss,
    non_saturating_generator_loss,
    saturating_generator_loss,
)

REAL, FAKE = np.random.default_rng(0).normal(scale=3, size=(2, 7))


@pytest.mark.catalogue("gan-minimax-value", "diff-bce-sign", "diff-gan-roles")
def test_losses_are_their_formulas() -> None:
    real, fake = torch.tensor(REAL), torch.tensor(FAKE)
    p, q = expit(REAL), expit(FAKE)
    np.testing.assert_allclose(minimax_discriminator_loss(real, fake).numpy(), -np.log(p) - np.log(1 - q), rtol=1e-10)
    np.testing.assert_allclose(saturating_generator_loss(fake).numpy(), np.log(1 - q), rtol=1e-10)
    np.testing.assert_allclose(non_saturating_generator_loss(fake).numpy(), -np.log(q), rtol=1e-10)


@pytest.mark.catalogue("gan-equilibrium")
def test_discriminator_at_the_equilibrium_loses_ln_4() -> None:
    assert minimax_discriminator_loss(torch.zeros(3), torch.zeros(3)).tolist() == pytest.approx([math.log(4)] * 3)


@pytest.mark.catalogue("gan-equilibrium")
def test_best_discriminator_is_the_share_of_the_data() -> None:
    # Where data has density p and generator q, E[L_D] is least at D = p / (p + q), with value 2 H when p = q.
    p, q = 0.7, 0.2
    a = torch.linspace(-5, 5, 100_001, dtype=torch.float64)
    nothing = torch.full_like(a, -torch.inf)
    expected = p * minimax_discriminator_loss(a, nothing) + q * minimax_discriminator_loss(-nothing, a)
    assert a[expected.argmin()].sigmoid().item() == pytest.approx(p / (p + q), abs=1e-4)


@pytest.mark.catalogue("non-saturating-generator-loss", "diff-gan-generator-step")
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


@pytest.mark.catalogue("gan-minimax-value", "diff-bce-sign", "diff-gan-typo")
def test_discriminator_maximises_the_value_and_so_minimises_binary_cross_entropy() -> None:
    """V(D, G) = E log D(x) + E log(1 - D(G(z))): what is minimised is -V, the cross-entropy with targets 1 and 0."""
    real, fake = torch.tensor(REAL), torch.tensor(FAKE)
    value = np.log(expit(REAL)).mean() + np.log(1 - expit(FAKE)).mean()
    entropy = F.binary_cross_entropy(real.sigmoid(), torch.ones_like(real)) + F.binary_cross_entropy(
        fake.sigmoid(), torch.zeros_like(fake)
    )
    lost = Minimax().discriminator(real, fake).mean().item()
    assert lost == pytest.approx(-value)
    assert lost == pytest.approx(entropy.item())
    # G minimises the part of V that it can change.
    assert Minimax().generator(fake).mean().item() == pytest.approx(np.log(1 - expit(FAKE)).mean())


@pytest.mark.catalogue("diff-gan-roles")
def test_the_printed_roles_have_no_bottom() -> None:
    """E log D(G(z)) + E log(1 - D(x)), minimised by a D that is sure of itself, falls without end; V's maximum is 0."""
    sure = torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64)
    printed = F.logsigmoid(-sure) + F.logsigmoid(-sure)  # D(G(z)) and 1 - D(x) both near 0
    assert printed.tolist() == pytest.approx([-2.6265, -20.0001, -200.0], abs=1e-4)
    value = -Minimax().discriminator(sure, -sure)
    assert value.tolist() == pytest.approx([-0.6265, -0.0001, 0.0], abs=1e-4)
    # Read with D as the probability of "fake" it is V again, so D maximises it and G minimises it.
    real, fake = torch.tensor(REAL), torch.tensor(FAKE)
    says_fake = F.logsigmoid(-fake) + F.logsigmoid(real)  # log P(fake | G(z)) + log(1 - P(fake | x))
    torch.testing.assert_close(says_fake, -Minimax().discriminator(real, fake))


@pytest.mark.catalogue("gan-equilibrium")
def test_value_of_the_best_discriminator_is_the_divergence_of_jensen_and_shannon() -> None:
    """Trained to its best on a table of outcomes: D = p / (p + q), V = -log 4 + 2 JS(p, q), -1.386294 where p = q."""
    p = torch.tensor([0.5, 0.2, 0.2, 0.1], dtype=torch.float64)
    for q in (torch.tensor([0.1, 0.1, 0.2, 0.6], dtype=torch.float64), p):
        logits = torch.tensor([2.0, -1.0, 0.5, 3.0], dtype=torch.float64, requires_grad=True)
        descent = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe")
        none = torch.full_like(logits, torch.inf)  # log D = 0 for what is surely real

        def lost(q: torch.Tensor = q, logits: torch.Tensor = logits, none: torch.Tensor = none) -> torch.Tensor:
            real, fake = minimax_discriminator_loss(logits, -none), minimax_discriminator_loss(none, logits)
            return (p * real + q * fake).sum()

        def closure(descent: torch.optim.Optimizer = descent) -> torch.Tensor:
            descent.zero_grad()
            loss = lost()
            loss.backward()
            return loss

        descent.step(closure)
        torch.testing.assert_close(logits.sigmoid().detach(), p / (p + q), rtol=1e-4, atol=1e-5)
        assert -lost().item() == pytest.approx(-math.log(4) + 2 * jensenshannon(p, q) ** 2, abs=1e-7)
    assert -lost().item() == pytest.approx(-1.386294, abs=1e-6)


def test_smoothed_targets_move_the_best_answer_to_their_height() -> None:
    """-s log D(x) - (1 - s) log(1 - D(x)) - log(1 - D(G(z))): one-sided, so generated samples keep the target 0."""
    real, fake = torch.tensor(REAL), torch.tensor(FAKE)
    p, q = expit(REAL), expit(FAKE)
    expected = -0.9 * np.log(p) - 0.1 * np.log(1 - p) - np.log(1 - q)
    np.testing.assert_allclose(NonSaturating(smooth=0.9).discriminator(real, fake).numpy(), expected, rtol=1e-10)
    entropy = F.binary_cross_entropy_with_logits(real, torch.full_like(real, 0.9), reduction="none")
    torch.testing.assert_close(
        NonSaturating(smooth=0.9).discriminator(real, fake), entropy + F.softplus(fake), rtol=1e-10, atol=0
    )
    a = torch.linspace(-5, 5, 100_001, dtype=torch.float64)
    alone = NonSaturating(smooth=0.9).discriminator(a, torch.full_like(a, -torch.inf))
    assert a[alone.argmin()].sigmoid().item() == pytest.approx(0.9, abs=1e-4)
    assert torch.equal(NonSaturating().discriminator(real, fake), minimax_discriminator_loss(real, fake))


@pytest.mark.catalogue("gan-training-tricks")
def test_the_smoothed_game_has_the_target_of_the_paper() -> None:
    assert GAMES["smoothed"] == NonSaturating(smooth=0.9)


@pytest.mark.catalogue("lsgan")
def test_least_squares() -> None:
    real, fake = torch.tensor(REAL), torch.tensor(FAKE)
    judged, fooled = LeastSquares().discriminator(real, fake), LeastSquares().generator(fake)
    assert judged.mean().item() == pytest.approx(0.5 * np.mean((REAL - 1) ** 2) + 0.5 * np.mean(FAKE**2))
    assert fooled.mean().item() == pytest.approx(0.5 * np.mean((FAKE - 1) ** 2))
    # Samples far on the right side are still drawn back, which cross-entropy does not do: dL_G/da = a - 1.
    far = torch.tensor([6.0], requires_grad=True)
    assert torch.autograd.grad(LeastSquares().generator(far).sum(), far)[0].item() == 5
    p, q = 0.7, 0.2
    a = torch.linspace(-1, 2, 30_001, dtype=torch.float64)
    apart = p * LeastSquares().discriminator(a, torch.zeros_like(a)) + q * LeastSquares().discriminator(
        torch.ones_like(a), a
    )
    assert a[apart.argmin()].item() == pytest.approx(p / (p + q), abs=1e-4)


def test_hinge_stops_where_the_margin_is_met() -> None:
    real, fake = torch.tensor(REAL, requires_grad=True), torch.tensor(FAKE, requires_grad=True)
    judged = Hinge().discriminator(real, fake)
    expected = np.maximum(0, 1 - REAL) + np.maximum(0, 1 + FAKE)
    np.testing.assert_allclose(judged.detach().numpy(), expected)
    np.testing.assert_allclose(Hinge().generator(fake).detach().numpy(), -FAKE)
    slopes = torch.autograd.grad(judged.sum(), (real, fake))
    np.testing.assert_array_equal(slopes[0].numpy(), -(REAL < 1).astype(float))
    np.testing.assert_array_equal(slopes[1].numpy(), (FAKE > -1).astype(float))


def test_energies_are_pushed_up_to_the_margin() -> None:
    real, fake = torch.tensor(REAL), torch.tensor(FAKE)
    judged = EnergyMargin(margin=2.0).discriminator(real, fake)
    np.testing.assert_allclose(judged.numpy(), REAL + np.maximum(0, 2 - FAKE))
    assert torch.equal(EnergyMargin().generator(fake), fake)
    assert EnergyMargin().standing(torch.tensor([1.0, 2.0]), torch.tensor([5.0])) == {
        "real_energy": 1.5,
        "fake_energy": 5.0,
    }


@pytest.mark.catalogue("wasserstein-gan")
def test_critic_estimates_the_difference_of_two_means() -> None:
    """A score without bounds rather than 0 or 1; the critic maximises E f(x) - E f(G(z))."""
    real, fake = torch.tensor(REAL), torch.tensor(FAKE)
    assert -Wasserstein().discriminator(real, fake).mean().item() == pytest.approx(REAL.mean() - FAKE.mean())
    np.testing.assert_array_equal(Wasserstein().generator(fake).numpy(), -FAKE)
    assert Wasserstein().standing(real, fake[:3])["distance"] == pytest.approx(REAL.mean() - FAKE[:3].mean())


@pytest.mark.parametrize("name", [name for name in GAMES if name != "wasserstein"])
def test_accuracy_at_chance_and_when_sure(name: str) -> None:
    game, half = GAMES[name], 0.5 if name == "least-squares" else 0.0
    up, down = torch.full((4,), half + 1), torch.full((6,), half - 1)
    assert game.standing(up, down) == {"discriminator_accuracy": 1.0}
    assert game.standing(down, up) == {"discriminator_accuracy": 0.0}
    assert game.standing(up, up) == {"discriminator_accuracy": 0.5}  # as many right as wrong, whatever the numbers


@pytest.mark.parametrize("game", [*GAMES.values(), EnergyMargin(margin=2.5)], ids=repr)
def test_players_want_the_opposite_and_their_gradients_are_right(game: Game) -> None:
    """Where it is not flat, the generator raises or lowers a fake's score against the discriminator's wish."""
    real, fake = torch.tensor(REAL, requires_grad=True), torch.tensor(FAKE, requires_grad=True)
    assert gradcheck(game.discriminator, (real, fake))
    assert gradcheck(game.generator, fake)
    (judged,) = torch.autograd.grad(game.discriminator(real, fake).sum(), fake)
    (fooled,) = torch.autograd.grad(game.generator(fake).sum(), fake)
    if not isinstance(game, LeastSquares):  # whose fakes below 0 both players raise
        assert (judged * fooled <= 0).all()
    assert (judged * fooled).min() < 0
    with pytest.raises(ValueError, match="as many real as generated"):
        game.discriminator(real, fake[:3])


@pytest.mark.catalogue("wgan-gp")
def test_penalty_is_on_the_whole_slope_of_one_item() -> None:
    slopes = torch.tensor([[[3.0, 0.0], [0.0, 4.0]], [[1.0, 0.0], [0.0, 0.0]], [[0.5, 0.5], [0.5, 0.5]]])
    assert interpolated_gradient_penalty(slopes).tolist() == pytest.approx([16, 0, 0], abs=1e-6)
    assert interpolated_gradient_penalty(slopes, target=0.0).tolist() == pytest.approx([25, 1, 1])
