"""What an autoencoder shows of itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from neurarium.nn.corruption import corrupt_alone
from neurarium.plots.reconstructions import code_scatter, reconstructed_curves, reconstruction_gallery
from neurarium.train.data import Batch
from neurarium.train.task import Figures

if TYPE_CHECKING:
    from neurarium.tasks.autoencoder import Autoencoder

SHOWN = 10


def pictures(task: Autoencoder, batches: Iterable[Batch]) -> Figures:
    """Inputs over outputs; with corruption what was spoiled, what was made of it, and the target; codes of two
    numbers by class."""
    codes, labels, few = [], [], []
    for batch in batches:
        few.append(batch[0][:: max(1, len(batch[0]) // SHOWN)])
        codes.append(task.encode(batch[0]))
        labels.append(batch[-1].cpu())
    items = torch.cat(few)  # from the whole split, which may lie by class
    figures = {"reconstructions": _gallery(task, items[:: max(1, len(items) // SHOWN)][:SHOWN])}
    if codes[0].shape[1] == 2 and task.classes:
        figures["codes"] = code_scatter(torch.cat(codes).numpy(), torch.cat(labels).numpy(), task.classes)
    return figures


def _gallery(task: Autoencoder, items: Tensor) -> Figure:
    x, target = task.inputs(items), task.targets(items)
    shown = {"input": x}
    if task.corrupt is not None:
        shown = {"input": corrupt_alone(task.corrupt, x)}
    shown["output"] = task.shown(task.decoder(task.encoder(shown["input"])))
    if task.corrupt is not None or task.targets is not task.inputs:
        shown["target"] = _restored(task.targets, target)
    shown["input"] = _restored(task.inputs, shown["input"])
    rows = {name: values.float().cpu().numpy() for name, values in shown.items()}
    if x.dim() == 4:
        return reconstruction_gallery(rows)
    return reconstructed_curves(*(values.reshape(len(x), -1)[:5] for values in (rows["input"], rows["output"])))


def _restored(inputs: nn.Module, x: Tensor) -> Tensor:
    values: Tensor = inputs.restore(x)  # type: ignore[operator]
    return values
