"""Learning by contrastive divergence, on images of two by two and three by three pixels whose states are counted."""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from neurarium.nn.rbm import RBM, all_states
from neurarium.tasks.binary_images import BinaryImages
from neurarium.tasks.rbm import ContrastiveDivergence, PersistentContrastiveDivergence
from neurarium.train import ranks
from neurarium.train.batches import Unlabelled
from neurarium.train.descent import Descent
from neurarium.train.recipe import UserError
from neurarium.train.schedules import cosine
from neurarium.train.stepper import Stepper

SIDE = 2
EVERY = all_states(SIDE**2).view(-1, 1, SIDE, SIDE) * 255
"""All sixteen images of two by two pixels, uint8."""


def bars_and_stripes() -> Tensor:
    """The fourteen images of three by three pixels whose rows, or whose columns, are each of one colour."""
    rows = {bits: torch.tensor(bits)[:, None].expand(3, 3) for bits in itertools.product((0, 1), repeat=3)}
    images = {tuple(x.flatten().tolist()) for row in rows.values() for x in (row, row.T)}
    assert len(images) == 14
    return torch.tensor(sorted(images), dtype=torch.uint8).view(-1, 1, 3, 3) * 255


def task(kind: Any, *, side: int = SIDE, hidden: int = 3, lr: float = 0.05, **settings: Any) -> Any:
    torch.manual_seed(0)
    rbm = RBM(num_visible=side**2, num_hidden=hidden, scale=0.8)
    return kind(
        network=rbm,
        inputs=BinaryImages(size=(side, side)),
        descent=Descent(optimizer=partial(torch.optim.SGD, lr=lr, momentum=0.5)),
        gibbs_steps=1,
        **settings,
    )


def test_pixels_are_one_from_half_of_white_on() -> None:
    inputs = BinaryImages(size=(1, 4))
    assert inputs(torch.tensor([[[0, 127, 128, 255]]], dtype=torch.uint8)).tolist() == [[0, 0, 1, 1]]
    assert inputs(torch.tensor([[[[0, 0.49, 0.5, 1]]]])).tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize("kind", [ContrastiveDivergence, PersistentContrastiveDivergence])
def test_the_loss_has_the_gradient_of_the_negative_log_likelihood(kind: Any) -> None:
    """With many chains that have run for long the step's gradient is that of autograd on the exact log p(v)."""
    many = 60_000
    settings: dict[str, Any] = {"num_chains": many} if kind is PersistentContrastiveDivergence else {}
    model = task(kind, **settings)
    model.gibbs_steps = 60
    x = EVERY[[3, 5, 12]]
    if settings:
        model.advance()
        losses = model.loss(Unlabelled(x))
    else:
        losses = model.loss(Unlabelled(x.repeat(many // 3, 1, 1, 1)))
    found = torch.autograd.grad(losses["loss"].value, list(model.parameters()))
    rbm = model.network
    every = model.inputs(EVERY)
    exact = rbm.free_energy(model.inputs(x)).mean() + torch.logsumexp(-rbm.free_energy(every), 0)
    for ours, theirs in zip(found, torch.autograd.grad(exact, list(model.parameters())), strict=True):
        torch.testing.assert_close(ours, theirs, atol=0.01, rtol=0)
    assert not model.model_states(every).requires_grad


@torch.no_grad()
def test_measures_are_those_of_counted_states() -> None:
    model = task(ContrastiveDivergence)
    rbm, v = model.network, model.inputs(EVERY)
    p = torch.softmax(-rbm.free_energy(v).double(), 0)
    items = [0, 3, 3, 9, 14]
    measured = model.evaluate(iter([Unlabelled(EVERY[items[:2]]), Unlabelled(EVERY[items[2:]])]))
    assert measured["log_likelihood"] == pytest.approx(float(p[items].log().mean()), rel=1e-5)
    assert measured["partition_error"] == 0
    pseudo = 0.0
    for item in items:
        for i in range(4):
            pseudo += math.log(p[item] / (p[item] + p[item ^ (1 << i)])) / len(items)
    assert measured["pseudo_log_likelihood"] == pytest.approx(pseudo, rel=1e-5)
    fields = v[items] @ rbm.weight + rbm.hidden_bias
    back = torch.sigmoid(torch.sigmoid(fields) @ rbm.weight.T + rbm.visible_bias)
    assert measured["reconstruction_error"] == pytest.approx(float((back - v[items]).square().mean()), rel=1e-5)
    torch.testing.assert_close(model.reconstruct(EVERY[items]), back.view(-1, 1, 2, 2))
    torch.testing.assert_close(model.log_likelihood(EVERY), p.log(), atol=1e-5, rtol=0)
    assert measured["free_energy"] == pytest.approx(float(model.free_energy(EVERY[items].numpy()).mean()), rel=1e-5)


@torch.no_grad()
def test_samples_have_the_machines_means_and_correlations() -> None:
    model = task(ContrastiveDivergence)
    v = model.inputs(EVERY)
    p = torch.softmax(-model.network.free_energy(v), 0)
    drawn = model.sample(20_000, steps=40)
    assert drawn.shape == (20_000, 1, 2, 2)
    torch.testing.assert_close(drawn.flatten(1).mean(0), p @ v, atol=0.015, rtol=0)
    assert torch.equal(model.sample(5, seed=3), model.sample(5, seed=3))
    assert not torch.equal(model.sample(5, seed=3), model.sample(5, seed=4))
    with pytest.raises(UserError, match=r"knows no classes"):
        model.sample(2, labels=torch.tensor([0, 1]))


@torch.no_grad()
def test_samples_begin_at_the_persistent_chains() -> None:
    """A machine that keeps every state it is in gives its chains back, each of them equally often."""
    model = task(PersistentContrastiveDivergence, num_chains=5, hidden=4)
    model.network.weight.copy_(torch.eye(4) * 200)
    model.network.visible_bias.fill_(-100.0), model.network.hidden_bias.fill_(-100.0)
    model.chains.copy_(all_states(4)[[1, 2, 4, 7, 15]])
    drawn = [tuple(image) for image in model.sample(12, steps=9).flatten(1).round().int().tolist()]
    counts = [drawn.count(tuple(chain)) for chain in model.chains.int().tolist()]
    assert sorted(counts) == [2, 2, 2, 3, 3]


def test_persistent_chains_go_on_where_they_stopped_and_not_at_the_data() -> None:
    model = task(PersistentContrastiveDivergence, num_chains=50)
    assert "chains" in model.state_dict()
    black = torch.zeros(8, 1, 2, 2, dtype=torch.uint8)
    with torch.no_grad():
        model.network.weight.zero_()
        model.network.visible_bias.fill_(50.0)
    model.advance()
    assert torch.equal(model.chains, torch.ones(50, 4)), "white is certain, whatever the data are"
    assert torch.equal(model.model_states(model.inputs(black)), model.chains)
    near_data = task(ContrastiveDivergence)
    with torch.no_grad():
        near_data.network.weight.copy_(torch.eye(4, 3) * 200)
        near_data.network.visible_bias.fill_(-100.0), near_data.network.hidden_bias.fill_(-100.0)
    assert torch.equal(near_data.model_states(near_data.inputs(EVERY[:8])), near_data.inputs(EVERY[:8]))


@pytest.mark.parametrize("micro_batches", [1, 3])
def test_the_step_of_persistent_chains_does_not_depend_on_micro_batches(micro_batches: int) -> None:
    model = task(PersistentContrastiveDivergence, num_chains=7)
    stepper = Stepper(model, model.network, model.descent, micro_batches=micro_batches)
    torch.manual_seed(5)
    losses = model.step(iter([Unlabelled(EVERY[:5])]), {"network": stepper})
    other = task(PersistentContrastiveDivergence, num_chains=7)
    torch.manual_seed(5)
    other.advance()
    loss = other.loss(Unlabelled(EVERY[:5]))["loss"].value
    loss.backward()
    assert float(losses["loss"].value) == pytest.approx(float(loss.detach()), abs=1e-6)
    assert torch.equal(model.chains, other.chains)
    for new, old in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(new.detach(), old.detach() - 0.05 * old.grad)


def test_each_rank_moves_its_share_of_the_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    models = [task(PersistentContrastiveDivergence, num_chains=5) for _ in range(2)]
    told: list[Tensor] = []
    monkeypatch.setattr(ranks, "world", lambda: 2)
    monkeypatch.setattr(ranks, "sum_over_ranks", lambda moved: told.append(moved.clone()) or moved)
    for rank, model in enumerate(models):
        monkeypatch.setattr(ranks, "rank", lambda rank=rank: rank)
        with torch.no_grad():
            model.network.weight.zero_()
            model.network.visible_bias.fill_(50.0)
        model.advance()
    assert [part.any(1).tolist() for part in told] == [[True, False] * 2 + [True], [False, True] * 2 + [False]]


@pytest.mark.catalogue("boltzmann-machine")
def test_persistent_chains_learn_bars_and_stripes() -> None:
    """Fourteen images of 512: the best is log 1/14 = -2.64, independent pixels reach -6.24."""
    images = bars_and_stripes()
    steps = 1500
    model = task(PersistentContrastiveDivergence, side=3, hidden=16, num_chains=100)
    model.gibbs_steps = 5
    with torch.no_grad():
        model.network.weight.mul_(0.1)
    descent = Descent(optimizer=partial(torch.optim.SGD, lr=0.2, momentum=0.5), schedule=cosine(steps))
    stepper = Stepper(model, model.network, descent)
    before = model.evaluate([Unlabelled(images)])["log_likelihood"]
    for _ in range(steps):
        model.step(iter([Unlabelled(images)]), {"network": stepper})
    after = model.evaluate([Unlabelled(images)])["log_likelihood"]
    assert before < -6
    assert -3.1 < after < math.log(1 / 14)
