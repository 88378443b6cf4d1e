"""CoGAN against its algorithm by hand, and what its shared layers are good for."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.data.domains import negative
from neurarium.losses.adversarial import NonSaturating
from neurarium.networks.coupled_gan import coupled_discriminators, coupled_generators
from neurarium.nn.inputs import ImageInput
from neurarium.recipes.coupled_gan import CoGAN
from neurarium.tasks.coupled_gan import CoupledGAN
from neurarium.train import checkpoint
from neurarium.train.data import Shard
from neurarium.train.descent import Descent
from neurarium.train.hardware import FastPath
from neurarium.train.settings import Settings
from neurarium.train.stepper import Stepper
from neurarium.train.training import build

SGD = Descent(optimizer=partial(torch.optim.SGD, lr=0.1))


class Domains(NamedTuple):
    x: Tensor
    other: Tensor
    y: Tensor


class Drawn:
    def __init__(self, items: int = 6) -> None:
        self.random, self.items, self.taken = torch.Generator().manual_seed(3), items, 0

    def __iter__(self) -> Iterator[Domains]:
        return self

    def __next__(self) -> Domains:
        self.taken += 1
        x, other = torch.randint(0, 256, (2, self.items, 1, 16, 16), generator=self.random).to(torch.uint8)
        return Domains(x, other, torch.randint(0, 3, (self.items,), generator=self.random))


def system(**changed: Any) -> Any:
    torch.manual_seed(0)
    settings: dict[str, Any] = {
        "generators": coupled_generators(size=16, channels=1, width=3, latent_size=5),
        "discriminators": coupled_discriminators(size=16, channels=1, width=3, num_predicted=3),
        "inputs": ImageInput(channels=1, size=(16, 16), mean=[0.5], std=[0.5]),
        "latent_size": 5,
        "game": NonSaturating(),
        "descents": {"generator": SGD, "discriminator": SGD},
        "measure": lambda real, fake, labels: {"pixels": float(real.mean() - fake.mean())},
        "counterpart": negative,
        "classes": ("a", "b", "c"),
    }
    return CoupledGAN(**{**settings, **changed})


def steppers(task: CoupledGAN) -> Any:
    return task.steppers(lambda modules, descent: Stepper(task, modules, descent))


def weights(network: nn.Module) -> list[nn.Parameter]:
    return list(network.parameters())


@pytest.mark.catalogue("coupled-gan")
def test_generators_share_their_first_layers_and_discriminators_their_last() -> None:
    task = system()
    for one, two, shared, own in (
        (task.generator_x, task.generator_other, "first", "last"),
        (task.discriminator_x, task.discriminator_other, "last", "first"),
    ):
        assert one.get_submodule(shared) is two.get_submodule(shared)
        assert weights(one.get_submodule(shared))
        mine, theirs = weights(one.get_submodule(own)), weights(two.get_submodule(own))
        assert all(a is not b and a.shape == b.shape for a, b in zip(mine, theirs, strict=True))
    # As in the paper's networks for digits: the last convolution draws, the first one reads, all else is shared.
    assert [w.shape[1] for w in weights(task.generator_x.last)] == [1]
    assert [w.shape[1] for w in weights(task.discriminator_x.first) if w.dim() == 4] == [1]


@pytest.mark.catalogue("coupled-gan")
def test_tied_weights_are_stored_once_and_stay_tied(tmp_path: Path) -> None:
    task = system()
    state = dict(task.state_dict())
    checkpoint.save(tmp_path / "weights.safetensors", state)
    kept = [name for name in load_file(tmp_path / "weights.safetensors") if name in dict(task.named_parameters())]
    assert sorted(kept) == sorted(name for name, _ in task.named_parameters())  # which names tied ones once
    assert len(kept) < len(dict(task.named_parameters(remove_duplicate=False)))
    again = system()
    with torch.no_grad():
        for parameter in again.parameters():
            parameter.zero_()
    again.load_state_dict(checkpoint.load(tmp_path / "weights.safetensors"))
    for name, value in again.state_dict().items():
        assert torch.equal(value, state[name])
    assert again.generator_x.first is again.generator_other.first


@pytest.mark.catalogue("coupled-gan")
def test_step_is_the_sum_of_two_games_over_one_z() -> None:
    """Algorithm 1, with the sum of both gradients for shared layers; and labels of the first domain alone."""
    task = system()
    hand = copy.deepcopy(task)
    players, ours, theirs = steppers(task), Drawn(), Drawn()
    g = [hand.generator_x, hand.generator_other]
    f = [hand.discriminator_x, hand.discriminator_other]
    judge, fool = (torch.optim.SGD(list({p: 0 for m in both for p in m.parameters()}), lr=0.1) for both in (f, g))
    torch.manual_seed(9)
    for _ in range(3):
        task.step(ours, players)
    torch.manual_seed(9)
    for _ in range(3):
        batch, z = next(theirs), torch.randn(6, 5)
        loss = F.cross_entropy(f[0](batch.x / 127.5 - 1)[:, 1:], batch.y)
        for G, D, x in zip(g, f, (batch.x, batch.other), strict=True):
            loss = loss - D(x / 127.5 - 1)[:, 0].sigmoid().log().mean()
            loss = loss - (1 - D(G(z))[:, 0].sigmoid()).log().mean()
        judge.zero_grad()
        loss.backward()
        judge.step()
        next(theirs)
        z = torch.randn(6, 5)
        fool.zero_grad()
        sum(-D(G(z))[:, 0].sigmoid().log().mean() for G, D in zip(g, f, strict=True)).backward()
        fool.step()
    assert ours.taken == theirs.taken == 6
    for (name, one), other in zip(task.named_parameters(), hand.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5, msg=name)


def test_classes_of_the_other_domain_are_never_read() -> None:
    """The loss does not depend on which classes its images have, for it is told none of them."""
    task, batch = system(), next(Drawn())
    torch.manual_seed(1)
    one = task.discriminator_loss(batch)
    torch.manual_seed(1)
    order = torch.tensor([3, 0, 5, 1, 2, 4])
    two = task.discriminator_loss(batch._replace(other=batch.other[order]))
    assert torch.equal(one["class"].total, two["class"].total)
    plain = system(classes=(), discriminators=coupled_discriminators(size=16, channels=1, width=3))
    assert "class" not in plain.discriminator_loss(batch)
    with pytest.raises(ValueError, match=r"No classes were learned"):
        plain.predict(batch.x)


@pytest.mark.catalogue("coupled-gan", "coupled-pairs-grid")
def test_a_column_of_the_picture_is_one_z_in_both_domains() -> None:
    task = system().eval()
    figure = task.pictures(iter([next(Drawn())]))["coupled-pairs"]
    z = torch.randn(16, 5, generator=torch.Generator().manual_seed(0))
    for domain, G in (("x", task.generator_x), ("other", task.generator_other)):
        with torch.no_grad():
            images = (G(z) + 1) / 2
        for column in range(16):
            (drawn,) = figure.findobj(lambda artist, gid=f"{domain}-{column}": artist.get_gid() == gid)
            np.testing.assert_allclose(drawn.get_array()[..., 0], images[column, 0].clamp(0, 1), atol=1e-6)
            assert drawn.get_extent()[0] == pytest.approx(column * 1.06)


def test_evaluation_is_by_hand() -> None:
    """Agreement with what the image of the same z is in the other domain, and with that of another z."""
    task = system().eval()
    batches = [next(Drawn()) for _ in range(2)]
    torch.manual_seed(4)
    with torch.no_grad():
        found = task.evaluate(batches)
        torch.manual_seed(4)
        z = torch.randn(12, 5)
        one, two = ((G(z) + 1) / 2 for G in (task.generator_x, task.generator_other))
        real = torch.cat([batch.other for batch in batches])
        named = task.discriminator_other(real / 127.5 - 1)[:, 1:].argmax(1)
    assert found["pair_agreement"] == pytest.approx(1 - float((1 - one - two).abs().mean()), abs=1e-5)
    moved = torch.cat([two[-1:], two[:-1]])
    assert found["chance_agreement"] == pytest.approx(1 - float((1 - one - moved).abs().mean()), abs=1e-5)
    labels = torch.cat([batch.y for batch in batches])
    assert found["accuracy_other"] == pytest.approx(float((named == labels).float().mean()))
    assert torch.equal(task.predict(real, domain="other"), named)
    pixels = sum(float(torch.cat([b[i] for b in batches]).float().mean() / 255) for i in (0, 1)) / 2
    assert found["pixels"] == pytest.approx(pixels - float(torch.cat([one, two]).mean()), abs=1e-5)


@pytest.mark.catalogue("domain-adaptation", "coupled-gan")
def test_classes_are_read_in_a_domain_whose_labels_nobody_gave() -> None:
    """White for black: read as if it were the first domain next to nothing is right, by its own layers most is."""
    recipe = CoGAN(data="digits", image_size=16, other="negative", classify=True, width=8, batch_size=32, lr=1e-3)
    data = recipe.open_data()
    training: Any = build(recipe, data, Settings(threads=1), FastPath("cpu"), Shard())
    for _ in range(140):
        training.task.step(training.stream, training.steppers)
    batch: Any = next(iter(data.split("test", shard=Shard())))
    with training.evaluating():
        found = training.task.evaluate(iter([batch]))
    as_it_is = float((training.task.predict(batch.other, domain="x") == batch.y).float().mean())
    assert as_it_is < 0.2
    assert found["accuracy_other"] > 0.6  # 0.8 to 0.9 with three seeds
    assert found["accuracy_x"] > 0.8
    assert found["pair_agreement"] > found["chance_agreement"] + 0.05
