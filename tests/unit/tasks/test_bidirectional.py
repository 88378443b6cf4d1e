"""Adversarially learned inference against its algorithm by hand."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neurarium.networks.ali import PairDiscriminator
from neurarium.nn.inputs import ImageInput, VectorInput
from neurarium.tasks.bidirectional import LearnedInference
from neurarium.train.descent import Descent
from neurarium.train.stepper import Stepper

SGD = Descent(optimizer=partial(torch.optim.SGD, lr=0.1))


class Points(NamedTuple):
    x: Tensor


class Pairs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 1))

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return self.layers(torch.cat([x, z], 1))


class Drawn:
    def __init__(self) -> None:
        self.random, self.taken = torch.Generator().manual_seed(3), 0

    def __iter__(self) -> Iterator[Points]:
        return self

    def __next__(self) -> Points:
        self.taken += 1
        return Points(torch.randn(8, 3, generator=self.random) + 2)


def system(**changed: Any) -> Any:
    torch.manual_seed(0)
    settings: dict[str, Any] = {
        "encoder": nn.Linear(3, 4),
        "generator": nn.Linear(2, 3),
        "discriminator": Pairs(),
        "inputs": VectorInput(),
        "latent_size": 2,
        "descents": {"generator": SGD, "discriminator": SGD},
        "measure": lambda real, fake, labels: {"apart": float(real.mean() - fake.mean())},
    }
    return LearnedInference(**{**settings, **changed})


def steppers(task: LearnedInference) -> Any:
    return task.steppers(lambda modules, descent: Stepper(task, modules, descent))


@pytest.mark.catalogue("adversarially-learned-inference")
def test_step_is_algorithm_1() -> None:
    """rho_q of pairs (x, z^), rho_p of pairs (x~, z); L_D = - log rho_q - log(1 - rho_p), L_G with the two exchanged;
    the discriminator moves, then encoder and decoder together."""
    task = system()
    hand = copy.deepcopy(task)
    players, ours, theirs = steppers(task), Drawn(), Drawn()
    assert set(players) == {"discriminator", "generator"}
    judge = torch.optim.SGD(hand.discriminator.parameters(), lr=0.1)
    both = torch.optim.SGD([*hand.encoder.parameters(), *hand.generator.parameters()], lr=0.1)
    torch.manual_seed(9)
    for _ in range(3):
        means = task.step(ours, players)
    torch.manual_seed(9)
    for _ in range(3):
        x = next(theirs).x
        for optimizer in (judge, both):
            mu, log_variance = hand.encoder(x)[:, :2], hand.encoder(x)[:, 2:]
            z_hat = mu + (log_variance / 2).exp() * torch.randn(8, 2)
            z = torch.randn(8, 2)
            rho_q, rho_p = hand.discriminator(x, z_hat).sigmoid(), hand.discriminator(hand.generator(z), z).sigmoid()
            if optimizer is judge:
                loss = -rho_q.log().mean() - (1 - rho_p).log().mean()
            else:
                loss = -(1 - rho_q).log().mean() - rho_p.log().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert ours.taken == theirs.taken == 3
    torch.testing.assert_close(means["generator_loss"].value, loss.detach())
    for (name, one), other in zip(task.named_parameters(), hand.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.catalogue("adversarially-learned-inference")
def test_pairs_of_an_encoder_that_inverts_the_decoder_cannot_be_told_apart() -> None:
    """Of x = W z + b with z ~ N(0, I), and q(z | x) at W^-1 (x - b), both kinds of pairs are one distribution."""
    W, b = torch.tensor([[2.0, 0.5], [0.0, 1.0]]), torch.tensor([1.0, -1.0])
    encoder, generator = nn.Linear(2, 4), nn.Linear(2, 2)
    with torch.no_grad():
        generator.weight.copy_(W), generator.bias.copy_(b)
        encoder.weight.copy_(torch.cat([W.inverse(), torch.zeros(2, 2)]))
        encoder.bias.copy_(torch.cat([-W.inverse() @ b, torch.full((2,), -60.0)]))
    task = system(encoder=encoder, generator=generator)
    x = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(1)) @ W.T + b
    with torch.no_grad():
        inferred, generated = (torch.cat(pair, 1) for pair in task._pairs(x))
    torch.testing.assert_close(inferred.mean(0), generated.mean(0), rtol=0, atol=0.06)
    torch.testing.assert_close(inferred.T.cov(), generated.T.cov(), rtol=0, atol=0.2)
    torch.testing.assert_close(task.reconstruct(x[:5]), x[:5], rtol=1e-4, atol=1e-4)
    exact = torch.cat([W @ W.T, W], 1)  # covariance of x with x, and of x with z
    torch.testing.assert_close(inferred.T.cov()[:2], exact, rtol=0, atol=0.2)


def test_a_discriminator_that_cannot_tell_costs_the_logarithm_of_four() -> None:
    task = system()
    with torch.no_grad():
        for parameter in task.discriminator.parameters():
            parameter.zero_()
    batch = next(Drawn())
    for loss in (task.discriminator_loss(batch)["discriminator_loss"], task.generator_loss(batch)["generator_loss"]):
        assert float(loss.detach().value) == pytest.approx(math.log(4))


def test_evaluation_is_by_hand() -> None:
    task = system().eval()
    batches = [next(Drawn()) for _ in range(2)]
    x = torch.cat([batch.x for batch in batches])
    torch.manual_seed(4)
    with torch.no_grad():
        found = task.evaluate(batches)
        torch.manual_seed(4)
        mu, log_variance = task.encoder(x).chunk(2, 1)
        z_hat = mu + (log_variance / 2).exp() * torch.randn(16, 2)
        z = torch.randn(16, 2)
        real, fake = task.discriminator(x, z_hat), task.discriminator(task.generator(z), z)
        again = task.generator(mu)
    assert found["apart"] == pytest.approx(float(x.mean() - task.generator(z).detach().mean()), abs=1e-5)
    assert found["reconstruction_error"] == pytest.approx(float((x - again).square().mean()), rel=1e-5)
    assert found["code_std"] == pytest.approx(float(z_hat.std()), rel=1e-5)
    right = (float((real > 0).float().mean()) + float((fake < 0).float().mean())) / 2
    assert found["discriminator_accuracy"] == pytest.approx(right)
    torch.testing.assert_close(task.encode(x.numpy()), mu)
    torch.testing.assert_close(task.reconstruct(x), again)
    z = torch.randn(5, 2, generator=torch.Generator().manual_seed(6))
    torch.testing.assert_close(task.sample(5, seed=6), task.generator(z).detach())
    with pytest.raises(ValueError, match=r"have no classes to choose from"):
        task.sample(2, labels=[0, 1])


@pytest.mark.catalogue("adversarially-learned-inference")
def test_discriminator_reads_images_and_codes_together() -> None:
    torch.manual_seed(0)
    network = PairDiscriminator(size=16, channels=1, latent_size=3, width=2, hidden=4).eval()
    x, z = torch.rand(4, 1, 16, 16), torch.randn(4, 3)
    scores = network(x, z)
    assert scores.shape == (4, 1)
    assert not torch.allclose(scores, network(x.flip(0), z).flip(0))  # other pairs of the same
    assert not torch.allclose(scores, network(x, z.flip(0)))
    torch.testing.assert_close(scores, torch.cat([network(x[i : i + 1], z[i : i + 1]) for i in range(4)]))
    # It is no sum of what image and code say apart.
    mixed = scores[0] + network(x[1:2], z[1:2])[0] - network(x[:1], z[1:2])[0] - network(x[1:2], z[:1])[0]
    assert abs(float(mixed.detach())) > 1e-6


def test_picture_shows_images_over_what_their_codes_decode_to() -> None:
    class Flat(nn.Module):
        def __init__(self, layer: nn.Module, *shape: int) -> None:
            super().__init__()
            self.layer, self.shape = layer, shape

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x.flatten(1)).view(len(x), *self.shape)

    torch.manual_seed(0)
    task = system(
        encoder=Flat(nn.Linear(16, 4), 4),
        generator=Flat(nn.Linear(2, 16), 1, 4, 4),
        inputs=ImageInput(channels=1, size=(4, 4), mean=[0.5], std=[0.5]),
    )
    images = torch.randint(0, 256, (12, 1, 4, 4)).to(torch.uint8)
    figure = task.pictures(iter([Points(images)]))["reconstructions"]
    for row, expected in (("image", images / 255), ("decoded", task.reconstruct(images))):
        (drawn,) = figure.findobj(lambda artist, gid=f"{row}-7": artist.get_gid() == gid)
        np.testing.assert_allclose(drawn.get_array()[..., 0], expected[7, 0], atol=1e-6)
