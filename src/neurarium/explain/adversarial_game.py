"""The game of a GAN: its value, its best answers, its equilibrium, and how playing may miss it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurarium.explain.lesson import Lesson
from neurarium.explain.small_games import JUDGED, MEAN, MODES, STD, Moment, centers, line_game, normal, ring_game
from neurarium.plots.game import density_frame, mode_snapshots, plane_paths
from neurarium.plots.panels import curve_panels

EQUILIBRIUM = -math.log(4)
DISTANCES = (0.0, 1.0, 2.0, 4.0, 8.0)
CONFIDENT = (0.5, 0.1, 0.01, 0.001)
START = (1.0, 0.5)
SEEN = 2e-3
"""D is drawn where data and samples together are denser than this."""
LINE = (0, 10, 25, 50, 100, 150, 200, 300, 500)
RING = {1: (0, 80, 160, 240, 360, 480), 10: (0, 40, 80, 120, 160, 200)}
"""Moves of the generator in a row: the rounds that are shown."""


@dataclass(frozen=True, kw_only=True)
class Options:
    rate: float = 0.2
    """Step size of the two players of x y."""
    steps: int = 60
    """Their steps."""
    seed: int = 0
    """Of the games on the line and on the ring."""


def best_discriminator(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """p / (p + q), (N,), of the data's density and the generator's, at N places (Goodfellow et al. 2014, eq. 2)."""
    return np.asarray(p / (p + q))


def best_value(distance: float) -> float:
    """V at the best discriminator, where data and samples are Gaussians of deviation 1 so far apart; by quadrature.

    E_p log D + E_q log(1 - D) with D = 1 / (1 + exp(-distance x)) = - log 4 + 2 JSD(p, q).
    """
    x = np.linspace(-distance / 2 - 10, distance / 2 + 10, 20_001)
    p, q = normal(x, distance / 2, 1.0), normal(x, -distance / 2, 1.0)
    score = distance * x
    return float(np.trapezoid(-p * np.logaddexp(0, -score) - q * np.logaddexp(0, score), x))


def slopes(d: float) -> tuple[float, float]:
    """d/da of log(1 - D) and of - log D, D = sigmoid(a), where D is d: - D and - (1 - D)."""
    return -d, -(1 - d)


def circle(rate: float, steps: int, *, in_turn: bool) -> np.ndarray:
    """(steps + 1, 2): x descends on x y, y ascends, from (1, 0.5); both at once, or y after x has moved."""
    path = [START]
    for _ in range(steps):
        x, y = path[-1]
        moved = x - rate * y
        path.append((moved, y + rate * (moved if in_turn else x)))
    return np.array(path)


def tell(options: Options) -> Lesson:
    """Raises ValueError for a rate outside 0..1, or fewer than 4 steps."""
    if not 0 < options.rate <= 1 or options.steps < 4:
        raise ValueError(
            f"adversarial-game expects a rate in 0..1 and at least 4 steps, received {options.rate:g} and "
            f"{options.steps}."
        )
    values = {distance: best_value(distance) for distance in DISTANCES}
    paths = {
        "both at once": circle(options.rate, options.steps, in_turn=False),
        "in turn": circle(options.rate, options.steps, in_turn=True),
    }
    line = line_game(LINE, seed=options.seed)
    rings = {turns: ring_game(moments, turns=turns, seed=options.seed) for turns, moments in RING.items()}
    told: dict[str, Any] = {
        "best_values": {f"{distance:g}": value for distance, value in values.items()},
        "slopes": {f"{d:g}": slopes(d) for d in CONFIDENT},
        "distances": {name: float(np.hypot(*path[-1])) for name, path in paths.items()},
        "line": [{"round": at.round, "mean": at.mean, "std": at.std, "farthest_from_half": _off(at)} for at in line],
        "modes": {turns: {at.round: at.modes for at in game} for turns, game in rings.items()},
    }
    snapshots = {
        f"{turns} to 1, round {at.round:,}\n{at.modes} of {MODES} modes": at.points
        for turns, game in rings.items()
        for at in game
    }
    figures = {
        "best-answers": _best_answers(values),
        "saturation": _saturation(),
        "circles": plane_paths(paths, start="start", centre="equilibrium"),
        "modes": mode_snapshots(snapshots, centers().numpy(), columns=len(RING[1])),
        "density": density_frame(**_frame(line[-1])),
    }
    frames = [density_frame(**_frame(at)) for at in line]
    return Lesson(text=_text(options, told), figures=figures, animations={"density": frames}, values=told)


def _off(at: Moment) -> float:
    """How far D is from 1/2 where the data lie, within three deviations of their mean."""
    return float(np.abs(at.judged - 0.5)[np.abs(JUDGED - MEAN) <= 3 * STD].max())


def _frame(at: Moment) -> dict[str, Any]:
    p, q = normal(JUDGED, MEAN, STD), normal(JUDGED, at.mean, at.std)
    noise, lie = np.linspace(-2, 2, 17), p + q > SEEN
    judged, best = np.where(lie, at.judged, np.nan), np.where(lie, best_discriminator(p, q + 1e-300), np.nan)
    return {
        "x": JUDGED, "data": p, "generated": q, "judged": judged, "best": best,
        "arrows": (noise, at.mean + at.std * noise), "heading": f"after {at.round:,} rounds",
    }  # fmt: skip


def _best_answers(values: Mapping[float, float]) -> Any:
    x = np.linspace(-6, 6, 241)
    shown = {}
    for distance in (4.0, 2.0, 0.0):
        p, q = normal(x, distance / 2, 1.0), normal(x, -distance / 2, 1.0)
        curves = {"data p": (x, p), "generated q": (x, q), "best D = p / (p + q)": (x, best_discriminator(p, q))}
        shown[f"{distance:g} apart: V = {values[distance]:.3f}".replace("-", "\N{MINUS SIGN}")] = curves
    return curve_panels(shown, x="x", legends="first", limits=((-6, 6), (0, 1.3)))


def _saturation() -> Any:
    a = np.linspace(-8, 4, 241)
    d = 1 / (1 + np.exp(-a))
    return curve_panels(
        {
            "what the generator minimises": {
                "saturating: log(1 \N{MINUS SIGN} D)": (a, np.log1p(-d)),
                "non-saturating: \N{MINUS SIGN}log D": (a, -np.log(d)),
            },
            "its slope: how loud the advice is": {
                "saturating: log(1 \N{MINUS SIGN} D)": (a, -d),
                "non-saturating: \N{MINUS SIGN}log D": (a, d - 1),
            },
        },
        x="score of a generated item, D = sigmoid(score)",
        columns=2, width=4.2, legends="first",
    )  # fmt: skip


def _text(options: Options, told: Mapping[str, Any]) -> str:
    first, last = told["line"][0], told["line"][-1]
    grown = math.sqrt(1 + options.rate**2)
    return "\n".join(
        [
            "THE ADVERSARIAL GAME. A generator G makes items of noise z; a discriminator D says whether one is real.",
            "",
            "  min over G, max over D of  V(D, G) = E[log D(x)] + E[log(1 - D(G(z)))],  x real, z noise.",
            "",
            "D climbs V, which is to lower its cross-entropy with the target 1 for real and 0 for generated items.",
            "Against a fixed G the best answer is D(x) = p(x) / (p(x) + q(x)), p the density of the data, q of the",
            "samples; then V = -log 4 + 2 JSD(p, q), with the Jensen-Shannon divergence. Two Gaussians of deviation 1:",
            "",
            "  apart     V at the best D",
            *(f"  {distance:>5}     {value:12.6f}" for distance, value in told["best_values"].items()),
            "",
            f"At the EQUILIBRIUM p = q, D = 1/2 everywhere and V = -log 4 = {EQUILIBRIUM:.6f}: D can only guess.",
            "",
            "WHO LISTENS TO A CONFIDENT D? Slopes of the generator's loss over the score a, D = sigmoid(a):",
            "",
            "  D(G(z))   log(1 - D) of the minimax game      -log D, which is used",
            *(f"  {d:>7}   {lost:12.4f} {alive:30.4f}" for d, (lost, alive) in told["slopes"].items()),
            "",
            "Early on D is right and sure. Then the first slope, -D, is almost 0: it SATURATES. The second is D - 1.",
            "So the generator lowers -log D: the same wish, and advice that is loud while there is much to learn.",
            "",
            "STEPS NEED NOT ARRIVE. min over x, max over y of x y has its equilibrium at (0, 0). Steps of "
            f"{options.rate:g}, both at",
            f"once, multiply the distance to it by sqrt(1 + {options.rate:g}^2) = {grown:.4f} each: from "
            f"{math.hypot(*START):.3f} to {told['distances']['both at once']:.3f} in {options.steps},",
            f"circling OUTWARDS. In turn they circle for ever, {told['distances']['in turn']:.3f} away after as many.",
            "",
            f"A GAME THAT ARRIVES. Data N({MEAN:g}, {STD:g}^2), samples m + s z. Three moves of D for one of G:",
            "",
            "  round        m        s   largest |D - 1/2| among the data",
            *(
                f"  {at['round']:>5} {at['mean']:>8.3f} {at['std']:>8.3f} {at['farthest_from_half']:>12.3f}"
                for at in told["line"]
            ),
            "",
            f"The samples moved from {first['mean']:g} to {last['mean']:.2f}, and D flattened to 1/2.",
            "Where neither lies, nobody asks D, and its answer means nothing: it is not drawn.",
            "",
            f"MODE COLLAPSE. Data lie at {MODES} places of a ring. How many of them the generator reaches, over time:",
            "",
            *(
                f"  {turns:>2} move{'s' if turns > 1 else ' '} of G for one of D:  "
                + "  ".join(f"{modes} (round {at})" for at, modes in seen.items())
                for turns, seen in told["modes"].items()
            ),
            "",
            "Against a D that stands still the best answer is one point, where D is largest, whatever z says. Moves in",
            "a row come near it: good samples of one kind, and when D has learned where, they hop to the next place.",
        ]
    )
