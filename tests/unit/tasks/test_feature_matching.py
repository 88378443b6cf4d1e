"""The generator that matches features, against a loop by hand."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from neurarium.losses.adversarial import NonSaturating, feature_matching_loss
from neurarium.nn.inputs import VectorInput
from neurarium.nn.minibatch_discrimination import MinibatchDiscrimination
from neurarium.tasks.adversarial import Adversarial
from neurarium.tasks.critics import GradientPenalty
from neurarium.train.descent import Descent
from neurarium.train.stepper import Stepper


class Points(NamedTuple):
    x: Tensor


def system(discriminator: nn.Module, **options: Any) -> Adversarial:
    sgd = Descent(optimizer=partial(torch.optim.SGD, lr=0.1))
    return Adversarial(
        generator=nn.Linear(3, 2),
        discriminator=discriminator,
        inputs=VectorInput(),
        latent_size=3,
        game=NonSaturating(),
        descents={"generator": sgd, "discriminator": sgd},
        measure=lambda real, fake, labels: {},
        **options,
    )


@pytest.mark.catalogue("gan-training-tricks")
def test_loss_is_the_squared_distance_of_two_means() -> None:
    real, fake = torch.randn(5, 2, 3), torch.randn(4, 2, 3)
    expected = sum((float(real[:, i, j].mean()) - float(fake[:, i, j].mean())) ** 2 for i in range(2) for j in range(3))
    assert feature_matching_loss(real, fake).tolist() == pytest.approx([expected] * 4)
    assert feature_matching_loss(real, real[[4, 2, 3, 0, 1]]).tolist() == pytest.approx([0] * 5, abs=1e-12)


@pytest.mark.catalogue("gan-training-tricks")
def test_generator_steps_towards_the_mean_features_and_the_discriminator_plays_on() -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1))
    task, x = system(layers, match=layers[:2]), Points(torch.randn(8, 2))
    hand: Any = copy.deepcopy(task)
    steppers = task.steppers(lambda modules, descent: Stepper(task, modules, descent))
    torch.manual_seed(1)
    told = steppers["generator"].update(task.generator_loss, x)
    torch.manual_seed(1)
    f = hand.discriminator[:2]
    loss = (f(x.x).mean(0) - f(hand.generator(torch.randn(8, 3))).mean(0)).square().sum()
    loss.backward()
    assert float(told["generator_loss"].value) == pytest.approx(loss.item(), rel=1e-5)
    for ours, theirs in zip(task.generator.parameters(), hand.generator.parameters(), strict=True):
        torch.testing.assert_close(ours.detach(), theirs.detach() - 0.1 * theirs.grad)
    for ours, theirs in zip(task.discriminator.parameters(), hand.discriminator.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    plain = system(layers)
    torch.manual_seed(2)
    judged = task.discriminator_loss(x)["discriminator_loss"].value
    plain.generator.load_state_dict(task.generator.state_dict())
    torch.manual_seed(2)
    assert torch.equal(judged, plain.discriminator_loss(x)["discriminator_loss"].value)


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(4), MinibatchDiscrimination(4, num_kernels=2)])
def test_no_penalty_on_a_discriminator_that_mixes_items(layer: nn.Module) -> None:
    judge = nn.Sequential(nn.Linear(2, 4), layer, nn.LazyLinear(1))
    with pytest.raises(ValueError, match=rf"judges each by itself, received one with {type(layer).__name__}"):
        system(judge, penalties={"gradient_penalty": GradientPenalty()})
    system(judge)
    system(nn.Sequential(nn.Linear(2, 4), nn.LayerNorm(4)), penalties={"gradient_penalty": GradientPenalty()})
