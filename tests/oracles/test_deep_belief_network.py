"""Deep belief networks so small that every state of every layer can be counted."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from neurarium.nn.rbm import RBM, all_states
from neurarium.tasks.binary_images import BinaryImages
from neurarium.tasks.deep_belief_network import DeepBeliefNetwork
from neurarium.train.batches import Unlabelled
from neurarium.train.descent import Descent
from neurarium.train.recipe import UserError
from neurarium.train.stepper import Stepper

EVERY = all_states(4).view(-1, 1, 2, 2) * 255
"""All images of two by two pixels, uint8."""


def task(*widths: int, layer_steps: int = 3, lr: float = 0.05, seed: int = 0) -> DeepBeliefNetwork:
    torch.manual_seed(seed)
    layers = [RBM(num_visible=a, num_hidden=b, scale=0.8) for a, b in pairwise(widths)]
    for layer in layers:
        nn.init.normal_(layer.visible_bias, 0, 0.4), nn.init.normal_(layer.hidden_bias, 0, 0.4)
    return DeepBeliefNetwork(
        network=nn.Sequential(*layers),
        inputs=BinaryImages(size=(2, 2)),
        descent=Descent(optimizer=partial(torch.optim.SGD, lr=lr)),
        gibbs_steps=1,
        layer_steps=layer_steps,
    )


def marginal(layers: list[RBM]) -> Tensor:
    """p(v) (2^V,) of all states: that of the top machine, sent down by p(v | h) of each layer below."""
    *below, top = layers
    p = torch.softmax(-top.free_energy(all_states(top.num_visible).float()), 0)
    for layer in reversed(below):
        h, v = all_states(layer.num_hidden).float(), all_states(layer.num_visible).float()
        each = layer.visible(h)[:, None]
        given = torch.where(v == 1, each, 1 - each).prod(2)  # (states of h, states of v)
        p = p @ given
    return p


def bounds(model: DeepBeliefNetwork, draws: int) -> Tensor:
    """The bound of each of the sixteen images, (16,), by many draws, with the exact log Z."""
    v = model.inputs(EVERY).repeat_interleave(draws, 0)
    noise = [torch.rand(len(v), layer.num_hidden) for layer in model.layers[:-1]]
    total, _ = model.bound(v, noise)
    return total.view(16, draws).mean(1) - model.layers[-1].log_partition()


@torch.no_grad()
@pytest.mark.parametrize("widths", [(4, 3, 3), (4, 3, 2, 5)])
def test_the_bound_lies_below_the_counted_likelihood(widths: tuple[int, ...]) -> None:
    model = task(*widths)
    p = marginal(model.layers)
    assert float(p.sum()) == pytest.approx(1, rel=1e-5)
    found = bounds(model, 4000)
    assert (found < p.log() + 0.02).all()
    assert float((p.log() - found).mean()) > 0.05, "the way up is not the true posterior"
    assert float((p.log() - found).mean()) < 1.5


@torch.no_grad()
def test_the_bound_is_the_likelihood_where_the_next_layer_is_the_last_one_turned_over() -> None:
    """Then the network's p(v) is that of the first machine, and every single draw of the bound is exact."""
    model = task(4, 3, 4)
    model.network[1] = model.layers[0].transposed()
    p = marginal(model.layers)
    torch.testing.assert_close(p, marginal(model.layers[:1]))
    torch.testing.assert_close(bounds(model, 1), p.log(), atol=1e-5, rtol=0)


@pytest.mark.catalogue("deep-belief-network")
def test_a_better_second_layer_makes_the_whole_more_likely() -> None:
    """Hinton et al. 2006, section 4: begun as the first layer turned over, every step up of the second layer's
    likelihood of what the first sends up is one of the bound, and log p(v) lies above the bound."""
    model = task(4, 3, 4)
    with torch.no_grad():
        model.layers[0].weight.mul_(3)
    model.network[1] = model.layers[0].transposed()
    data = [0, 3, 15]
    with torch.no_grad():
        first = float(marginal(model.layers)[data].log().mean())
        states = all_states(3).float()
        up = model.layers[0](model.inputs(EVERY[data]))[:, None]
        q = torch.where(states == 1, up, 1 - up).prod(2).mean(0)  # of all h, the mean over the data
    top = model.layers[1]
    optimizer = torch.optim.SGD(top.parameters(), lr=0.2)
    likelihoods = []
    for _ in range(200):
        log_p = torch.log_softmax(-top.free_energy(states), 0)
        loss = -(q * log_p).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        likelihoods.append(-float(loss.detach()))
    with torch.no_grad():
        after = float(marginal(model.layers)[data].log().mean())
    gain = likelihoods[-1] - likelihoods[0]
    assert gain > 0.05
    assert after >= first + gain - 1e-5


@pytest.mark.catalogue("deep-belief-network")
def test_layers_are_learned_one_after_the_other_and_then_stay() -> None:
    model = task(4, 3, 5, 2, layer_steps=3)
    steppers = model.steppers(lambda modules, descent: Stepper(model, modules, descent))
    assert list(steppers) == ["layer1", "layer2", "layer3"]
    torch.manual_seed(0)
    for step in range(11):
        before = [[p.detach().clone() for p in layer.parameters()] for layer in model.layers]
        losses = model.step(iter([Unlabelled(EVERY)]), steppers)
        moved = [
            any(not torch.equal(a, b) for a, b in zip(old, layer.parameters(), strict=True))
            for old, layer in zip(before, model.layers, strict=True)
        ]
        depth = min(step // 3, 2)
        assert moved == [number == depth for number in range(3)]
        assert float(losses["layer"].value) == depth + 1


@pytest.mark.parametrize("widths", [(4, 3, 4), (4, 3, 5)])
def test_a_layer_that_fits_begins_as_the_one_below_turned_over(widths: tuple[int, ...]) -> None:
    model = task(*widths, layer_steps=2, lr=0.0)
    steppers = model.steppers(lambda modules, descent: Stepper(model, modules, descent))
    own = model.layers[1].weight.detach().clone()
    for _ in range(3):
        model.step(iter([Unlabelled(EVERY)]), steppers)
    first, second = model.layers
    fits = widths == (4, 3, 4)
    assert torch.equal(second.weight, first.weight.T if fits else own)
    if fits:
        assert torch.equal(second.visible_bias, first.hidden_bias)
        assert torch.equal(second.hidden_bias, first.visible_bias)
        second.weight.data.fill_(7.0)
        model.step(iter([Unlabelled(EVERY)]), steppers)
        assert (second.weight == 7).all(), "it happens once"


@torch.no_grad()
def test_samples_have_the_counted_means() -> None:
    model = task(4, 3, 3)
    p = marginal(model.layers)
    drawn = model.sample(20_000, steps=30)
    assert drawn.shape == (20_000, 1, 2, 2)
    torch.testing.assert_close(drawn.flatten(1).mean(0), p @ all_states(4).float(), atol=0.012, rtol=0)
    # One layer alone could have these means; two neighbouring pixels both white tells it apart.
    bits = torch.bernoulli(drawn.flatten(1), generator=torch.Generator().manual_seed(0))
    counts = torch.bincount((bits.long() << torch.arange(4)).sum(1), minlength=16)
    assert float(((counts - 20_000 * p).square() / (20_000 * p)).sum()) < 37.7, "chi-squared, 15 degrees, risk 0.001"
    assert torch.equal(model.sample(3, seed=2), model.sample(3, seed=2))
    with pytest.raises(UserError, match=r"knows no classes"):
        model.sample(2, labels=torch.tensor([0, 1]))


@torch.no_grad()
def test_measures_are_those_of_counted_states() -> None:
    model = task(4, 3, 3)
    images = Unlabelled(EVERY.repeat(125, 1, 1, 1))
    measured = model.evaluate([images])
    first = model.layers[0]
    v = model.inputs(EVERY)
    exact = float((-first.free_energy(v)).mean()) - first.log_partition()
    assert measured["first_layer_log_likelihood"] == pytest.approx(exact, rel=1e-5)
    assert measured["log_likelihood_bound"] == pytest.approx(float(bounds(model, 4000).mean()), abs=0.05)
    assert measured["partition_error"] == 0
    up = model.layers[1](first(v))
    torch.testing.assert_close(model.encode(EVERY), up)
    back = first.visible(model.layers[1].visible(up)).view(-1, 1, 2, 2)
    torch.testing.assert_close(model.reconstruct(EVERY), back)
    error = float((back.flatten(1) - v).square().mean())
    assert measured["reconstruction_error"] == pytest.approx(error, rel=1e-4)


@torch.no_grad()
def test_a_perceptron_begins_where_the_layers_have_ended() -> None:
    model = task(4, 3, 5)
    network = model.classifier(10)
    v = model.inputs(EVERY)
    torch.testing.assert_close(network[:-1](v), model.network(v))
    assert network(v).shape == (16, 10)
    network[0].weight.zero_()
    assert model.layers[0].weight.abs().sum() > 0, "the machines keep their own weights"
