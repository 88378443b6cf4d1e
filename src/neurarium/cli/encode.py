"""neurarium encode"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from neurarium.cli.arguments import emit, parse
from neurarium.cli.made import write_array, write_table
from neurarium.cli.on_run import OnRun
from neurarium.train.recipe import UserError

ABOUT = """Write the code of each item: one row of a table, or of an array.

neurarium encode last photos/ --to codes.csv
neurarium encode last --split test --to codes.npy
"""


@dataclass(frozen=True)
class Encode(OnRun):
    files: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Images, folders of them, arrays (.npy), or tables with the columns of the training data."""
    split: str = ""
    """A split of the run's own data in place of files: train, validation, test."""
    label: Annotated[str, tyro.conf.arg(name="class")] = ""
    """Name or number of the class of all files, for systems that are told one."""
    to: str = "codes.csv"
    """The file that is written: a .csv table with the name of each item, or a .npy array (N, d) of codes alone."""


def run(words: Sequence[str]) -> int:
    args = parse(Encode, words, verb="encode", description=ABOUT)
    ending = Path(args.to).suffix.lower()
    if ending not in (".csv", ".npy"):
        raise UserError(f"--to expects a file that ends in .csv or .npy, received {args.to}.")
    from neurarium import api

    trained = api.open_run(args.run, runs=args.runs)
    found = api.encode(trained, args.files, split=args.split, label=args.label or None)
    if ending == ".npy":
        write_array(args.to, found.codes.numpy())
    else:
        header = ["item", *(f"z{i + 1}" for i in range(found.codes.shape[1])), *(["class"] if found.classes else [])]
        classes = [[name] for name in found.classes] or [[]] * len(found.names)
        rows = zip(found.names, found.codes.tolist(), classes, strict=True)
        write_table(args.to, header, [[name, *code, *label] for name, code, label in rows])
    items, size = found.codes.shape
    if args.json:
        emit({"run": str(trained.path), "items": items, "size": size, "file": args.to})
        return 0
    print(f"{args.to}: {items:,} codes of {size} numbers")
    return 0
