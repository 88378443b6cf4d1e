"""LAPGAN against the paper's chain and training, written out by hand."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neurarium.losses.adversarial import NonSaturating
from neurarium.networks.lapgan import BaseDiscriminator, BaseGenerator, DifferenceDiscriminator, DifferenceGenerator
from neurarium.nn.inputs import ImageInput
from neurarium.nn.laplacian import down, up
from neurarium.plots.pyramids import sampling_strip
from neurarium.recipes.lapgan import LAPGAN
from neurarium.tasks.lapgan import LaplacianGAN
from neurarium.train.data import Spec
from neurarium.train.descent import Descent
from neurarium.train.recipe import UserError
from neurarium.train.stepper import Stepper

SGD = Descent(optimizer=partial(torch.optim.SGD, lr=0.1))


class Images(NamedTuple):
    x: Tensor


class Drawn:
    """Batches of a fixed sequence; counts what was taken."""

    def __init__(self, side: int) -> None:
        self.random, self.side, self.taken = torch.Generator().manual_seed(3), side, 0

    def __iter__(self) -> Iterator[Images]:
        return self

    def __next__(self) -> Images:
        self.taken += 1
        return Images(torch.randint(0, 256, (6, 1, self.side, self.side), generator=self.random).to(torch.uint8))


def system(levels: int = 2, side: int = 8, **changed: Any) -> Any:
    torch.manual_seed(0)
    sides = [side >> k for k in range(levels)]
    base = (1, side >> levels, side >> levels)
    settings: dict[str, Any] = {
        "generators": [
            *(DifferenceGenerator(channels=1, width=3) for _ in sides),
            BaseGenerator(shape=base, latent_size=4, hidden=7),
        ],
        "discriminators": [
            *(DifferenceDiscriminator(size=s, channels=1, width=3) for s in sides),
            BaseDiscriminator(shape=base, hidden=5, dropout=0),
        ],
        "noise": [*((1, s, s) for s in sides), (4,)],
        "inputs": ImageInput(channels=1, size=(side, side), mean=[0.0], std=[1.0]),
        "game": NonSaturating(),
        "descents": {"generator": SGD, "discriminator": SGD},
        "measure": lambda real, fake, labels: {"pixels": float(real.mean() - fake.mean())},
    }
    return LaplacianGAN(**{**settings, **changed})


def steppers(task: LaplacianGAN) -> Any:
    return task.steppers(lambda modules, descent: Stepper(task, modules, descent))


@pytest.mark.catalogue("lapgan")
def test_sampling_goes_from_noise_upwards() -> None:
    """G3 makes I3 of z3; G2, G1 and G0 make differences, given the upscaled smaller image, and these are added."""
    task = system(levels=3, side=16)
    random = torch.Generator().manual_seed(5)
    z0, z1, z2 = (2 * torch.rand(2, 1, s, s, generator=random) - 1 for s in (16, 8, 4))
    z3 = 2 * torch.rand(2, 4, generator=random) - 1
    with torch.no_grad():
        i3 = task.generator_3(z3)
        i2 = up(i3) + task.generator_2(z2, up(i3))
        i1 = up(i2) + task.generator_1(z1, up(i2))
        i0 = up(i1) + task.generator_0(z0, up(i1))
    stages = task.stages(2, seed=5)
    assert stages[0].upscaled is stages[0].difference is None
    for stage, image, smaller in zip(stages, (i3, i2, i1, i0), (None, i3, i2, i1), strict=True):
        torch.testing.assert_close(stage.image, image)
        if smaller is not None:
            torch.testing.assert_close(stage.upscaled, up(smaller))
            torch.testing.assert_close(stage.difference, image - up(smaller), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(task.sample(2, seed=5), i0.clamp(0, 1))
    assert [tuple(stage.image.shape[2:]) for stage in stages] == [(2, 2), (4, 4), (8, 8), (16, 16)]


class Missing(nn.Module):
    """Knows what is missing in one image."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.register_buffer("image", image)

    def forward(self, z: Tensor, low: Tensor | None = None) -> Tensor:
        return self.image if low is None else self.image - low


@pytest.mark.catalogue("lapgan", "laplacian-pyramid")
def test_right_differences_give_the_right_image() -> None:
    i0 = torch.rand(3, 1, 8, 8)
    i1, i2 = down(i0), down(down(i0))
    task = system(generators=[Missing(i) for i in (i0, i1, i2)])
    torch.testing.assert_close(task.sample(3), i0)


@pytest.mark.catalogue("lapgan")
def test_step_trains_each_level_alone_on_real_smaller_images() -> None:
    """Each level is a conditional GAN: its own batches, and l_k from real images, whatever other levels generate."""
    task = system()
    hand = copy.deepcopy(task)
    players, ours, theirs = steppers(task), Drawn(8), Drawn(8)
    assert set(players) == {f"{player}_{k}" for player in ("discriminator", "generator") for k in range(3)}
    optimizers = {name: torch.optim.SGD(hand.get_submodule(name).parameters(), lr=0.1) for name in players}
    torch.manual_seed(9)
    for _ in range(2):
        means = task.step(ours, players)
    torch.manual_seed(9)
    for _ in range(2):
        for k in range(3):
            G, D = hand.get_submodule(f"generator_{k}"), hand.get_submodule(f"discriminator_{k}")
            for player in ("discriminator", "generator"):
                image = next(theirs).x / 255
                for _ in range(k):
                    image = down(image)
                low = [up(down(image))] if k < 2 else []
                h = image - low[0] if k < 2 else image
                z = 2 * torch.rand(6, *((1, 8 >> k, 8 >> k) if k < 2 else (4,))) - 1
                fake = D(G(z, *low), *low).sigmoid()
                if player == "discriminator":
                    loss = -(D(h, *low).sigmoid().log() + (1 - fake).log()).mean()
                else:
                    loss = -fake.log().mean()
                optimizers[f"{player}_{k}"].zero_grad()
                loss.backward()
                optimizers[f"{player}_{k}"].step()
                last = float(means[f"{player}_loss_{k}"].value)
        assert last > 0
    assert ours.taken == theirs.taken == 2 * 3 * 2
    for (name, one), other in zip(task.named_parameters(), hand.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6, msg=name)


def test_an_untrained_level_costs_a_coin_and_moves_no_other() -> None:
    task = system()
    players, before = steppers(task), copy.deepcopy(task.state_dict())
    means = players["discriminator_1"].update(partial(task.discriminator_loss, 1), next(Drawn(8)))
    assert float(means["discriminator_loss_1"].value) == pytest.approx(np.log(4), rel=0.02)
    moved = {name.split(".")[0] for name, value in task.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"discriminator_1"}


@pytest.mark.catalogue("lapgan")
def test_players_are_those_of_the_paper() -> None:
    """Section 4.1: dense at 8 x 8, two hidden layers of 1,200 and 600 units; then 3 convolutions, and 2 to judge."""
    G, D = BaseGenerator(shape=(3, 8, 8)), BaseDiscriminator(shape=(3, 8, 8))
    widths = [[layer.out_features for layer in net.modules() if isinstance(layer, nn.Linear)] for net in (G, D)]
    assert widths == [[1200, 1200, 192], [600, 600, 1]]
    assert G(torch.rand(2, 100)).shape == (2, 3, 8, 8)
    assert not torch.equal(*(D(torch.ones(2, 3, 8, 8)) for _ in range(2))), "dropout"
    g, d = DifferenceGenerator(channels=3), DifferenceDiscriminator(size=16, channels=3)
    convolutions = [[layer for layer in net.modules() if isinstance(layer, nn.Conv2d)] for net in (g, d)]
    assert [len(found) for found in convolutions] == [3, 2]
    assert convolutions[0][0].in_channels == 3 + 1  # noise is a fourth plane
    # The difference is added to the upscaled image before the first layer.
    h, low = torch.randn(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(d(h, low), d(h + low, torch.zeros_like(low)))
    assert not torch.allclose(g(torch.zeros(2, 1, 16, 16), low), g(torch.ones(2, 1, 16, 16), low))


def test_parameters_are_as_many_as_written() -> None:
    def parameters(network: nn.Module) -> int:
        return sum(p.numel() for p in network.parameters())

    assert parameters(BaseGenerator(shape=(1, 4, 4))) == 101 * 1200 + 1201 * 1200 + 1201 * 16 == 1_581_616
    grey = 2 * 25 * 64 + 64 + 64 * 25 * 64 + 64 + 64 * 25 + 1
    assert parameters(DifferenceGenerator(channels=1)) == grey == 107_329


def test_evaluation_measures_the_whole_chain_and_judges_each_level() -> None:
    task = system().eval()
    batches = [next(Drawn(8)) for _ in range(2)]
    torch.manual_seed(1)
    with torch.no_grad():
        found = task.evaluate(batches)
        torch.manual_seed(1)
        noise = [2 * torch.rand(12, *shape) - 1 for shape in ((1, 8, 8), (1, 4, 4), (4,))]
        x = torch.cat([batch.x for batch in batches]) / 255
        h, low = down(x) - up(down(down(x))), up(down(down(x)))
        real, fake = task.discriminator_1(h, low), task.discriminator_1(task.generator_1(noise[1], low), low)
        pixels = float(x.mean() - task._chain()(*noise).mean())
    right = (float((real > 0).float().mean()) + float((fake < 0).float().mean())) / 2
    assert found["discriminator_accuracy_1"] == pytest.approx(right)
    assert found["pixels"] == pytest.approx(pixels, abs=1e-5)
    assert found["items"] == 12


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"have no classes to choose from"):
        system().sample(3, labels=[1, 2, 3])
    with pytest.raises(UserError, match=r"--levels must lie between 1 and 3 for images of 8 x 8, received 4"):
        LAPGAN(levels=4).task(Spec(shape=(1, 8, 8)))


@pytest.mark.catalogue("lapgan-sampling-strip")
def test_strip_shows_base_upscaled_difference_and_sum() -> None:
    """I3 to I0, one column each."""
    stages = system(levels=3, side=16).stages(2, seed=1)
    figure = sampling_strip([[part if part is None else part.numpy() for part in stage] for stage in stages])
    drawn = {artist.get_gid(): artist for artist in figure.axes[0].images}
    heads = ["base I_3"] + [f"{kind}_{k}" for k in (2, 1, 0) for kind in ("upscaled l", "difference h", "sum I")]
    assert list(drawn) == [f"{head}/{row}" for head in heads for row in (0, 1)]
    lefts = [drawn[f"{head}/0"].get_extent()[0] for head in heads]
    assert lefts == sorted(lefts)
    for k, stage in zip((2, 1, 0), stages[1:], strict=True):
        assert stage.upscaled is not None
        assert stage.difference is not None
        pixels = drawn[f"sum I_{k}/1"].get_array()
        np.testing.assert_allclose(pixels[..., 0], stage.image[1, 0].clamp(0, 1), atol=1e-6)
        np.testing.assert_allclose(
            drawn[f"upscaled l_{k}/1"].get_array()[..., 0], stage.upscaled[1, 0].clamp(0, 1), atol=1e-6
        )
        around = drawn[f"difference h_{k}/1"].get_array()[..., 0] - 0.5
        largest = float(stage.difference.abs().max())
        np.testing.assert_allclose(around * 2 * largest, stage.difference[1, 0], atol=1e-6)
    np.testing.assert_allclose(drawn["base I_3/0"].get_array()[..., 0], stages[0].image[0, 0].clamp(0, 1), atol=1e-6)


def test_strip_of_flat_differences_is_grey_and_other_shapes_are_refused() -> None:
    flat = np.full((1, 1, 4, 4), 0.25)
    figure = sampling_strip([[flat, None, None], [flat, flat, 0 * flat]])
    (grey,) = figure.findobj(lambda artist: artist.get_gid() == "difference h_0/0")
    assert np.all(grey.get_array() == 0.5)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"Images of a stage must have shape .* received \(4, 4\)"):
        sampling_strip([[np.zeros((4, 4)), None, None]])


def test_pictures_are_the_samples_and_their_chain() -> None:
    task = system()
    figures = task.pictures(iter([next(Drawn(8))]))
    assert set(figures) == {"samples", "sampling-strip"}
    assert len(figures["samples"].axes[0].images) == 100
    (whole,) = figures["sampling-strip"].findobj(lambda artist: artist.get_gid() == "sum I_0/3")
    np.testing.assert_allclose(whole.get_array()[..., 0], task.sample(4)[3, 0], atol=1e-6)  # the same noise
