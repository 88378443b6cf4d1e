"""Receptive fields: which pixels of the input a unit can depend on, for every part of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from neurarium.nn.field_rules import RULES, Fields, reduced, whole
from neurarium.nn.lattice import Lattice, together
from neurarium.nn.summary import first_tensor


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """Of the units of one feature map, for each spatial axis of the input: (height, width) for images.

    size: pixels that a unit sees, the most where units differ; padding counts, so that it may exceed the image.
    stride: pixels between the fields of neighbours ("jump"); 0 where a unit sees the map as a whole.
    start: first pixel that unit 0 sees; negative inside padding.
    """

    lattices: tuple[Lattice, ...]

    @property
    def size(self) -> tuple[int, ...]:
        return tuple(lattice.size for lattice in self.lattices)

    @property
    def stride(self) -> tuple[Fraction, ...]:
        return tuple(lattice.stride for lattice in self.lattices)

    @property
    def start(self) -> tuple[int, ...]:
        return tuple(int(lattice.at(0)[0]) for lattice in self.lattices)

    def pixels(self, *unit: int) -> tuple[range, ...]:
        """The pixels that a unit sees along each axis, those in the padding included."""
        spans = [lattice.at(place) for lattice, place in zip(self.lattices, unit, strict=True)]
        return tuple(range(int(low), int(high) + 1) if low <= high else range(0) for low, high in spans)


def receptive_fields(network: nn.Module, *inputs: Any) -> dict[str, ReceptiveField]:
    """The receptive field of the output of each part of a network by its name, "" being the network itself.

    inputs: what `network(*inputs)` takes, the first (B, C, *spatial); fields are measured in its pixels.

    One pass in evaluation mode, in which each operation says what its units read. For a convolution or pooling with
    kernel k, stride s and dilation d after a field r of stride j that is the usual

        r' = r + (k - 1) d j,  j' = j s.

    Where paths join, a unit sees what any of them sees. Batch, group and layer statistics are not counted as reading;
    an operation that is not known is taken to read everything. Parts that were not called, or whose output does not
    depend on the first input, are left out. Raises ValueError for a first input without spatial axes.
    """
    if not inputs or not isinstance(inputs[0], Tensor) or inputs[0].ndim < 3:
        raise ValueError("Receptive fields need as first input a tensor (B, C, *spatial), such as a batch of images.")
    x = inputs[0]
    tracer = _Tracer()
    tracer.fields[x] = tuple((axis, Lattice()) for axis in range(2, x.ndim))
    found: dict[str, ReceptiveField] = {}

    def record(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            result = first_tensor(output)
            if result is not None and result in tracer.fields:
                found[name] = ReceptiveField(tuple(lattice for _, lattice in tracer.fields[result]))

        return hook

    modes = {module: module.training for module in network.modules()}
    handles = [module.register_forward_hook(record(name)) for name, module in network.named_modules()]
    try:
        with torch.no_grad(), tracer:
            network.eval()(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes.items():
            module.training = training
    return found


class _Tracer(TorchDispatchMode):
    """Follows the fields from tensor to tensor, through every operation that torch dispatches."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.fields: Any = WeakTensorKeyDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        read = [value for value in _tensors((args, kwargs)) if value in self.fields]
        if not read:
            return output
        schema = func._schema.arguments
        named = {argument.name: argument.default_value for argument in schema}
        named |= dict(zip(named, args, strict=False)) | (kwargs or {})  # later arguments keep their defaults
        known = {id(value): self.fields[value] for value in read}
        for place, result in enumerate(_tensors(output)):
            self.fields[result] = _after(func, named, read, known, result, place)
        return output


def _after(
    func: Any, named: Mapping[str, Any], read: list[Tensor], known: dict[int, Fields], out: Tensor, place: int
) -> Fields:
    """Fields of the result number `place` of an operation; read: its arguments that have fields."""
    name = func.overloadpacket.__name__.removesuffix("_")
    first = read[0]
    fields = known[id(first)]
    if name in RULES and len(read) == 1:
        return RULES[name](fields, first, named, out, place)
    if name in ("add", "cat") or torch.Tag.pointwise in func.tags:
        if name == "cat" and named["dim"] % out.ndim in {axis for axis, _ in fields}:
            return whole(fields, first, named, out, place)
        return _joined([(value, known[id(value)]) for value in read], out)
    if len(read) == 1 and "dim" in named and "keepdim" in named:
        return reduced(fields, first, named, out, place)
    return _joined([(value, whole(known[id(value)], value, named, out, place)) for value in read], out)


def _joined(read: list[tuple[Tensor, Fields]], out: Tensor) -> Fields:
    """Elementwise, each argument stretched to the shape of the result where it has length 1 there."""
    joined: list[tuple[int | None, Lattice]] = []
    for entries in zip(*(fields for _, fields in read), strict=True):
        moved: list[tuple[int | None, Lattice]] = []
        for (value, _), (axis, lattice) in zip(read, entries, strict=True):
            to = None if axis is None else axis + out.ndim - value.ndim
            stretched = axis is not None and to is not None and value.shape[axis] == 1 < out.shape[to]
            moved.append((to, lattice.constant(1) if stretched else lattice))
        axes = {axis for axis, _ in moved if axis is not None}
        lattices = [lattice for _, lattice in moved]
        if len(axes) > 1 or len({lattice.stride for lattice in lattices}) > 1:
            lattices = [lattice.constant(1 if axis is None else out.shape[axis]) for axis, lattice in moved]
        joined.append((axes.pop() if len(axes) == 1 else None, together(lattices)))
    return tuple(joined)


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [found for item in value for found in _tensors(item)] if isinstance(value, (tuple, list)) else []
