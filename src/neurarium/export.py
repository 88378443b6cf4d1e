"""To ONNX, with a check that another runtime gives the same numbers."""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from neurarium.runs.atomic import atomic_write
from neurarium.train.recipe import UserError

TOLERANCE = 1e-4
CHECKED_BATCHES = (1, 33)


def to_onnx(module: nn.Module, args: tuple[Tensor, ...], path: Path) -> Path:
    """Write module(*args) with a free batch axis; raises UserError where a package is missing or numbers differ."""
    try:
        import onnxruntime
        import onnxscript  # noqa: F401 - torch.onnx needs it, and says so less clearly
    except ImportError as error:
        raise UserError(f"Export needs {error.name}. Install it with: pip install 'neurarium[export]'") from error
    module = module.eval().cpu()
    args = tuple(arg.cpu()[:2] for arg in args)
    names = [f"input_{number}" for number in range(len(args))] if len(args) > 1 else ["input"]
    free = {0: torch.export.Dim("batch", min=1)}
    with atomic_write(path) as temporary:
        with _quiet():
            torch.onnx.export(
                module,
                args,
                temporary,
                input_names=names,
                output_names=["output"],
                dynamic_shapes=_shapes(module, args, free),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        session = onnxruntime.InferenceSession(temporary, providers=["CPUExecutionProvider"])
        for size in CHECKED_BATCHES:
            inputs = [arg[torch.arange(size) % len(arg)] for arg in args]
            with torch.no_grad():
                ours = module(*inputs).numpy()
            (theirs,) = session.run(None, {name: value.numpy() for name, value in zip(names, inputs, strict=True)})
            difference = float(np.abs(ours - theirs).max())
            if not difference <= TOLERANCE:
                raise UserError(
                    f"onnxruntime differs from torch by {difference:.2g} for a batch of {size}; nothing was written."
                )
    return path


def _shapes(module: nn.Module, args: tuple[Tensor, ...], free: object) -> tuple[object, ...]:
    """One entry a parameter of `forward`; a variadic one takes a tuple of its own."""
    kinds = [parameter.kind for parameter in inspect.signature(module.forward).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        return tuple(free for _ in args)
    named = kinds.index(inspect.Parameter.VAR_POSITIONAL)
    rest = tuple(free for _ in args[named:])
    return (*(free for _ in args[:named]), rest) if rest else tuple(free for _ in args)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's notes on packages and deprecations inside torch, which say nothing of the network."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
