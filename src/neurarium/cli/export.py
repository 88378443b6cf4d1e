"""neurarium export"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from neurarium.cli.arguments import emit, parse
from neurarium.cli.on_run import OnRun


@dataclass(frozen=True)
class Export(OnRun):
    format: Literal["onnx"] = "onnx"
    """The file format."""
    to: str = ""
    """Path of the file; in the run's folder by default."""


def run(words: Sequence[str]) -> int:
    args = parse(Export, words, verb="export", description="Write the trained networks with their input preparation.")
    from neurarium import api

    path = api.export(args.run, to=args.to or None, runs=args.runs)
    if args.json:
        emit({"run": args.run, "file": str(path)})
    else:
        print(f"{path}: checked, onnxruntime gives torch's numbers for batches of 1 and 33")
    return 0
