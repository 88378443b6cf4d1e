"""The state of a run as one file: tensors as safetensors, all else as JSON in its header. No pickle anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from neurarium.runs import tensors as files
from neurarium.runs.atomic import atomic_write
from neurarium.train.data import State


def save(path: Path, state: State) -> None:
    """Write beside and rename: a full disk or a kill leaves the file that was there."""
    tensors: dict[str, Tensor] = {}
    scalars: dict[str, int | float | str] = {}
    tied: dict[str, str] = {}
    owners: dict[tuple[int, torch.Size, tuple[int, ...]], str] = {}
    for name, value in state.items():
        if not isinstance(value, Tensor):
            scalars[name] = value
            continue
        place = (value.data_ptr(), value.shape, value.stride())
        if value.numel() and place in owners:
            tied[name] = owners[place]
            continue
        owners[place] = name
        tensors[name] = value.detach().to("cpu").contiguous()
    header = {"scalars": json.dumps(scalars), "tied": json.dumps(tied), **files.UNSEALED}
    with atomic_write(path) as temporary:
        save_file(tensors, temporary, metadata=header)
        files.seal(temporary)


def load(path: Path) -> State:
    """Raises RunError for a file that is not what was written."""
    header = files.verify(path)
    state: State = dict(load_file(path))
    for name, owner in json.loads(header["tied"]).items():
        state[name] = state[owner]
    state.update(json.loads(header["scalars"]))
    return state


def part(state: State, prefix: str) -> State:
    """The entries under "prefix.", without it."""
    return {name.removeprefix(prefix + "."): value for name, value in state.items() if name.startswith(prefix + ".")}


def under(prefix: str, state: State) -> State:
    return {f"{prefix}.{name}": value for name, value in state.items()}
