"""Faces, cars and houses told apart by parts that a person listed, and by features that a ConvNet learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.explain.lesson import Lesson
from neurarium.nn.filters import match_template
from neurarium.plots.panels import curve_panels
from neurarium.plots.pictures import picture_panels

SIDE = 40
"""Rows and columns of a picture."""
HALF = 14.0
"""Pixels from the middle of a thing to its border, which is 1 in the drawings below."""
FINE = 4  # pictures are drawn so many times as large, and then made smaller

Polygon = list[tuple[float, float]]
Piece = tuple[Polygon, float]
"""Corners (right, down) from the middle, -1 to 1, and a shade from 0 to 1."""


def _box(right: float, down: float, width: float, height: float) -> Polygon:
    return [(right + s * width, down + t * height) for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))]


def _disc(right: float, down: float, width: float, height: float) -> Polygon:
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return [(right + width * float(np.cos(a)), down + height * float(np.sin(a))) for a in angles]


def _window(right: float) -> list[Piece]:
    cross = [_box(right, 0.1, 0.18, 0.025), _box(right, 0.1, 0.025, 0.18)]
    return [(_box(right, 0.1, 0.18, 0.18), 0.95), *((bar, 0.2) for bar in cross)]


CAR: Polygon = [
    (-0.95, 0),
    (-0.6, -0.1),
    (-0.45, -0.6),
    (0.45, -0.6),
    (0.6, -0.1),
    (0.95, 0),
    (0.95, 0.55),
    (-0.95, 0.55),
]
BODIES: dict[str, list[Piece]] = {
    "face": [(_disc(0, 0, 0.75, 0.98), 0.75)],
    "car": [(CAR, 0.6)],
    "house": [(_box(0, 0.3, 0.8, 0.6), 0.65), ([(-0.95, -0.25), (0, -0.95), (0.95, -0.25)], 0.3)],
}
PARTS: dict[str, dict[str, list[list[Piece]]]] = {
    "face": {
        "nose": [[([(0, -0.12), (-0.14, 0.22), (0.14, 0.22)], 0.4)]],
        "eyes": [[(_disc(s, -0.3, 0.17, 0.11), 0.98), (_disc(s, -0.3, 0.08, 0.1), 0.05)] for s in (-0.33, 0.33)],
        "mouth": [[(_disc(0, 0.52, 0.32, 0.13), 0.15), (_box(0, 0.5, 0.2, 0.03), 0.95)]],
    },
    "car": {
        "wheels": [[(_disc(s, 0.65, 0.22, 0.3), 0.05), (_disc(s, 0.65, 0.08, 0.1), 0.5)] for s in (-0.62, 0.62)],
        "licence plate": [[(_box(0, 0.34, 0.3, 0.11), 0.98), (_box(0, 0.34, 0.22, 0.04), 0.1)]],
        "headlights": [[(_disc(s, 0.1, 0.16, 0.16), 0.2), (_disc(s, 0.1, 0.1, 0.1), 1.0)] for s in (-0.65, 0.65)],
    },
    "house": {
        "door": [[(_box(0, 0.42, 0.17, 0.3), 0.12), (_disc(0.1, 0.45, 0.03, 0.03), 0.9)]],
        "windows": [_window(-0.5), _window(0.5)],
        "steps": [[(_box(0, 0.76 + 0.08 * i, 0.28 + 0.08 * i, 0.04), 0.95 if i % 2 else 0.15) for i in range(3)]],
    },
}
"""By kind of thing and part, each place where the part is: what a person would list."""
KINDS = tuple(PARTS)


@dataclass(frozen=True, kw_only=True)
class Options:
    images: int = 90
    """Pictures that are asked for at each strength of variation."""
    train: int = 900
    """Pictures that the ConvNet learns from, of all strengths."""
    steps: int = 250
    """Updates of its weights, on 50 pictures each."""
    seed: int = 0
    """Draws pictures and weights."""


STRENGTHS = (0.0, 0.5, 1.0, 1.5)


def draw(kind: str, strength: float, random: np.random.Generator, *, still: bool = False) -> np.ndarray:
    """A picture (SIDE, SIDE) of a thing, from 0 to 1, on an even ground with noise.

    strength: 0 moves the thing alone; 1 also turns it by up to 25 degrees, makes it up to 1.4 times as large or small,
    makes each part up to 1.4 times as large or small, moves it, and makes it up to 0.4 lighter or darker.
    still: as it was listed, in the middle, without noise.
    """
    turn = np.deg2rad(25) * strength * random.uniform(-1, 1)
    size = HALF * 1.4 ** (strength * random.uniform(-1, 1))
    centre = np.zeros(2) if still else random.uniform(-3, 3, 2)
    turned = size * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    ground = 0.45 if still else random.uniform(0.3, 0.6)
    canvas = Image.new("L", (SIDE * FINE, SIDE * FINE), round(255 * ground))
    brush = ImageDraw.Draw(canvas)

    def paint(pieces: Sequence[Piece], grow: float, move: np.ndarray, lighter: float) -> None:
        middle = np.mean([point for polygon, _ in pieces for point in polygon], axis=0)
        for polygon, shade in pieces:
            places = (np.array(polygon) - middle) * grow + middle + move
            corners = FINE * (places @ turned.T + centre + SIDE / 2)
            brush.polygon([(float(x), float(y)) for x, y in corners], fill=round(255 * min(max(shade + lighter, 0), 1)))

    paint(BODIES[kind], 1.0, np.zeros(2), 0.2 * strength * random.uniform(-1, 1))
    for places in PARTS[kind].values():
        grow = 1.4 ** (strength * random.uniform(-1, 1))
        lighter = 0.4 * strength * random.uniform(-1, 1)
        for pieces in places:
            paint(pieces, grow, 0.08 * strength * random.uniform(-1, 1, 2), lighter)
    picture = np.asarray(canvas.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float64) / 255
    return picture if still else np.clip(picture + random.normal(0, 0.03, picture.shape), 0, 1)


def templates() -> dict[str, dict[str, Tensor]]:
    """By kind and part, what a person cuts out of one good picture: the part and a pixel around it."""
    found: dict[str, dict[str, Tensor]] = {}
    for kind, parts in PARTS.items():
        picture = torch.tensor(draw(kind, 0.0, np.random.default_rng(0), still=True))
        found[kind] = {}
        for name, (first, *_) in parts.items():
            corners = np.array([point for polygon, _ in first for point in polygon]) * HALF + SIDE / 2
            left, top = np.floor(corners.min(0)).astype(int) - 1
            right, bottom = np.ceil(corners.max(0)).astype(int) + 1
            found[kind][name] = picture[top:bottom, left:right]
    return found


def by_parts(pictures: Tensor) -> Tensor:
    """(N, 3): for each kind the mean, over its three parts, of how well the part is found anywhere. (N, SIDE, SIDE)."""
    return torch.tensor(
        [
            [
                float(np.mean([float(match_template(picture, part).max()) for part in parts.values()]))
                for parts in templates().values()
            ]
            for picture in pictures
        ]
    )


def sample(count: int, strengths: Sequence[float], random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Pictures (N, SIDE, SIDE) of all kinds and strengths in turn, and their kinds (N,)."""
    kinds = np.arange(count) % len(KINDS)
    pictures = [draw(KINDS[kind], strengths[i // 3 % len(strengths)], random) for i, kind in enumerate(kinds)]
    return torch.tensor(np.stack(pictures)), torch.tensor(kinds)


def convnet() -> nn.Sequential:
    layers: list[nn.Module] = []
    for n_in, n_out in ((1, 16), (16, 24), (24, 32)):
        layers += [nn.Conv2d(n_in, n_out, 3, stride=2, padding=1), nn.BatchNorm2d(n_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * 25, len(KINDS)))


def learned(options: Options) -> nn.Sequential:
    """A ConvNet that was shown pictures and their kinds, and no parts."""
    x, y = sample(options.train, STRENGTHS, np.random.default_rng(options.seed + 1))
    with torch.random.fork_rng([]):
        torch.manual_seed(options.seed)
        network = convnet()
        descent = torch.optim.Adam(network.parameters(), lr=2e-3)
        for _ in range(options.steps):
            batch = torch.randint(len(x), (50,))
            loss = F.cross_entropy(network(x[batch, None].float()), y[batch])
            descent.zero_grad()
            loss.backward()
            descent.step()
    return network.eval()


def tell(options: Options) -> Lesson:
    """Both read the same new pictures, from such as were listed to such as vary. Raises ValueError for odd options."""
    if min(options.images, options.train) < 3 or options.steps < 1:
        raise ValueError(
            "--images and --train must be at least 3 and --steps at least 1; received "
            f"{options.images}, {options.train} and {options.steps}."
        )
    network = learned(options)
    random = np.random.default_rng(options.seed + 2)
    accuracy: dict[str, list[float]] = {"parts by hand": [], "ConvNet": []}
    found: list[float] = []
    for strength in STRENGTHS:
        x, y = sample(options.images, (strength,), random)
        scores = by_parts(x)
        with torch.no_grad():
            given = network(x[:, None].float()).argmax(1)
        accuracy["parts by hand"].append(float((scores.argmax(1) == y).double().mean()))
        accuracy["ConvNet"].append(float((given == y).double().mean()))
        found.append(float(scores.gather(1, y[:, None]).mean()))
    values: dict[str, Any] = {
        "parts": {kind: list(parts) for kind, parts in PARTS.items()},
        "strengths": list(STRENGTHS),
        "accuracy": accuracy,
        "score of the true parts": found,
    }
    random = np.random.default_rng(options.seed)
    shown = {f"{kind}, as listed": draw(kind, 0.0, random, still=True) for kind in KINDS}
    for strength in (1.0, 1.5):
        shown |= {f"{kind}, strength {strength:g}": draw(kind, strength, random) for kind in KINDS}
    cut = {f"{kind}: {name}": _framed(part) for kind, parts in templates().items() for name, part in parts.items()}
    curves = {name: (STRENGTHS, row) for name, row in accuracy.items()}
    figures = {
        "pictures": picture_panels(shown, columns=3),
        "parts": picture_panels(cut, columns=3, width=1.5),
        "accuracy": curve_panels(
            {"New pictures told rightly": curves},
            x="strength of the variation",
            marked=list(curves),
            limits=((-0.05, 1.55), (0, 1.05)),
            width=4.8,
            height=3.4,
        ),
    }
    return Lesson(text=_text(values, options.train), figures=figures, values=values)


def _framed(part: Tensor) -> Tensor:
    """In the middle of a white square, so that all parts stand in one scale."""
    (top, left), (height, width) = ((18 - side) // 2 for side in part.shape), part.shape
    square = torch.ones(18, 18)
    square[top : top + height, left : left + width] = part
    return square


def _text(values: dict[str, Any], images: int) -> str:
    (hand, net), found = values["accuracy"].values(), values["score of the true parts"]
    lines = [
        "PARTS: how would you tell a face from a car from a house? By their parts, one says, and lists them:",
        *[f"  {kind + ':':<8}{', '.join(parts)}" for kind, parts in values["parts"].items()],
        "Each part is cut out of one good picture and searched for by normalised correlation; the kind whose three",
        "parts are found best is the answer. Beside it a ConvNet, which was shown pictures and kinds, and no parts.",
        "",
        f"  {'strength of the variation':<28}" + "".join(f"{strength:>8g}" for strength in values["strengths"]),
        f"  {'accuracy, parts by hand':<28}" + "".join(f"{share:>8.2f}" for share in hand),
        f"  {'accuracy, ConvNet':<28}" + "".join(f"{share:>8.2f}" for share in net),
        f"  {'how well parts are found':<28}" + "".join(f"{score:>8.2f}" for score in found),
        "",
        "At strength 0 things only move, and the list will do. At 1 they are turned, larger and smaller, and so are",
        "their parts, lighter and darker: what was cut out fits no more. One would have to list every size, angle and",
        f"light of every part. Learned features take this from {images:,} examples.",
    ]
    return "\n".join(lines)
