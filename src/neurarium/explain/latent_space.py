"""Where codes lie: an autoencoder beside a variational one on digits, and what the logged values mean."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurarium.explain.lesson import Lesson
from neurarium.explain.small_autoencoders import NOISE, Trained, digits, gaussian_kl, train
from neurarium.plots.latents import code_clouds, image_tables

DRAWS = 1000
"""Codes drawn from a standard normal; the first 64 are shown."""
STEPS = 12
"""Images on the way between two digits."""
ENDS = (0, 6)
"""Digits at the ends of that way."""
SMALL = 0.01
"""A small step, as a share of the spread of the codes."""
NAMES = {False: "autoencoder", True: "variational autoencoder"}


@dataclass(frozen=True, kw_only=True)
class Options:
    pull: float = 1.0
    """Weight of the divergence of the variational autoencoder; at 0 nothing keeps its codes together."""
    steps: int = 600
    """Minibatches that each of the two learns from."""
    seed: int = 0
    """Of their weights and batches."""


def tell(options: Options) -> Lesson:
    """Raises ValueError for a negative pull, or fewer than 50 steps."""
    if not (options.pull >= 0 and math.isfinite(options.pull)) or options.steps < 50:
        raise ValueError(
            f"latent-space expects a pull of at least 0 and at least 50 steps, received {options.pull:g} and "
            f"{options.steps}."
        )
    x, y = digits()
    models = {
        name: train(x, variational=variational, pull=options.pull, steps=options.steps, seed=options.seed)
        for variational, name in NAMES.items()
    }
    codes = {name: model.encode(x) for name, model in models.items()}
    drawn = torch.randn(DRAWS, 2, generator=torch.Generator().manual_seed(options.seed))
    values: dict[str, Any] = {
        name: {
            **regularity(codes[name]),
            **continuity(model, codes[name], seed=options.seed),
            **completeness(model.decode(drawn), x, y),
            "error": float((model.decode(codes[name]) - x).square().mean()),
        }
        for name, model in models.items()
    }
    values["logged"] = models[NAMES[True]].log_values(x, seed=options.seed)
    first, last = (int(np.flatnonzero(y == label)[0]) for label in ENDS)
    ways = torch.stack([model.decode(way(codes[name][first], codes[name][last])) for name, model in models.items()])
    tables = {name: _images(model.decode(drawn[:64])).reshape(8, 8, 1, 8, 8) for name, model in models.items()}
    figures = {
        "clouds": code_clouds({name: z.numpy() for name, z in codes.items()}, y, [str(label) for label in range(10)]),
        "continuity": image_tables({"": _images(ways).reshape(2, STEPS, 1, 8, 8)}, rows=list(models)),
        "completeness": image_tables(tables),
    }
    return Lesson(text=_text(values), figures=figures, values=values)


def way(first: Tensor, last: Tensor) -> Tensor:
    """Codes (12, 2) in equal steps between two, (2,) each."""
    t = torch.linspace(0, 1, STEPS)[:, None]
    return (1 - t) * first + t * last


def regularity(codes: Tensor) -> dict[str, float]:
    """Of codes (N, 2): their deviation, and the share inside of the circle that holds 95 % of a standard normal."""
    inside = codes.norm(dim=1) <= math.sqrt(-2 * math.log(0.05))
    return {"deviation": float(codes.std(0).square().mean().sqrt()), "inside": float(inside.double().mean())}


def continuity(model: Trained, codes: Tensor, *, seed: int) -> dict[str, float]:
    """Changes of the image after a step of 1 % of the codes' deviation in a random direction, as root mean squares of
    a pixel: the median and the largest over all codes (N, 2)."""
    random = torch.Generator().manual_seed(seed)
    direction = torch.nn.functional.normalize(torch.randn(codes.shape, generator=random), dim=1)
    step = SMALL * codes.std(0).square().mean().sqrt() * direction
    change = (model.decode(codes + step) - model.decode(codes)).square().mean(1).sqrt()
    return {"usual_change": float(change.median()), "largest_change": float(change.max())}


def completeness(images: Tensor, x: Tensor, y: np.ndarray) -> dict[str, float]:
    """What images (M, 64) of random codes are: how many kinds of digit by the nearest real one of x (N, 64), each with
    2 % at least; and how evenly these come, as exp of the entropy, from 1 to 10."""
    nearest = torch.cdist(images, x).argmin(1).numpy()
    shares = np.bincount(y[nearest], minlength=10) / len(images)
    there = shares[shares > 0]
    return {"kinds": int((shares >= 0.02).sum()), "even_kinds": float(np.exp(-(there * np.log(there)).sum()))}


def _images(x: Tensor) -> np.ndarray:
    return np.asarray(x.double().numpy())


def _text(values: Mapping[str, Any]) -> str:
    plain, pulled = (values[name] for name in NAMES.values())
    logged = values["logged"]
    example = float(gaussian_kl(torch.tensor([[0.5]]).double(), torch.tensor([[2.0]]).double().log()))

    def row(words: str, key: str, form: str) -> str:
        return f"  {words:<52}{format(plain[key], form):>12}{format(pulled[key], form):>14}"

    return "\n".join(
        [
            "LATENT variables are causes that nobody observes. The prisoners of Plato's cave see shadows on a wall and",
            "must guess what walks past behind them; an encoder sees pixels and guesses a code.",
            "",
            "Two networks with codes of two numbers, on 1,797 digits. An AUTOENCODER gives back what it is given, by",
            "way of a point. A VARIATIONAL one makes of each digit a cloud N(mu, s^2), decodes z = mu + s eps, a draw",
            "from it, and is pulled to a standard normal:",
            "",
            "  loss = -log p(x | z) + KL(q(z | x) || N(0, I)),   KL = 1/2 sum (s^2 + mu^2 - 1 - log s^2).",
            "",
            f"Worked: mu = 0.5, s^2 = 2 gives 1/2 (2 + 0.25 - 1 - log 2) = {example:.6f}. It is 0 for mu = 0, s = 1.",
            "",
            f"  {'':<52}{'autoencoder':>12}{'variational':>14}",
            row("mean squared error of a pixel", "error", ".4f"),
            row("REGULAR: deviation of the codes", "deviation", ".2f"),
            row("  share of them where 95 % of a normal lie", "inside", ".0%"),
            row("CONTINUOUS: change of the image by a small step", "usual_change", ".4f"),
            row("  the largest over all digits", "largest_change", ".4f"),
            row("COMPLETE: kinds of digit among 1,000 random codes", "kinds", "d"),
            row("  as if so many came evenly", "even_kinds", ".1f"),
            "",
            "The plain one puts codes wherever it likes, with gaps: nobody knows where to draw a new one. The pull",
            "makes the clouds overlap around 0, so near codes decode to near contents, and any draw to something. It",
            "costs a little of the error. Without it (--pull 0) the clouds shrink and their means fly apart.",
            "",
            "WHAT A RUN LOGS, in nats, a mean over images (here: of this variational autoencoder)",
            f"  reconstruction  {logged['reconstruction']:8.2f}   -log p(x | z): surprise of an image, told its code",
            f"{'':29}(a density: noise of deviation {NOISE:g} on grey values; so it may be below 0)",
            f"  divergence      {logged['divergence']:8.2f}   KL(q(z | x) || p(z)): what the code tells of the image",
            f"  negative_elbo   {logged['negative_elbo']:8.2f}   their sum: a bound, -log p(x) is at most this",
            "  importance_nll             a tighter bound of the same, from several codes of each image",
            "  loss                       reconstruction + beta divergence: negative_elbo where beta is 1",
        ]
    )
