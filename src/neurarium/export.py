"""To ONNX, with a check that another runtime gives the same numbers."""

from __future__ import annotations

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
    batch = torch.export.Dim("batch", min=1)
    shapes = tuple({0: batch} for _ in args)
    with atomic_write(path) as temporary:
        torch.onnx.export(
            module,
            args,
            temporary,
            input_names=names,
            output_names=["output"],
            dynamic_shapes=(shapes,) if _variadic(module) else shapes,
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


def _variadic(module: nn.Module) -> bool:
    import inspect

    return any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(module.forward).parameters.values())
