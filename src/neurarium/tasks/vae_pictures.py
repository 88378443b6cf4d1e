"""What a trained variational autoencoder shows of its codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from matplotlib.figure import Figure
from torch import Tensor

from neurarium.losses.elbo import gaussian_kl
from neurarium.plots.gallery import image_grid
from neurarium.plots.latents import image_tables
from neurarium.plots.reconstructions import code_scatter, reconstruction_gallery
from neurarium.train.data import Batch
from neurarium.train.task import Figures

if TYPE_CHECKING:
    from neurarium.tasks.vae import VariationalAutoencoder

SHOWN = 40
ROWS = 10
"""Codes that are drawn as traversals, the most telling ones."""
STYLES = 8
SIDE = 15
STEPS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)


def pictures(task: VariationalAutoencoder, batches: Iterable[Batch]) -> Figures:
    """Reconstructions, samples or styles by class, traversals; a map and a grid of codes of two numbers."""
    codes, labels, divergences, first = [], [], torch.zeros(task.latent_size), None
    for batch in batches:
        first = batch if first is None else first
        mean, log_variance = (values.cpu() for values in task.posterior(task.inputs(batch[0]), task.told(batch[-1])))
        codes.append(mean)
        labels.append(batch[-1].cpu())
        divergences += gaussian_kl(mean.T, log_variance.T)
    assert first is not None
    chosen = divergences.topk(min(ROWS, task.latent_size)).indices.tolist()
    figures = {"reconstructions": _reconstructions(task, first), "traversals": _traversals(task, first, chosen)}
    if task.conditional:
        names = task.classes[:20]
        figures["styles"] = image_tables({"": styles(task, STYLES)[:, : len(names)].numpy()}, columns=names)
    else:
        figures["samples"] = image_grid((255 * task.sample(SHOWN)).byte().numpy(), columns=10)
    if task.latent_size == 2 and task.classes:
        figures["codes"] = code_scatter(torch.cat(codes).numpy(), torch.cat(labels).numpy(), task.classes)
    if task.latent_size == 2 and not task.conditional:
        figures["grid"] = image_tables({"": grid(task, SIDE).numpy()}, gap=0.0)
    return figures


def grid(task: VariationalAutoencoder, side: int) -> Tensor:
    """Images (side, side, C, H, W) at the quantiles (i + 1/2) / side of the prior of each of two numbers, of which the
    second grows upwards; Kingma, Welling 2014, figure 4."""
    quantiles = torch.special.ndtri((torch.arange(side) + 0.5) / side)
    down, across = torch.meshgrid(quantiles.flip(0), quantiles, indexing="ij")
    return _table(task.decode(torch.stack([across, down], -1).view(-1, 2)), side)


def traversals(
    task: VariationalAutoencoder,
    code: Tensor,
    latents: Sequence[int],
    *,
    values: Sequence[float] = STEPS,
    label: int | None = None,
) -> Tensor:
    """Images (len(latents), len(values), C, H, W): in each row one number of the code (d,) takes the values, and the
    others stay. label: the class of a conditional model."""
    z = code.repeat(len(latents), len(values), 1)
    for row, latent in enumerate(latents):
        z[row, :, latent] = torch.tensor(values)
    flat = z.view(-1, len(code))
    return _table(task.decode(flat, labels=None if label is None else torch.full((len(flat),), label)), len(latents))


def styles(task: VariationalAutoencoder, count: int, *, seed: int = 0) -> Tensor:
    """Images (count, classes, C, H, W): one code a row, drawn from the prior, decoded with each class in turn."""
    classes = len(task.classes)
    z = torch.randn(count, task.latent_size, generator=torch.Generator().manual_seed(seed))
    images = task.decode(z.repeat_interleave(classes, 0), labels=torch.arange(classes).repeat(count))
    return _table(images, count)


def _reconstructions(task: VariationalAutoencoder, batch: Batch) -> Figure:
    x = batch[0][:10]
    labels = batch[-1][:10] if task.conditional else None
    rows = {"input": task.inputs(x).cpu(), "output": task.reconstruct(x, labels=labels)}
    return reconstruction_gallery({name: images.numpy() for name, images in rows.items()})


def _traversals(task: VariationalAutoencoder, batch: Batch, latents: Sequence[int]) -> Figure:
    labels = batch[-1][:1] if task.conditional else None
    (code,) = task.encode(batch[0][:1], labels=labels)
    images = traversals(task, code, latents, label=None if labels is None else int(labels))
    names = [f"{value:+.0f}".replace("-", "\N{MINUS SIGN}").replace("+0", "0") for value in STEPS]
    return image_tables({"": images.numpy()}, rows=[f"z{latent}" for latent in latents], columns=names)


def _table(images: Tensor, rows: int) -> Tensor:
    return images.view(rows, -1, *images.shape[1:])
