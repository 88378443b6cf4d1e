"""The adversarial task against the algorithm boxes, and what its players reach."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from neurarium.losses.adversarial import Minimax, NonSaturating, Wasserstein
from neurarium.nn.inputs import VectorInput
from neurarium.tasks.adversarial import Adversarial
from neurarium.tasks.conditions import ClassPrediction
from neurarium.tasks.critics import GradientPenalty
from neurarium.tasks.modes import ModesReached
from neurarium.train.descent import Descent
from neurarium.train.schedules import cosine
from neurarium.train.stepper import Stepper


class Points(NamedTuple):
    x: Tensor


class Drawn:
    """Batches of a fixed sequence; counts what was taken."""

    def __init__(self, items: int = 16, seed: int = 1) -> None:
        self.random, self.items, self.taken = torch.Generator().manual_seed(seed), items, 0

    def __iter__(self) -> Iterator[Points]:
        return self

    def __next__(self) -> Points:
        self.taken += 1
        return Points(torch.randn(self.items, 2, generator=self.random) + 3)


SGD = Descent(optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.5))


def system(**options: Any) -> Any:
    torch.manual_seed(0)
    settings: dict[str, Any] = {
        "generator": nn.Linear(3, 2),
        "discriminator": nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 1)),
        "inputs": VectorInput(),
        "latent_size": 3,
        "game": Minimax(),
        "descents": {"generator": SGD, "discriminator": SGD},
        "measure": lambda real, fake, labels: {},
    }
    return Adversarial(**{**settings, **options})


def steppers(task: Adversarial) -> Any:
    return task.steppers(lambda modules, descent: Stepper(task, modules, descent))


@pytest.mark.catalogue("gan-minibatch-algorithm", "gan-epoch-alternation", "diff-gan-epochs")
@pytest.mark.parametrize(("k", "turns"), [(1, 1), (3, 1), (4, 2)])
def test_step_is_the_algorithm_box(k: int, turns: int) -> None:
    """k ascents of D on (1/m) sum [log D(x) + log(1 - D(G(z)))], each on fresh x and z with G fixed; then descents of
    G on (1/m) sum log(1 - D(G(z))) with D fixed. With momentum, as in the paper, whose k is 1."""
    task = system(discriminator_steps=k, generator_steps=turns)
    hand = copy.deepcopy(task)
    ascent = torch.optim.SGD(hand.discriminator.parameters(), lr=0.05, momentum=0.5, maximize=True)
    descent = torch.optim.SGD(hand.generator.parameters(), lr=0.05, momentum=0.5)
    players, ours, theirs = steppers(task), Drawn(), Drawn()
    torch.manual_seed(5)
    for _ in range(4):
        task.step(ours, players)
    torch.manual_seed(5)
    for _ in range(4):
        for _ in range(k):
            x, z = next(theirs).x, torch.randn(16, 3)
            real, fake = hand.discriminator(x).sigmoid(), hand.discriminator(hand.generator(z)).sigmoid()
            ascent.zero_grad()
            (real.log() + (1 - fake).log()).mean().backward()
            ascent.step()
        for _ in range(turns):
            next(theirs)
            descent.zero_grad()
            (1 - hand.discriminator(hand.generator(torch.randn(16, 3))).sigmoid()).log().mean().backward()
            descent.step()
    assert ours.taken == 4 * (k + turns)
    for one, other in zip(task.parameters(), hand.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.catalogue("gan-minibatch-algorithm", "diff-gan-epochs")
def test_one_step_each_unless_told_otherwise() -> None:
    assert (system().discriminator_steps, system().generator_steps) == (1, 1)


@pytest.mark.catalogue("gan-epoch-alternation")
def test_long_turns_hold_the_other_player_still() -> None:
    task = system(discriminator_steps=10, generator_steps=10)
    players, batches, seen = steppers(task), Drawn(), []
    judge, fool = players["discriminator"], players["generator"]
    for turn, player in (("discriminator", judge), ("generator", fool)):
        before = player.update

        def watched(loss_fn: Any, batch: Any, turn: str = turn, before: Any = before) -> Any:
            still = task.generator if turn == "discriminator" else task.discriminator
            kept = [p.detach().clone() for p in still.parameters()]
            told = before(loss_fn, batch)
            assert all(torch.equal(a, b) for a, b in zip(kept, still.parameters(), strict=True))
            seen.append(turn)
            return told

        player.update = watched
    task.step(batches, players)
    assert seen == ["discriminator"] * 10 + ["generator"] * 10


class Count(nn.Module):
    """A generator that counts its passes and what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.given: list[tuple[Tensor, ...]] = []

    def forward(self, *args: Tensor) -> Tensor:
        self.given.append(args)
        return self.layer(args[0])


@pytest.mark.catalogue("gan", "gan-advantages")
def test_samples_take_one_forward_pass_from_gaussian_noise() -> None:
    generator = Count()
    task = system(generator=generator)
    samples = task.sample(400, seed=7)
    ((z,),) = generator.given  # no chain, no likelihood, one pass for all
    assert samples.shape == (400, 2)
    assert z.shape == (400, 3)
    assert abs(float(z.mean())) < 0.12  # four deviations of the mean of 1,200
    assert float(z.std()) == pytest.approx(1, abs=0.09)
    torch.testing.assert_close(samples, generator.layer(z).detach())
    assert torch.equal(task.sample(400, seed=7), samples)
    assert not torch.equal(task.sample(400, seed=8), samples)
    assert len(task.sample(1200)) == 1200
    assert [len(args[0]) for args in generator.given[-3:]] == [500, 500, 200]


@pytest.mark.catalogue("gan")
def test_noise_may_be_uniform() -> None:
    """Gaussian noise through its distribution function is uniform: a first layer of the generator, and it learns."""

    class Uniform(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return torch.special.ndtr(z)

    first = Uniform()
    u = first(torch.randn(4000, generator=torch.Generator().manual_seed(0)))
    assert 0 <= u.min() < 0.01 < 0.99 < u.max() <= 1
    assert float(u.mean()) == pytest.approx(0.5, abs=0.02)
    task = system(generator=nn.Sequential(first, nn.Linear(3, 2)), game=NonSaturating())
    players, batches = steppers(task), Drawn(64)
    for _ in range(200):
        task.step(batches, players)
    assert (task.sample(500).mean(0) - 3).abs().max() < 1  # they began near 0


@pytest.mark.catalogue("gan-advantages", "diff-gan-overfitting")
def test_generator_never_sees_the_data_but_gradients_that_depend_on_them() -> None:
    generator = Count()
    task = system(generator=generator)
    for place in (0.0, 50.0):
        torch.manual_seed(3)
        task.generator_loss(Points(torch.full((8, 2), place)))
    assert torch.equal(generator.given[0][0], generator.given[1][0])  # noise alone, whatever the batch holds
    gradients = []
    for place in (-3.0, 3.0):
        learned: Any = copy.deepcopy(task)
        torch.manual_seed(3)
        players = steppers(learned)
        for _ in range(20):
            players["discriminator"].update(learned.discriminator_loss, Points(torch.full((8, 2), place)))
        torch.manual_seed(4)
        learned.generator_loss(Points(torch.zeros(8, 2)))["generator_loss"].total.backward()
        gradients.append(learned.generator.layer.bias.grad)
    # Descent moves samples towards the data that the discriminator saw.
    assert (gradients[0] > 0).all()
    assert (gradients[1] < 0).all()


@pytest.mark.catalogue("gan-advantages")
def test_samples_are_sharp_where_a_squared_error_blurs() -> None:
    """Data at -2 and 2: the squared error is least for their mean, where there is no data; a discriminator that has
    seen samples there finds it worse than either."""
    torch.manual_seed(0)
    adam = Descent(optimizer=partial(torch.optim.Adam, lr=0.02))
    data = torch.tensor([[-2.0], [2.0]]).repeat(16, 1)
    task = point_masses(
        discriminator=nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1)),
        descents={"generator": SGD, "discriminator": adam}, game=NonSaturating(),
    )  # fmt: skip
    judge = steppers(task)["discriminator"]
    for _ in range(200):
        judge.update(task.discriminator_loss, Points(data))
    places = torch.tensor([[-2.0], [0.0], [2.0]])
    errors = (data - places.T).square().mean(0)
    lost = task.game.generator(task.discriminator(places)[:, 0])
    assert errors.tolist() == [8, 4, 8]
    assert lost[1] > lost[0] + 1
    assert lost[1] > lost[2] + 1


@pytest.mark.catalogue("diff-gan-overfitting")
def test_training_points_may_be_learned_by_heart() -> None:
    """Two training points and a generator that can say either: all its samples come to lie on them."""
    torch.manual_seed(0)
    points = torch.tensor([[-1.0, 1.0], [1.0, 0.0]])

    class OneOrOther(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.places = nn.Parameter(torch.tensor([[-0.7, 0.7], [0.7, 0.2]]))

        def forward(self, z: Tensor) -> Tensor:
            return self.places[(z[:, 0] > 0).long()]

    sizes = {"generator": 5e-3, "discriminator": 1e-2}
    task = system(
        generator=OneOrOther(), discriminator=nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1)),
        game=Wasserstein(), penalties={"gradient_penalty": GradientPenalty(1.0)}, discriminator_steps=4,
        descents={
            name: Descent(optimizer=partial(torch.optim.Adam, lr=lr, betas=(0.0, 0.9)), schedule=cosine(120 * k))
            for (name, lr), k in zip(sizes.items(), (1, 4), strict=True)
        },
    )  # fmt: skip
    players = steppers(task)
    batches = iter(lambda: Points(points.repeat(4, 1)), None)
    far = torch.cdist(task.sample(200), points).min(1).values.max()
    for _ in range(120):
        task.step(batches, players)
    assert torch.cdist(task.sample(200), points).min(1).values.max() < 0.4 * far


@pytest.mark.catalogue("gan-equilibrium", "gan-stopping")
def test_a_discriminator_of_perfect_samples_can_only_guess() -> None:
    """P_gen = P_data: D tends to 1/2 everywhere, accuracy to 50 %, V to -log 4; the generator then hears nothing."""

    class Perfect(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shift = nn.Parameter(torch.full((2,), 3.0))

        def forward(self, z: Tensor) -> Tensor:
            return z[:, :2] + self.shift

    adam = Descent(optimizer=partial(torch.optim.Adam, lr=3e-3))
    task = system(generator=Perfect(), descents={"generator": SGD, "discriminator": adam})
    judge, batches = steppers(task)["discriminator"], Drawn(512)
    for _ in range(150):
        told = judge.update(task.discriminator_loss, next(batches))
    task.eval()
    with torch.no_grad():
        x = next(Drawn(2000, seed=9)).x
        assert (task.discriminator(x).sigmoid() - 0.5).abs().max() < 0.1
        measures = task.evaluate([Points(x)])
    assert measures["discriminator_accuracy"] == pytest.approx(0.5, abs=0.03)
    assert -float(told["discriminator_loss"].value) == pytest.approx(-math.log(4), abs=0.02)
    batch = Points(torch.zeros(4000, 2))
    loss = task.generator_loss(batch)["generator_loss"].value
    (deaf,) = torch.autograd.grad(loss, task.generator.shift)
    fresh = system(generator=Perfect())
    (heard,) = torch.autograd.grad(fresh.generator_loss(batch)["generator_loss"].value, fresh.generator.shift)
    assert deaf.norm() < 0.3 * heard.norm()


@pytest.mark.catalogue("gan-nonconvergence")
def test_simultaneous_steps_on_xy_circle_outwards() -> None:
    """min_x max_y x y: each step of size h multiplies the distance from the equilibrium (0, 0) by sqrt(1 + h^2)."""
    h, xy = 0.1, torch.tensor([1.0, 0.5], dtype=torch.float64)
    distances, quarter_turns, last = [xy.norm().item()], 0, xy
    for _ in range(200):
        p = xy.clone().requires_grad_()
        (slope,) = torch.autograd.grad(p[0] * p[1], p)
        xy = xy + h * slope * torch.tensor([-1.0, 1.0], dtype=torch.float64)
        quarter_turns += int((xy.sign() != last.sign()).any())
        last = xy
        distances.append(xy.norm().item())
    growth = [b / a for a, b in pairwise(distances)]
    assert growth == pytest.approx([math.sqrt(1 + h**2)] * 200)
    assert distances[-1] > 2.7 * distances[0]
    assert quarter_turns == pytest.approx(200 * math.atan(h) / (math.pi / 2), abs=1)


@pytest.mark.catalogue("gan-nonconvergence")
def test_players_in_turn_circle_as_well_and_never_arrive() -> None:
    """The critic's f(s) = y s on samples at x and data at 0, without a bound: x y again, with the engine's own step."""

    class Place(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.x = nn.Parameter(torch.tensor([1.0]))

        def forward(self, z: Tensor) -> Tensor:
            return self.x.expand(len(z), 1)

    plain = Descent(optimizer=partial(torch.optim.SGD, lr=0.1))
    task = system(
        generator=Place(), discriminator=nn.Linear(1, 1, bias=False), game=Wasserstein(),
        descents={"generator": plain, "discriminator": plain},
    )  # fmt: skip
    nn.init.constant_(task.discriminator.weight, 0.5)
    players, batches = steppers(task), iter(lambda: Points(torch.zeros(4, 1)), None)
    distances = []
    for _ in range(400):
        task.step(batches, players)
        distances.append(math.hypot(task.generator.x.item(), task.discriminator.weight.item()))
    assert min(distances) > 1.0
    assert max(distances) < 1.3
    assert min(distances[-63:]) == pytest.approx(min(distances[:63]), abs=0.02)  # a round takes 2 pi / 0.1 steps


@pytest.mark.catalogue("mode-collapse")
def test_modes_of_the_ring_are_counted() -> None:
    angle = 2 * math.pi * torch.arange(8) / 8
    centers = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    count, noise = ModesReached(centers.tolist(), 0.05), 0.05 * torch.randn(1600, 2)

    def judge(real: Tensor, fake: Tensor, labels: None) -> dict[str, float]:
        return {name: value for name, value in count(real, fake, labels).items() if name != "spread"}

    all_of_them = judge(noise, centers.repeat(200, 1) + noise.clamp(-0.1, 0.1), None)
    assert all_of_them == {"modes": 8, "quality": 1, "divergence": pytest.approx(0, abs=1e-6)}
    one = judge(noise, centers[3] + noise.clamp(-0.1, 0.1), None)
    assert one == {"modes": 1, "quality": 1, "divergence": pytest.approx(math.log(8))}  # good samples of one kind
    few = judge(noise, torch.cat([centers[:1].expand(1590, 2), centers[1:2].expand(10, 2)]), None)
    assert few["modes"] == 1  # ten of 1,600 are less than one in a hundred
    nowhere = judge(noise, torch.zeros(1600, 2), None)
    assert nowhere == {"modes": 0, "quality": 0, "divergence": 0}


@pytest.mark.catalogue("mode-collapse", "diff-gan-advantage")
def test_a_generator_with_long_turns_puts_everything_where_the_discriminator_likes_it_most() -> None:
    """What collapses: against a fixed D the best generator is one point, its maximum, whatever z is."""
    adam = Descent(optimizer=partial(torch.optim.Adam, lr=0.01))
    task = system(
        generator=nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 2)), game=NonSaturating(),
        descents={"generator": adam, "discriminator": adam},
    )  # fmt: skip

    class Hill(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.top = nn.Parameter(torch.tensor([1.0, -1.0]))

        def forward(self, x: Tensor) -> Tensor:
            return -(x - self.top).square().sum(1, keepdim=True)

    task.discriminator = Hill()
    before = task.sample(500).std(0).norm()
    fool = steppers(task)["generator"]
    for _ in range(400):
        fool.update(task.generator_loss, Points(torch.zeros(64, 2)))
    samples = task.sample(500)
    assert samples.std(0).norm() < 0.2 * before
    assert (samples.mean(0) - torch.tensor([1.0, -1.0])).norm() < 0.2


def point_masses(**options: Any) -> Any:
    """Generated points at 0, for a critic of one number."""

    class Zero(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.place = nn.Parameter(torch.zeros(1))

        def forward(self, z: Tensor) -> Tensor:
            return self.place.expand(len(z), 1)

    return system(**{"generator": Zero(), "game": Wasserstein(), **options})


def estimate(task: Any, distance: float, steps: int) -> tuple[float, float]:
    """E f(x) - E f(G(z)) of a trained critic, and its slope between the two points."""
    judge, batch = steppers(task)["discriminator"], Points(torch.full((16, 1), distance))
    for _ in range(steps):
        judge.update(task.discriminator_loss, batch)
    task.eval()
    with torch.no_grad():
        found = task.evaluate([batch])["distance"]
    return found, found / distance


@pytest.mark.catalogue("wasserstein-gan")
@pytest.mark.parametrize("distance", [0.5, 2.0])
def test_clipped_critic_says_the_distance_of_two_points(distance: float) -> None:
    """With the paper's descent, RMSProp at 5e-5 and weights in [-0.01, 0.01]: f has the slope 0.01, so the estimate is
    0.01 d, and d in units of that slope, as for any f whose slope is at most K."""
    clipped = Descent(optimizer=partial(torch.optim.RMSprop, lr=5e-5), weight_bound=0.01)
    task = point_masses(discriminator=nn.Linear(1, 1), descents={"generator": SGD, "discriminator": clipped}
    )  # fmt: skip
    nn.init.zeros_(task.discriminator.weight)
    found, _ = estimate(task, distance, 300)
    assert found / 0.01 == pytest.approx(distance, rel=1e-4)


@pytest.mark.catalogue("wasserstein-gan", "wgan-gp")
@pytest.mark.parametrize("distance", [0.5, 2.0])
@pytest.mark.parametrize("start", [0.1, -0.5])
def test_penalised_linear_critic_says_a_little_more(distance: float, start: float) -> None:
    """max_s d s - lambda (|s| - 1)^2 is at s = 1 + d / (2 lambda): the penalty lets the slope pass 1 by that much.

    It has another, lower top at s = -1 + d / (2 lambda), for the penalty asks for a slope of 1 in either direction.
    """
    descents = {"generator": SGD, "discriminator": Descent(optimizer=partial(torch.optim.SGD, lr=0.02))}
    penalty = {"gradient_penalty": GradientPenalty()}
    task = point_masses(discriminator=nn.Linear(1, 1), descents=descents, penalties=penalty)
    nn.init.constant_(task.discriminator.weight, start)
    found, slope = estimate(task, distance, 100)
    assert slope == pytest.approx(math.copysign(1, start) + distance / 20, rel=1e-3)
    assert found == pytest.approx(distance * slope, rel=1e-5)


@pytest.mark.catalogue("wasserstein-gan", "wgan-gp")
def test_penalised_network_says_the_distance() -> None:
    adam = Descent(optimizer=partial(torch.optim.Adam, lr=5e-3, betas=(0.5, 0.9)))
    task = point_masses(
        discriminator=nn.Sequential(nn.Linear(1, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1)),
        descents={"generator": SGD, "discriminator": adam}, penalties={"gradient_penalty": GradientPenalty(100.0)},
    )  # fmt: skip
    for layer in (task.discriminator[0], task.discriminator[2]):
        layer.weight.data.abs_()  # it begins with a slope of the right sign
    found, _ = estimate(task, 2.0, 400)
    assert found == pytest.approx(2.0, rel=0.03)


class Labelled(NamedTuple):
    x: Tensor
    y: Tensor


@pytest.mark.catalogue("label-supervised-gan")
def test_discriminator_names_the_classes_of_real_items_as_well() -> None:
    """Salimans et al. 2016, section 5: cross-entropy of the real items' labels beside the game's loss."""
    task = system(
        discriminator=nn.Linear(2, 1 + 3), auxiliary=ClassPrediction(3, fakes=False), game=NonSaturating()
    )  # fmt: skip
    batch = Labelled(torch.randn(12, 2), torch.arange(12) % 3)
    parts = task.discriminator_loss(batch)
    assert sorted(parts) == ["discriminator_loss", "real_class"]
    expected = nn.functional.cross_entropy(task.discriminator(batch.x)[:, 1:], batch.y)
    assert float(parts["real_class"].value.detach()) == pytest.approx(expected.item(), rel=1e-6)
    assert list(task.generator_loss(batch)) == ["generator_loss"]
    judge = steppers(task)["discriminator"]
    for _ in range(300):
        told = judge.update(task.discriminator_loss, Labelled(torch.eye(3)[batch.y][:, :2], batch.y))
    assert float(told["real_class"].value) < 0.5 * math.log(3)


@pytest.mark.catalogue("adversarial-training-loop")
def test_each_round_of_attack_and_retraining_makes_attacks_harder() -> None:
    """The idea behind the game: find inputs near the data on which the classifier errs, learn them too, repeat."""
    torch.manual_seed(0)
    images, classes = load_digits(return_X_y=True)
    x, y = torch.tensor(images[:400] / 16).float(), torch.tensor(classes[:400])
    network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    descent = torch.optim.Adam(network.parameters(), lr=0.01)

    def attacked() -> Tensor:
        """x + 0.1 sign(dL/dx); Goodfellow, Shlens, Szegedy 2014."""
        given = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(nn.functional.cross_entropy(network(given), y), given)
        return x + 0.1 * slope.sign()

    def learn(inputs: Tensor, labels: Tensor, steps: int) -> None:
        for _ in range(steps):
            descent.zero_grad()
            nn.functional.cross_entropy(network(inputs), labels).backward()
            descent.step()

    learn(x, y, 100)
    successes = []
    for _ in range(4):
        successes.append(float((network(attacked()).argmax(1) != y).float().mean()))
        for _ in range(8):
            learn(torch.cat([x, attacked()]), torch.cat([y, y]), 5)
    assert successes[0] > 0.4
    assert successes == sorted(successes, reverse=True)
    assert successes[-1] < 0.3 * successes[0]


@pytest.mark.catalogue("gan-training-tricks")
def test_smoothed_targets_stop_the_discriminator_from_being_sure() -> None:
    """Data and samples far apart: with targets of 1 the logit of real items grows on, with 0.9 it rests at ln 9."""
    still = {"generator": SGD, "discriminator": Descent(optimizer=partial(torch.optim.Adam, lr=0.05))}
    ends = {}
    for smooth in (1.0, 0.9):
        task = system(game=NonSaturating(smooth=smooth), descents=still)
        judge, batches = steppers(task)["discriminator"], Drawn(64)
        for _ in range(300):
            judge.update(task.discriminator_loss, Points(next(batches).x + 20))
        ends[smooth] = float(task.discriminator(torch.full((1, 2), 23.0)).detach())
    assert ends[0.9] == pytest.approx(math.log(9), abs=0.2)
    assert ends[1.0] > 2 * ends[0.9]
