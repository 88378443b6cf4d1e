"""Boltzmann machines on nets so small that every state can be counted."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from neurarium.networks.boltzmann import BoltzmannMachine
from neurarium.nn.rbm import RBM, all_states


def full(visible: int, hidden: int, *, scale: float = 0.8, seed: int = 0) -> BoltzmannMachine:
    torch.manual_seed(seed)
    machine = BoltzmannMachine(num_visible=visible, num_hidden=hidden, scale=scale)
    with torch.no_grad():
        machine.bias.normal_(0, 0.5)
    return machine.double()


def restricted(visible: int, hidden: int, *, scale: float = 0.9, seed: int = 0) -> RBM:
    torch.manual_seed(seed)
    rbm = RBM(num_visible=visible, num_hidden=hidden, scale=scale)
    with torch.no_grad():
        rbm.visible_bias.normal_(0, 0.5), rbm.hidden_bias.normal_(0, 0.5)
    return rbm.double()


@torch.no_grad()
@pytest.mark.catalogue("boltzmann-machine")
def test_probabilities_are_exp_of_minus_the_energy_over_their_sum() -> None:
    machine = full(3, 2)
    w, b = machine.couplings.tolist(), machine.bias.tolist()
    weights = {}
    for s in itertools.product((0, 1), repeat=5):
        energy = -sum(w[i][j] * s[i] * s[j] for i in range(5) for j in range(i)) - sum(
            x * y for x, y in zip(b, s, strict=True)
        )
        weights[s] = math.exp(-energy)
        assert float(machine.energy(torch.tensor([s]).double())) == pytest.approx(energy)
    total = sum(weights.values())
    assert float(machine.log_partition()) == pytest.approx(math.log(total))
    for v in itertools.product((0, 1), repeat=3):
        share = sum(weights[v + h] for h in itertools.product((0, 1), repeat=2)) / total
        assert float(machine(torch.tensor([v]).double())) == pytest.approx(math.log(share))
    assert torch.equal(machine.couplings, machine.couplings.T)
    assert machine.couplings.diagonal().abs().sum() == 0


@pytest.mark.catalogue("boltzmann-machine")
@pytest.mark.parametrize("hidden", [0, 2])
def test_the_learning_rule_is_the_exact_gradient(hidden: int) -> None:
    """d log p(v) / d w_ij = <s_i s_j> with v clamped - <s_i s_j> running free, d / d b_i = <s_i> - <s_i>."""
    machine = full(3, hidden)
    v = torch.tensor([[1.0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 0, 1]]).double()
    machine(v).mean().backward()
    with torch.no_grad():
        states = all_states(3 + hidden).double()
        free = torch.softmax(-machine.energy(states), 0)
        clamped = torch.zeros_like(free)
        for row in v:
            here = (states[:, :3] == row).all(1)
            clamped += torch.softmax(torch.where(here, -machine.energy(states), -math.inf), 0) / len(v)
        pairs = torch.einsum("s,si,sj->ij", clamped - free, states, states)
    assert machine.weight.grad is not None
    assert machine.bias.grad is not None
    torch.testing.assert_close(machine.weight.grad, pairs.triu(1))
    torch.testing.assert_close(machine.bias.grad, pairs.diagonal())


@torch.no_grad()
def test_sweeps_end_in_the_distribution_of_the_states_free_or_clamped() -> None:
    machine = full(2, 2)
    states = all_states(4).double()
    p = torch.softmax(-machine.energy(states), 0)
    torch.manual_seed(0)
    found = machine.gibbs(torch.zeros(20_000, 4).double(), steps=20)
    counts = torch.bincount((found.long() << torch.arange(4)).sum(1), minlength=16)
    assert float(((counts - 20_000 * p).square() / (20_000 * p)).sum()) < 37.7, "chi-squared, 15 degrees, risk 0.001"
    start = torch.tensor([1.0, 0, 0, 0]).double().expand(20_000, 4)
    found = machine.gibbs(start, steps=20, clamped=2)
    assert torch.equal(found[:, :2], start[:, :2])
    given = p[1::4] / p[1::4].sum()
    counts = torch.bincount((found[:, 2:].long() << torch.arange(2)).sum(1), minlength=4)
    assert float(((counts - 20_000 * given).square() / (20_000 * given)).sum()) < 16.3, "3 degrees, risk 0.001"


@torch.no_grad()
def test_the_restricted_machine_is_a_full_one_without_weights_inside_its_groups() -> None:
    rbm, machine = restricted(4, 3), full(4, 3)
    machine.weight.zero_()
    machine.weight[:4, 4:] = rbm.weight
    machine.bias.copy_(torch.cat([rbm.visible_bias, rbm.hidden_bias]))
    states = all_states(7).double()
    torch.testing.assert_close(machine.energy(states), rbm.energy(states[:, :4], states[:, 4:]))
    assert float(machine.log_partition()) == pytest.approx(rbm.log_partition())
    v = all_states(4).double()
    torch.testing.assert_close(machine(v), -rbm.free_energy(v) - rbm.log_partition())


def test_hidden_units_learn_what_no_pair_of_visible_units_tells() -> None:
    """Even parity of three bits: every pair is independent, so without hidden units log p stays at log 1/8; with them
    it goes to log 1/4, one of four patterns."""
    patterns = torch.tensor([[0.0, 0, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1]])
    reached = {}
    for hidden in (0, 2):
        torch.manual_seed(0)
        machine = BoltzmannMachine(num_visible=3, num_hidden=hidden, scale=0.5)
        optimizer = torch.optim.Adam(machine.parameters(), lr=0.1)
        for _ in range(400):
            loss = -machine(patterns).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        reached[hidden] = -float(loss.detach())
    assert reached[0] == pytest.approx(math.log(1 / 8), abs=1e-4)
    assert math.log(1 / 4) - 0.05 < reached[2] < math.log(1 / 4)


DATA = torch.tensor([[1.0, 1, 0, 0], [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]]).double()


def exact_gradient(rbm: RBM) -> Tensor:
    """Of mean log p(v) over DATA, by autograd through the sum over all states."""
    every = all_states(rbm.num_visible).double()
    log_p = -rbm.free_energy(DATA) - torch.logsumexp(-rbm.free_energy(every), 0)
    return flat(log_p.mean(), rbm)


def flat(value: Tensor, rbm: RBM) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(value, list(rbm.parameters()))])


@pytest.mark.catalogue("boltzmann-machine")
def test_the_exact_gradient_of_a_restricted_machine_by_enumeration() -> None:
    """d log p / d w_ij = v_i p(h_j = 1 | v) - sum_v p(v) v_i p(h_j = 1 | v), and the same of the biases."""
    rbm = restricted(4, 3)
    gradient = exact_gradient(rbm)
    with torch.no_grad():
        every = all_states(4).double()
        p = (-rbm.free_energy(every) - rbm.log_partition()).exp()
        weights = DATA.T @ rbm(DATA) / len(DATA) - every.T @ (p[:, None] * rbm(every))
        visible = DATA.mean(0) - p @ every
        hidden = rbm(DATA).mean(0) - p @ rbm(every)
    torch.testing.assert_close(gradient, torch.cat([weights.flatten(), visible, hidden]))


@pytest.mark.catalogue("boltzmann-machine")
def test_contrastive_divergence_nears_the_exact_gradient_with_more_steps() -> None:
    rbm = restricted(4, 3, scale=2.0)  # large weights, so that chains move slowly
    gradient = exact_gradient(rbm)
    copies = DATA.repeat(20_000, 1)
    errors = {}
    for steps in (1, 3, 10, 50):
        torch.manual_seed(0)
        states = rbm.gibbs(copies, steps=steps)
        estimate = -flat(rbm.free_energy(DATA).mean() - rbm.free_energy(states).mean(), rbm)
        errors[steps] = float((estimate - gradient).norm() / gradient.norm())
    assert errors[1] > errors[3] > errors[10], errors
    assert errors[1] > 0.3, "one step is biased"
    assert errors[50] < 0.02, "fifty are exact but for the noise of 80,000 chains"
