"""The restricted Boltzmann machine, judged by sums over all of its states and by scikit-learn's."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from sklearn.neural_network import BernoulliRBM
from torch import Tensor

from neurarium.nn.annealed_importance import annealed_log_partition
from neurarium.nn.rbm import RBM, all_states, draw

V, H = 4, 3


def machine(visible: int = V, hidden: int = H, *, scale: float = 1.0, seed: int = 0) -> RBM:
    torch.manual_seed(seed)
    rbm = RBM(num_visible=visible, num_hidden=hidden, scale=scale)
    with torch.no_grad():
        rbm.visible_bias.normal_(0, 0.7)
        rbm.hidden_bias.normal_(0, 0.7)
    return rbm.double()


def weights_of_states(rbm: RBM) -> dict[tuple[int, ...], float]:
    """exp(-E) of every state (v, h), with E written out as in the docstring."""
    b, c, w = (p.tolist() for p in (rbm.visible_bias, rbm.hidden_bias, rbm.weight))
    found = {}
    for v in itertools.product((0, 1), repeat=rbm.num_visible):
        for h in itertools.product((0, 1), repeat=rbm.num_hidden):
            energy = -sum(x * y for x, y in zip(b, v, strict=True)) - sum(x * y for x, y in zip(c, h, strict=True))
            energy -= sum(v[i] * w[i][j] * h[j] for i in range(len(v)) for j in range(len(h)))
            found[v + h] = math.exp(-energy)
    return found


def test_all_states_come_once() -> None:
    assert sorted(map(tuple, all_states(3).tolist())) == sorted(itertools.product((0, 1), repeat=3))
    assert all_states(0).shape == (1, 0)
    with pytest.raises(ValueError, match=r"up to 20 units, received 21"):
        all_states(21)


@torch.no_grad()
def test_energies_and_the_partition_function() -> None:
    rbm, states = machine(), weights_of_states(machine())
    for state, weight in states.items():
        v, h = torch.tensor([state[:V]]).double(), torch.tensor([state[V:]]).double()
        assert float(rbm.energy(v, h)) == pytest.approx(-math.log(weight))
        summed = sum(states[state[:V] + h] for h in itertools.product((0, 1), repeat=H))
        assert float(rbm.free_energy(v)) == pytest.approx(-math.log(summed))
    total = math.log(sum(states.values()))
    assert rbm.log_partition() == pytest.approx(total)
    assert rbm.transposed().log_partition() == pytest.approx(total)
    assert machine(3, 30).log_partition() == pytest.approx(machine(3, 30).transposed().log_partition())
    with pytest.raises(ValueError, match=r"received 21"):
        machine(21, 22).log_partition()


@torch.no_grad()
def test_conditional_probabilities_are_shares_of_the_states() -> None:
    rbm, states = machine(), weights_of_states(machine())

    def share(of: dict[int, int], given: dict[int, int]) -> float:
        def sum_where(wanted: dict[int, int]) -> float:
            return sum(w for s, w in states.items() if all(s[i] == bit for i, bit in wanted.items()))

        return sum_where({**given, **of}) / sum_where(given)

    for bits in itertools.product((0, 1), repeat=V):
        v = torch.tensor([bits]).double()
        clamped = dict(enumerate(bits))
        expected = [share({V + j: 1}, clamped) for j in range(H)]
        assert rbm(v)[0].tolist() == pytest.approx(expected)
        both = share({V: 1, V + 1: 1}, clamped)
        assert both == pytest.approx(expected[0] * expected[1]), "hidden units are independent given the visible ones"
        others = [{i: bit for i, bit in clamped.items() if i != unit} for unit in range(V)]
        found = rbm.log_conditional(v, torch.arange(V)[None])[0].exp().tolist()
        assert found == pytest.approx([share({i: bits[i]}, others[i]) for i in range(V)])
    for bits in itertools.product((0, 1), repeat=H):
        clamped = {V + j: bit for j, bit in enumerate(bits)}
        expected = [share({i: 1}, clamped) for i in range(V)]
        assert rbm.visible(torch.tensor([bits]).double())[0].tolist() == pytest.approx(expected)


def exact(rbm: RBM) -> Tensor:
    """p(v) of all states."""
    return (-rbm.free_energy(all_states(rbm.num_visible).double()) - rbm.log_partition()).exp()


@torch.no_grad()
def test_gibbs_chains_end_in_the_machines_own_distribution() -> None:
    rbm = machine(scale=0.7)
    p = exact(rbm)
    assert float(p.sum()) == pytest.approx(1)
    torch.manual_seed(1)
    chains = rbm.gibbs(torch.zeros(40_000, V).double(), steps=40)
    counts = torch.bincount((chains.long() << torch.arange(V)).sum(1), minlength=2**V)
    statistic = float(((counts - 40_000 * p).square() / (40_000 * p)).sum())
    assert statistic < 37.7, "chi-squared with 15 degrees of freedom, at a risk of 0.001"
    start = draw(torch.full((1000, V), 0.5).double())
    one, two = (rbm.gibbs(start, steps=3, generator=torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, rbm.gibbs(start, steps=3, generator=torch.Generator().manual_seed(8)))


@torch.no_grad()
def test_free_energies_keep_their_digits_beside_products_in_bfloat16() -> None:
    rbm = machine(200, 150, scale=0.1).float()
    v = draw(torch.full((50, 200), 0.5))
    with torch.autocast("cpu", torch.bfloat16):
        found = rbm.free_energy(v)
    assert found.dtype == torch.float32
    assert (found - rbm.free_energy(v)).abs().max() < 0.2 < 2**-8 * rbm.free_energy(v).abs().min()


@torch.no_grad()
def test_scikit_learns_machine_with_the_same_weights() -> None:
    rbm = machine(12, 5)
    theirs = BernoulliRBM(n_components=5)
    theirs.components_ = rbm.weight.T.numpy()
    theirs.intercept_hidden_, theirs.intercept_visible_ = rbm.hidden_bias.numpy(), rbm.visible_bias.numpy()
    theirs.h_samples_, theirs.n_features_in_ = np.zeros((1, 5)), 12
    v = torch.from_numpy(np.random.default_rng(0).integers(0, 2, (7, 12)).astype(float))
    np.testing.assert_allclose(rbm(v), theirs.transform(v.numpy()))
    np.testing.assert_allclose(rbm.free_energy(v), theirs._free_energy(v.numpy()))
    turned = v.clone()
    turned[:, 4] = 1 - turned[:, 4]
    expected = -np.logaddexp(0, theirs._free_energy(v.numpy()) - theirs._free_energy(turned.numpy()))
    np.testing.assert_allclose(rbm.log_conditional(v, torch.full((7, 1), 4))[:, 0], expected)


@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_annealing_finds_the_partition_function(scale: float) -> None:
    rbm = machine(30, 12, scale=scale).float()
    exact = rbm.log_partition()
    base = 0.3 * torch.randn(30, generator=torch.Generator().manual_seed(3))
    generator = torch.Generator().manual_seed(0)
    found = annealed_log_partition(rbm, base, steps=1000, chains=200, generator=generator)
    assert found.error < 0.2
    assert abs(found.value - exact) < 4 * found.error


def test_annealing_is_right_on_average_and_better_with_more_steps() -> None:
    """The mean of the estimates of Z is Z for two steps too; their spread falls with the number of steps."""
    rbm = machine(8, 4, scale=0.8).float()
    exact, base = rbm.log_partition(), torch.zeros(8)
    generator = torch.Generator().manual_seed(0)
    few = annealed_log_partition(rbm, base, steps=2, chains=20_000, generator=generator)
    many = annealed_log_partition(rbm, base, steps=100, chains=20_000, generator=generator)
    assert abs(few.value - exact) < 4 * few.error
    assert abs(many.value - exact) < 4 * many.error
    assert many.error < few.error / 3
    alone = RBM(num_visible=5, num_hidden=3, scale=0.0)
    start = annealed_log_partition(alone, alone.visible_bias.detach(), steps=3, chains=5)
    assert start.value == pytest.approx(8 * math.log(2))
    assert start.error == pytest.approx(0, abs=1e-6)
