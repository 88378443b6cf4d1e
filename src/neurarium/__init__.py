"""Neurarium: every system that a course in deep learning teaches, trained on real data with one command."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurarium.api import (
        Trained,
        arithmetic,
        class_scores,
        compare,
        encode,
        ensemble,
        evaluate,
        export,
        interpolate,
        open_run,
        prove,
        reconstruct,
        resume,
        sample,
        similar,
        train,
        verify,
    )

__version__ = "0.1.0"
__all__ = [
    "Trained",
    "arithmetic",
    "class_scores",
    "compare",
    "encode",
    "ensemble",
    "evaluate",
    "export",
    "interpolate",
    "open_run",
    "prove",
    "reconstruct",
    "resume",
    "sample",
    "similar",
    "train",
    "verify",
]


class _Front(ModuleType):
    """The package, whose `train` and `export` are the functions: packages of these names exist inside, and importing
    one of them would put it in the function's place. `from neurarium.train.recipe import Recipe` finds it all the same.
    """

    def __getattr__(self, name: str) -> Any:
        """The parts are imported when asked for: `import neurarium` alone takes milliseconds, torch a second."""
        if name not in __all__:
            raise AttributeError(f"module 'neurarium' has no attribute {name!r}; it has {', '.join(__all__)}.")
        return getattr(importlib.import_module("neurarium.api"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in __all__:
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Front
