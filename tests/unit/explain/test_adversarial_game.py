"""The game of a GAN on paper: best answers, the equilibrium, saturation, circles; and two games that are played."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import cdist
from scipy.stats import norm

from neurarium.explain import adversarial_game as game
from neurarium.explain.lesson import Lesson
from neurarium.explain.small_games import JUDGED, centers, modes_reached


@pytest.fixture(name="lesson", scope="module")
def _lesson() -> Lesson:
    return game.tell(game.Options())


def part(figure: Any, gid: str) -> Any:
    (found,) = figure.findobj(lambda artist: artist.get_gid() == gid)
    return found


@pytest.mark.catalogue("gan-equilibrium")
@pytest.mark.parametrize("distance", game.DISTANCES)
def test_values_at_the_best_discriminator_are_those_of_the_divergence(distance: float) -> None:
    p, q = norm(distance / 2), norm(-distance / 2)

    def integrand(x: float) -> float:
        """p log p / m + q log q / m, of which half is the Jensen-Shannon divergence; m = (p + q) / 2."""
        a, b = p.logpdf(x), q.logpdf(x)
        m = np.logaddexp(a, b) - math.log(2)
        return math.exp(a) * (a - m) + math.exp(b) * (b - m)

    twice = quad(integrand, -20, 20, points=[-distance / 2, 0, distance / 2], limit=200)[0]
    assert game.best_value(distance) == pytest.approx(twice - math.log(4), abs=1e-6)
    assert game.best_value(0) == pytest.approx(-1.386294, abs=1e-6) == game.EQUILIBRIUM


@pytest.mark.catalogue("gan-equilibrium")
def test_no_other_answer_is_better_at_any_place() -> None:
    for p, q in ((0.3, 0.1), (0.02, 0.5), (0.2, 0.2)):
        best = minimize_scalar(
            lambda d, p=p, q=q: -p * math.log(d) - q * math.log(1 - d), bounds=(1e-9, 1 - 1e-9), method="bounded"
        )
        assert game.best_discriminator(np.array(p), np.array(q)) == pytest.approx(best.x, abs=1e-4)


def test_slopes_are_those_of_autograd() -> None:
    for d in game.CONFIDENT:
        a = torch.tensor(math.log(d / (1 - d)), dtype=torch.float64, requires_grad=True)
        probability = torch.sigmoid(a)
        saturating, alive = torch.log(1 - probability), -torch.log(probability)
        expected = [torch.autograd.grad(loss, a, retain_graph=True)[0].item() for loss in (saturating, alive)]
        assert game.slopes(d) == pytest.approx(expected)
    assert abs(game.slopes(0.001)[0]) < 0.0011 < 0.99 < abs(game.slopes(0.001)[1])


@pytest.mark.catalogue("gan-nonconvergence")
def test_steps_at_once_circle_outwards_and_steps_in_turn_stay(lesson: Lesson) -> None:
    rate = game.Options().rate
    path = game.circle(rate, 60, in_turn=False)
    rotation = np.array([[1, -rate], [rate, 1]])  # sqrt(1 + rate^2) times a turn by arctan(rate)
    for n in (1, 7, 60):
        np.testing.assert_allclose(path[n], np.linalg.matrix_power(rotation, n) @ game.START)
    turns = np.unwrap(np.arctan2(path[:, 1], path[:, 0]))
    np.testing.assert_allclose(np.diff(turns), math.atan(rate))
    assert np.hypot(*path[-1]) == pytest.approx(np.hypot(*path[0]) * math.sqrt(1 + rate**2) ** 60)
    in_turn = game.circle(rate, 3000, in_turn=True)
    kept = in_turn[:, 0] ** 2 + in_turn[:, 1] ** 2 - rate * in_turn[:, 0] * in_turn[:, 1]
    np.testing.assert_allclose(kept, kept[0])  # an ellipse around (0, 0), which it never leaves
    for name, drawn in (("both at once", path), ("in turn", in_turn[:61])):
        np.testing.assert_allclose(np.stack(part(lesson.figures["circles"], name).get_data(), 1), drawn)


@pytest.mark.catalogue("gan-density-animation")
def test_generated_points_move_to_the_real_ones_and_the_judge_flattens(lesson: Lesson) -> None:
    frames, rows = lesson.animations["density"], lesson.values["line"]
    assert len(frames) == len(rows) == len(game.LINE)
    data = norm(1.5, 0.5)
    distances = []
    for frame, row in zip(frames, rows, strict=True):
        # The drawn density is that of m + s z, and the arrows end where it sends noise.
        x, generated = part(frame, "generated").get_data()
        np.testing.assert_array_equal(x, JUDGED)
        np.testing.assert_allclose(generated, norm(row["mean"], row["std"]).pdf(x), rtol=1e-9)
        filled = part(frame, "data").get_paths()[0].vertices
        assert filled[:, 1].max() == pytest.approx(data.pdf(1.5), rel=1e-3)
        for n in (0, 8, 16):
            assert part(frame, f"arrow-{n}").xy[0] == pytest.approx(row["mean"] + row["std"] * (n - 8) / 4)
        # Wasserstein distance of two normals.
        distances.append(math.hypot(row["mean"] - 1.5, row["std"] - 0.5))
        assert frame.get_size_inches().tolist() == frames[0].get_size_inches().tolist()
    assert distances[0] > 3.5
    assert distances[-1] < 0.03
    seen = np.abs(JUDGED - 1.5) <= 1.5
    drawn = [part(frame, "D").get_data()[1][seen] for frame in frames]
    assert np.abs(drawn[1] - 0.5).max() > 0.45  # soon it knows
    assert np.abs(drawn[-1] - 0.5).max() < 0.05  # in the end it can only guess
    best = part(frames[3], "best D").get_data()[1]
    row = rows[3]
    p, q = data.pdf(JUDGED), norm(row["mean"], row["std"]).pdf(JUDGED)
    np.testing.assert_allclose(best[p + q > 0.01], (p / (p + q))[p + q > 0.01], rtol=1e-6)


@pytest.mark.catalogue("mode-collapse-picture")
def test_snapshots_are_counted_as_they_are_drawn(lesson: Lesson) -> None:
    figure, told = lesson.figures["modes"], lesson.values["modes"]
    for turns, rounds in game.RING.items():
        assert list(told[turns]) == list(rounds)
        for at, modes in told[turns].items():
            title = f"{turns} to 1, round {at:,}\n{modes} of 8 modes"
            points = part(figure, title).get_offsets()
            places = part(figure, f"{title}/modes").get_offsets()
            np.testing.assert_allclose(np.hypot(*places.T), 2, rtol=1e-6)
            near = cdist(points, places) <= 0.3
            assert len(points) == 512
            assert modes == (near.sum(0) >= 5.12).sum()
    in_turn, long_turns = told[1], told[10]
    assert in_turn[480] == 8 > max(long_turns.values()) + 3
    assert in_turn[0] == long_turns[0] == 0


def test_modes_of_known_points() -> None:
    assert modes_reached(centers().repeat(4, 1)) == 8
    assert modes_reached(torch.cat([centers()[:3].repeat(66, 1), torch.zeros(2, 2), centers()[4:5]])) == 3
    assert modes_reached(centers() + 0.4) == 0


def test_the_page_holds_its_numbers_and_refuses_nonsense(lesson: Lesson) -> None:
    assert "-log 4 = -1.386294" in lesson.text
    assert "sqrt(1 + 0.2^2) = 1.0198" in lesson.text
    assert max(map(len, lesson.text.splitlines())) <= 120
    with pytest.raises(ValueError, match=r"a rate in 0..1 and at least 4 steps, received 2 and 60"):
        game.tell(game.Options(rate=2.0))
