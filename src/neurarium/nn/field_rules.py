"""What each of torch's operations reads, for receptive fields."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from torch import Tensor

from neurarium.nn.lattice import Lattice

Fields = tuple[tuple[int | None, Lattice], ...]
"""For each spatial axis of the input: the axis of the tensor that it runs along, if one still does, and the lattice."""

# A rule gives the fields of the result number `place`, `out`, from those of the tensor x and all arguments by name.


def _same(fields: Fields, x: Tensor, named: Mapping[str, Any], out: Tensor, place: int) -> Fields:
    return fields


def whole(fields: Fields, x: Tensor, named: Mapping[str, Any], out: Tensor, place: int) -> Fields:
    return tuple((None, _all(axis, lattice, x)) for axis, lattice in fields)


def _all(axis: int | None, lattice: Lattice, x: Tensor) -> Lattice:
    return lattice if axis is None else lattice.constant(x.shape[axis])


def _convolved(fields: Fields, x: Tensor, named: Mapping[str, Any], out: Tensor, place: int) -> Fields:
    found: list[tuple[int | None, Lattice]] = []
    for axis, lattice in fields:
        if axis is None or axis < 2:
            found.append((axis, lattice) if axis in (None, 0) else (None, _all(axis, lattice, x)))
            continue
        numbers = (_number(named[key], axis - 2) for key in ("stride", "padding", "dilation"))
        kernel, spread = int(named["weight"].shape[axis]), named["transposed"]
        found.append((axis, _window(lattice, kernel, *numbers, spread=spread)))
    return tuple(found)


def _pooled(fields: Fields, x: Tensor, named: Mapping[str, Any], out: Tensor, place: int) -> Fields:
    kernel = named["kernel_size"]
    first = x.ndim - len(kernel)
    found: list[tuple[int | None, Lattice]] = []
    for axis, lattice in fields:
        if axis is None or axis < first:
            found.append((axis, lattice))
            continue
        size, at = kernel[axis - first], axis - first
        stride, dilation = named["stride"] or kernel, named.get("dilation", 1)
        numbers = (_number(values, at) for values in (stride, named["padding"], dilation))
        found.append((axis, _window(lattice, size, *numbers)))
    return tuple(found)


def _window(
    lattice: Lattice, kernel: int, stride: int, padding: int, dilation: int, *, spread: bool = False
) -> Lattice:
    if not spread:
        return lattice.read(
            lambda unit: (unit * stride - padding + tap * dilation for tap in range(kernel)), inputs=stride
        )

    def taps(unit: int) -> Iterable[int]:
        places = (unit + padding - tap * dilation for tap in range(kernel))
        return (place // stride for place in places if place % stride == 0)

    return lattice.read(taps, outputs=stride)


def _resized(fields: Fields, x: Tensor, named: Mapping[str, Any], out: Tensor, place: int) -> Fields:
    """Adaptive pooling, enlarging and pixel shuffling by whole factors; other factors read everything."""
    reach = named.get("reach", 0)
    found: list[tuple[int | None, Lattice]] = []
    for axis, lattice in fields:
        if axis is None or axis < 2:
            found.append((axis, lattice) if axis in (None, 0) else (None, _all(axis, lattice, x)))
            continue
        n_in, n_out = x.shape[axis], out.shape[axis]
        if n_in % n_out == 0 and not reach:
            found.append((axis, _window(lattice, n_in // n_out, n_in // n_out, 0, 1)))
        elif n_out % n_in == 0 and not named.get("align_corners"):
            found.append((axis, lattice.read(_between(n_out // n_in, reach), outputs=n_out // n_in)))
        else:
            found.append((axis, _all(axis, lattice, x)))
    return tuple(found)


def _between(factor: int, reach: int) -> Callable[[int], Iterable[int]]:
    """What unit i of an enlarged map reads: the nearest unit, or `reach` on both sides of (i + 1/2) / factor - 1/2."""

    def taps(unit: int) -> Iterable[int]:
        place = Fraction(2 * unit + 1, 2 * factor) - Fraction(1, 2)
        if not reach:
            return (unit // factor,)
        if place.denominator == 1:
            return (int(place),)
        return range(math.floor(place) - reach + 1, math.floor(place) + reach + 1)

    return taps


def _reaching(reach: int) -> Callable[..., Fields]:
    return lambda fields, x, named, out, place: _resized(fields, x, {**named, "reach": reach}, out, place)


def _padded(fields: Fields, x: Tensor, named: Mapping[str, Any], out: Tensor, place: int) -> Fields:
    pads: Sequence[int] = named["pad"] if "pad" in named else named["padding"]
    before = dict(zip(range(x.ndim - 1, -1, -1), pads[::2], strict=False))  # last axes alone
    return _shifted(fields, {axis: -number for axis, number in before.items()})


def _shifted(fields: Fields, by: Mapping[int | None, int], step: int = 1) -> Fields:
    """Unit i of the result is unit i step + by of the tensor, along the axes in `by`."""

    def move(axis: int | None, lattice: Lattice) -> Lattice:
        return lattice.read(lambda unit: (unit * step + by[axis],), inputs=step) if axis in by else lattice

    return tuple((axis, move(axis, lattice)) for axis, lattice in fields)


def _sliced(fields: Fields, x: Tensor, named: Mapping[str, Any], out: Tensor, place: int) -> Fields:
    axis, start = named["dim"] % x.ndim, named["start"] or 0
    length = x.shape[axis]
    return _shifted(fields, {axis: min(max(start + length if start < 0 else start, 0), length)}, named["step"])


def _split(fields: Fields, x: Tensor, named: Mapping[str, Any], out: Tensor, place: int) -> Fields:
    axis = named["dim"] % x.ndim
    sizes = named["split_sizes"] if "split_sizes" in named else [named["split_size"]] * place
    return _shifted(fields, {axis: sum(sizes[:place])})


def _taken(fields: Fields, x: Tensor, named: Mapping[str, Any], out: Tensor, place: int) -> Fields:
    """One place of an axis, which disappears."""
    gone = named["dim"] % x.ndim
    index = named.get("index", place) % x.shape[gone]
    return tuple(
        (None, lattice.read(lambda _: (index,), inputs=0))
        if axis == gone
        else (axis if axis is None or axis < gone else axis - 1, lattice)
        for axis, lattice in fields
    )


def reduced(fields: Fields, x: Tensor, named: Mapping[str, Any], out: Tensor, place: int) -> Fields:
    dims = named["dim"]
    dims = range(x.ndim) if dims is None or dims == [] else [dims] if isinstance(dims, int) else dims
    gone = {axis % x.ndim for axis in dims}
    left = {axis: at for at, axis in enumerate(axis for axis in range(x.ndim) if named["keepdim"] or axis not in gone)}
    return tuple(
        (left.get(axis), _all(axis, lattice, x)) if axis in gone else (left.get(axis), lattice)  # type: ignore[arg-type]
        for axis, lattice in fields
    )


def _along(fields: Fields, x: Tensor, named: Mapping[str, Any], out: Tensor, place: int) -> Fields:
    """Softmax and running sums: every unit along one axis reads the others."""
    dim = named["dim"] % x.ndim
    return tuple((axis, _all(axis, lattice, x) if axis == dim else lattice) for axis, lattice in fields)


def _reshaped(fields: Fields, x: Tensor, named: Mapping[str, Any], out: Tensor, place: int) -> Fields:
    """An axis goes on where the result has one of its length with as many numbers before it; else it is merged."""
    if x.shape == out.shape:
        return fields
    places = {(math.prod(out.shape[:axis]), out.shape[axis]): axis for axis in range(out.ndim)}

    def move(axis: int | None, lattice: Lattice) -> tuple[int | None, Lattice]:
        if axis is None:
            return None, lattice
        to = places.get((math.prod(x.shape[:axis]), x.shape[axis])) if x.shape[axis] > 1 else None
        return (None, _all(axis, lattice, x)) if to is None else (to, lattice)

    return tuple(move(axis, lattice) for axis, lattice in fields)


def _permuted(fields: Fields, x: Tensor, named: Mapping[str, Any], out: Tensor, place: int) -> Fields:
    order = list(range(x.ndim))
    if "dims" in named:
        order = [axis % x.ndim for axis in named["dims"]]
    else:
        a, b = named.get("dim0", 0), named.get("dim1", 1)
        order[a], order[b] = order[b], order[a]
    return tuple((None if axis is None else order.index(axis), lattice) for axis, lattice in fields)


def _multiplied(fields: Fields, x: Tensor, named: Mapping[str, Any], out: Tensor, place: int) -> Fields:
    """Rows times a matrix of weights: what runs along the rows is summed over."""
    if x is named["mat2"] or x.shape[:-1] != out.shape[:-1]:
        return whole(fields, x, named, out, place)
    return tuple((None, _all(axis, lattice, x)) if axis == x.ndim - 1 else (axis, lattice) for axis, lattice in fields)


def _number(values: Any, index: int) -> int:
    """torch gives one number for all axes, or one for each."""
    return int(values if isinstance(values, int) else values[index if len(values) > 1 else 0])


RULES: dict[str, Callable[..., Fields]] = {
    "convolution": _convolved,
    **dict.fromkeys(
        ["max_pool2d_with_indices", "max_pool3d_with_indices", "avg_pool1d", "avg_pool2d", "avg_pool3d"], _pooled
    ),
    **dict.fromkeys(
        ["_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_max_pool2d", "adaptive_max_pool3d",
         "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "pixel_shuffle", "pixel_unshuffle"],
        _resized,
    ),
    **dict.fromkeys(["upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d"], _reaching(1)),
    "upsample_bicubic2d": _reaching(2),
    **dict.fromkeys(
        ["constant_pad_nd", *(f"{kind}_pad{n}d" for kind in ("reflection", "replication") for n in (1, 2, 3))], _padded
    ),
    **dict.fromkeys(
        ["native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training", "cudnn_batch_norm",
         "native_group_norm", "native_layer_norm", "clone", "detach", "alias", "_to_copy", "copy", "_prelu_kernel"],
        _same,
    ),
    **dict.fromkeys(["_softmax", "_log_softmax", "cumsum"], _along),
    **dict.fromkeys(["view", "_unsafe_view", "squeeze", "unsqueeze"], _reshaped),
    **dict.fromkeys(["permute", "transpose", "t"], _permuted),
    **dict.fromkeys(["split", "split_with_sizes"], _split),
    **dict.fromkeys(["select", "unbind"], _taken),
    **dict.fromkeys(["mm", "addmm", "bmm"], _multiplied),
    "slice": _sliced,
}  # fmt: skip
