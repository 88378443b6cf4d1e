"""What a system is made of: layers with their receptive fields, a drawing, and the memory that training takes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from neurarium.nn.architecture import architecture
from neurarium.nn.exciting import depths, most_exciting
from neurarium.nn.receptive_field import receptive_fields
from neurarium.nn.summary import summarise
from neurarium.train import hardware
from neurarium.train.data import Data, Shard
from neurarium.train.memory import training_memory
from neurarium.train.recipe import Recipe, UserError
from neurarium.train.settings import Settings
from neurarium.train.task import Task
from neurarium.train.training import build


def networks(recipe: Recipe, data: Data) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
    """Each of a system's networks, with an example of its arguments for two items."""
    batch: Any = next(iter(data.split(data.splits[-1], shard=Shard())))
    task = recipe.task(data.spec).eval()
    with torch.no_grad():
        return task.networks(type(batch)(*(field[:2] for field in batch)))


def layers(network: nn.Module, args: tuple[Tensor, ...]) -> list[dict[str, Any]]:
    """The layers of a network as plain values; the last row holds the sums.

    Where it reads images or signals a row also has `receptive_field`, in pixels, and `field_stride`, the pixels between
    the fields of neighbours: 0 where a unit sees the map as a whole.
    """
    rows = [asdict(row) for row in summarise(network, *args)]
    if not _has_fields(network, args):
        return rows
    fields = receptive_fields(network, *(value[:1] for value in args))
    for row in rows:
        found = fields.get("" if row is rows[-1] else row["name"])
        row["receptive_field"] = found and found.size
        row["field_stride"] = found and tuple(int(s) if s.denominator == 1 else float(s) for s in found.stride)
    return rows


def drawing(network: nn.Module, args: tuple[Tensor, ...], *, title: str) -> Any:
    """A matplotlib figure of the network's parts, with the sizes of their outputs."""
    from neurarium.plots.architecture import architecture_diagram

    found = architecture(network, *(value[:1] for value in args))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return architecture_diagram(found.parts, found.blocks, title=f"{title}: {parameters:,} parameters")


def features(task: Task, data: Data) -> Any:
    """A figure of the patches of test images that excite the maps of the task's network most, at three depths.

    Raises UserError for a system without a network that reads images.
    """
    from neurarium.plots.hierarchy import feature_hierarchy

    with torch.no_grad():
        given = [task.eval().networks(batch) for batch in data.split(data.splits[-1], shard=Shard())]
    name, (network, (x, *_)) = next(iter(given[0].items()))
    try:
        if x.ndim != 4 or x.shape[1] not in (1, 3):
            raise ValueError("It reads no images.")
        fields = depths(network, x)
        found = most_exciting(network, (batch[name][1][0] for batch in given), fields)
    except ValueError as error:
        raise UserError(f"There are no features of images to show: {error}") from None
    rows = {
        f"{layer}: each unit sees {' x '.join(map(str, fields[layer].size))} pixels": excited.patches.numpy()
        for layer, excited in found.items()
    }
    return feature_hierarchy(rows, title=f"What excites units of {type(network).__name__}, by depth")


def memory(recipe: Recipe, data: Data, settings: Settings) -> dict[str, int]:
    """Bytes that a training step takes on the plain path, by use, and `batch`, the items of a step."""
    settings = Settings(precision=settings.precision, freeze=settings.freeze, swa=settings.swa, device="cpu")
    with hardware.generators_kept():
        training = build(recipe, data, settings, hardware.plain_path(settings), Shard())
        batch = len(next(training.stream)[0])
        found = training_memory(training)
    return {**asdict(found), "batch": batch, "total": found.total(batch)}


def _has_fields(network: nn.Module, args: tuple[Tensor, ...]) -> bool:
    return args[0].ndim == 4 or (args[0].ndim == 3 and any(isinstance(m, nn.Conv1d) for m in network.modules()))
