"""Shifted digits: what a dense network makes of them, and what a ConvNet of equal size does."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F

from neurarium.explain.lesson import Lesson
from neurarium.plots.panels import curve_panels
from neurarium.plots.pictures import picture_panels

WIDTHS = (16, 24, 40)
"""Filters of the ConvNet's three layers, 3 x 3 each."""
SIDE = 8
"""Rows and columns of a digit, before it is framed."""
BATCH = 50
TRAINED_ON = 1_200
DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))


@dataclass(frozen=True, kw_only=True)
class Options:
    shift: int = 4
    """The largest shift in pixels; digits stand in a frame of that width."""
    epochs: int = 6
    """Passes over the 1,200 digits that are learned from, none of them shifted."""
    seed: int = 0
    """Draws weights, the order of the digits and the shuffling of the pixels."""


class Digits:
    """scikit-learn's digits, each in the middle of a black frame: x (N, 1, S, S) from 0 to 1, y (N,)."""

    def __init__(self, margin: int, seed: int) -> None:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        order = torch.randperm(len(bunch.target), generator=torch.Generator().manual_seed(seed))
        x = F.pad(torch.tensor(bunch.images / 16).float()[:, None], (margin,) * 4)[order]
        y = torch.tensor(bunch.target)[order]
        self.x, self.y = x[:TRAINED_ON], y[:TRAINED_ON]
        self.seen_x, self.seen_y = x[TRAINED_ON:], y[TRAINED_ON:]
        self.side = x.shape[-1]


def convnet() -> nn.Sequential:
    """Three convolutions, the largest answer of each filter anywhere in the image, one score a class."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise((1, *WIDTHS)):
        layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(WIDTHS[-1], 10))


def dense(side: int) -> nn.Sequential:
    """One hidden layer, as wide as makes its weights as many as the ConvNet's."""
    hidden = round((size(convnet()) - 10) / (side**2 + 11))
    return nn.Sequential(nn.Flatten(), nn.Linear(side**2, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def size(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def train(network: nn.Module, x: Tensor, y: Tensor, *, epochs: int, seed: int) -> list[float]:
    """Cross-entropy by Adam with one cycle of the rate, in place; the loss of each step."""
    order = torch.Generator().manual_seed(seed)
    descent = torch.optim.Adam(network.parameters(), lr=1e-2)
    steps = epochs * -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(descent, 1e-2, steps)
    losses = []
    for _ in range(epochs):
        for batch in torch.randperm(len(x), generator=order).split(BATCH):
            loss = F.cross_entropy(network(x[batch]), y[batch])
            descent.zero_grad()
            loss.backward()
            descent.step()
            schedule.step()
            losses.append(float(loss.detach()))
    return losses


def shifted(x: Tensor, by: int) -> list[Tensor]:
    """Right, left, down and up by so many pixels; what leaves the frame is black, so nothing comes in again."""
    return [torch.roll(x, (down * by, right * by), (-2, -1)) for down, right in DIRECTIONS]


@torch.no_grad()
def accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    return float((network(x).argmax(1) == y).double().mean())


@torch.no_grad()
def likeness(one: Tensor, other: Tensor) -> float:
    """Mean cosine of the vectors (N, F)."""
    return float(F.cosine_similarity(one.flatten(1), other.flatten(1)).mean())


def tell(options: Options) -> Lesson:
    """Both networks learn digits in the middle of a frame; then the digits move, and then the pixels are shuffled.

    Raises ValueError for options out of range.
    """
    if not 1 <= options.shift <= 8 or not 1 <= options.epochs <= 100:
        raise ValueError(
            "--shift must lie between 1 and 8 and --epochs between 1 and 100; received "
            f"{options.shift} and {options.epochs}."
        )
    digits = Digits(options.shift, options.seed)
    with torch.random.fork_rng([]):
        networks = {name: learned(name, digits, digits.x, options) for name in ("dense network", "ConvNet")}
        values: dict[str, Any] = {
            "shifts": list(range(options.shift + 1)),
            "weights": {name: size(network) for name, network in networks.items()},
            "accuracy": by_shift(networks, digits, options.shift),
            "shuffled": by_shuffling(list(networks), digits, options),
        }
    values["likeness"] = by_likeness(networks, digits, options.shift)
    image = digits.seen_x[:1]
    moved = shifted(image, options.shift)[0]
    with torch.no_grad():
        maps = networks["ConvNet"][:2](torch.cat([image, moved]))
    best = int(maps[0].amax((1, 2)).argmax())
    values["map moves with it"] = float((torch.roll(maps[0], options.shift, -1) - maps[1]).abs().max())
    pictures = {
        "a digit in its frame": image[0, 0],
        f"shifted by {options.shift}": moved[0, 0],
        "its pixels shuffled": shuffled(image, options.seed)[0, 0],
        "one filter's answers": maps[0, best],
        "the same, image shifted": maps[1, best],
    }
    figures = {"accuracy": _curves(values), "images": picture_panels(pictures, columns=3)}
    return Lesson(text=_text(digits, values), figures=figures, values=values)


def learned(name: str, digits: Digits, x: Tensor, options: Options) -> nn.Sequential:
    """The dense network or the ConvNet, trained on these images; both start from the seed."""
    torch.manual_seed(options.seed)
    network = dense(digits.side) if name == "dense network" else convnet()
    train(network, x, digits.y, epochs=options.epochs, seed=options.seed)
    return network


def shuffled(x: Tensor, seed: int) -> Tensor:
    """The same order of pixels, drawn from the seed, for all images."""
    order = torch.randperm(x[0].numel(), generator=torch.Generator().manual_seed(seed))
    return x.flatten(1)[:, order].view_as(x)


def by_shift(networks: dict[str, nn.Sequential], digits: Digits, largest: int) -> dict[str, list[float]]:
    """Held-out accuracy of each network at each shift, over the four directions."""
    return {
        name: [
            float(np.mean([accuracy(network, x, digits.seen_y) for x in shifted(digits.seen_x, by)]))
            for by in range(largest + 1)
        ]
        for name, network in networks.items()
    }


def by_shuffling(names: list[str], digits: Digits, options: Options) -> dict[str, float]:
    """Held-out accuracy of networks that learned, and are asked for, images with shuffled pixels."""
    x, seen = shuffled(digits.x, options.seed), shuffled(digits.seen_x, options.seed)
    return {name: accuracy(learned(name, digits, x, options), seen, digits.seen_y) for name in names}


def by_likeness(networks: dict[str, nn.Sequential], digits: Digits, largest: int) -> dict[str, list[float]]:
    """How alike an image and its shifted copy are: as pixels, and as what the last layer of each network reads."""
    read = {"pixels": nn.Flatten(), **{name: network[:-1] for name, network in networks.items()}}
    return {
        name: [
            float(np.mean([likeness(of(digits.seen_x), of(x)) for x in shifted(digits.seen_x, by)]))
            for by in range(largest + 1)
        ]
        for name, of in read.items()
    }


def _curves(values: dict[str, Any]) -> Figure:
    shifts = values["shifts"]
    told = {"Held-out digits read rightly": "accuracy", "Likeness of pixels and of features": "likeness"}
    figure = curve_panels(
        {title: {name: (shifts, curve) for name, curve in values[key].items()} for title, key in told.items()},
        x="shift in pixels",
        marked=[name for key in told.values() for name in values[key]],
        limits=((-0.15, shifts[-1] + 0.15), (0, 1.05)),
        width=4.2,
        height=3.4,
    )
    for axes in figure.axes:
        axes.set_xticks(shifts)
    return figure


def _text(digits: Digits, values: dict[str, Any]) -> str:
    shifts, plain = values["shifts"], values["accuracy"]
    heading = "".join(f"{f'{by} px':>8}" for by in shifts)
    lines = [
        f"SHIFTS: {TRAINED_ON:,} digits of {SIDE} x {SIDE} pixels in the middle of {digits.side} x {digits.side} are "
        f"learned; {len(digits.seen_x)} others are",
        "read, shifted right, left, down and up. No network has seen a shifted one.",
        "",
        f"  {'accuracy at a shift of':<24}{heading}{'weights':>11}",
        *[
            f"  {name:<24}" + "".join(f"{share:>8.3f}" for share in row) + f"{values['weights'][name]:>11,}"
            for name, row in plain.items()
        ],
        "  (a guess reaches 0.1)",
        "",
        "To a dense network every pixel is an input of its own: flattening forgets which pixels are neighbours. A",
        "shift moves what was known to inputs that have learned something else (dimension hopping), so it must be",
        f"learned again at every place. The ConvNet's first layer has {WIDTHS[0]} filters of 9 weights, each used at "
        f"all {digits.side**2}",
        "places. Shift the image, and what they answer shifts along (largest difference "
        f"{values['map moves with it']:.1g}). The largest answer",
        "of each filter, wherever it is, stays; only near the frame's edge something is cut off.",
        "",
        "Likeness (cosine) of each digit and its shifted copy, as pixels and as what the last layer reads:",
        f"  {'':<24}{heading}",
        *[f"  {name:<24}" + "".join(f"{c:>8.3f}" for c in row) for name, row in values["likeness"].items()],
        "",
        "SHUFFLED PIXELS, one fixed order for all digits, in training and in reading:",
        *[
            f"  {name:<24}{plain[name][0]:.3f} in order, {values['shuffled'][name]:.3f} shuffled: "
            f"{_errors(1 - plain[name][0], 1 - values['shuffled'][name])}"
            for name in plain
        ],
        "Neighbours mean nothing to the dense network, so it loses nothing. The ConvNet is built on them.",
    ]
    return "\n".join(lines)


def _errors(before: float, after: float) -> str:
    return f"{after / before:.1f} times the errors" if before else f"{after:.1%} errors, from none"
