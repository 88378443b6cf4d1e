"""What a generator shows of itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from neurarium.plots.gallery import image_grid
from neurarium.plots.latents import image_tables
from neurarium.plots.points import sample_scatter
from neurarium.tasks.conditions import Codes
from neurarium.train.data import Batch
from neurarium.train.task import Figures

if TYPE_CHECKING:
    from neurarium.tasks.adversarial import Adversarial

SIDE = 10
"""Rows and columns of samples."""
STYLES = 5
"""Codes of noise for which traversals are drawn."""
REACH = 2.0
"""Numbers are drawn from -1 to 1 and shown from -2 to 2, as in figure 2 of Chen et al. 2016."""


def pictures(task: Adversarial, batches: Iterable[Batch]) -> Figures:
    """Points among the data's. Or ten by ten images: unsorted, one class a row where classes can be asked for; and what
    each code of an InfoGAN changes."""
    x = next(iter(batches))[0]
    if x.dim() == 2:
        return {"samples": sample_scatter(x.cpu().numpy(), task.sample(len(x)).numpy())}
    if task.condition is None:
        return {"samples": image_grid((255 * task.sample(SIDE**2)).byte().numpy(), columns=SIDE)}
    rows = torch.arange(SIDE) % task.condition.num_classes
    images = task.sample(SIDE**2, labels=rows.repeat_interleave(SIDE)).unflatten(0, (SIDE, SIDE))
    figures = {"samples": image_tables({"": images.numpy()}, rows=[str(int(row)) for row in rows])}
    if isinstance(task.condition, Codes):
        figures["category"] = image_tables({"category": category_traversal(task, STYLES)[:, :12].numpy()})
        if task.condition.numbers:
            shown = range(min(3, task.condition.numbers))
            reach = f"from \N{MINUS SIGN}{REACH:g} to {REACH:g}"
            tables = {f"number {n + 1}, {reach}": number_traversal(task, n, STYLES).numpy() for n in shown}
            figures["numbers"] = image_tables(tables)
    return figures


def category_traversal(task: Adversarial, styles: int, *, seed: int = 0) -> Tensor:
    """Images (styles, categories, C, H, W): noise and numbers stay in a row, the category is another in each column."""
    z, c, codes = _styles(task, styles, seed)
    c = c.repeat_interleave(codes.categories, 0)
    c[:, : codes.categories] = torch.eye(codes.categories).repeat(styles, 1)
    return task.decode(z.repeat_interleave(codes.categories, 0), c).unflatten(0, (styles, codes.categories))


def number_traversal(task: Adversarial, number: int, styles: int, *, steps: int = 7, seed: int = 0) -> Tensor:
    """Images (styles, steps, C, H, W): all stays in a row but one number of the code, which grows from -2 to 2."""
    z, c, codes = _styles(task, styles, seed)
    c = c.repeat_interleave(steps, 0)
    c[:, codes.categories + number] = torch.linspace(-REACH, REACH, steps).repeat(styles)
    return task.decode(z.repeat_interleave(steps, 0), c).unflatten(0, (styles, steps))


def _styles(task: Adversarial, styles: int, seed: int) -> tuple[Tensor, Tensor, Codes]:
    """Noise (styles, d) and codes (styles, size), a category after the other."""
    codes = task.condition
    if not isinstance(codes, Codes):
        raise ValueError("Only a generator with codes, such as InfoGAN's, has traversals of them.")
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(styles, task.latent_size, generator=random)
    return z, codes.draw(styles, torch.arange(styles) % codes.categories, torch.device("cpu"), random), codes
