"""neurarium reconstruct"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from neurarium.cli import made, pictures
from neurarium.cli.arguments import emit, parse
from neurarium.cli.on_run import OnRun
from neurarium.train.recipe import UserError

if TYPE_CHECKING:
    from neurarium.uses.generation import Reconstructed

SHOWN = 12
ABOUT = """Send your items through the code and back. What comes back badly is unlike what was learned from.

neurarium reconstruct last photos/
neurarium reconstruct last photo.png --files     # the image alone, such as a denoised one
"""


@dataclass(frozen=True)
class Reconstruct(OnRun):
    files: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Images, folders of them, arrays (.npy), or tables with the columns of the training data."""
    label: Annotated[str, tyro.conf.arg(name="class")] = ""
    """Name or number of the class of all, for systems that are told one."""
    to: str = "pictures"
    """Folder in which pictures are written."""
    each: Annotated[bool, tyro.conf.arg(name="files")] = False
    """What came of each image as a file of its own too."""


def run(words: Sequence[str]) -> int:
    args = parse(Reconstruct, words, verb="reconstruct", description=ABOUT)
    if not args.files:
        raise UserError("Name at least one file, for example: neurarium reconstruct last photo.png")
    from neurarium import api

    trained = api.open_run(args.run, runs=args.runs)
    found = api.reconstruct(trained, args.files, label=args.label or None)
    order = found.errors.argsort(descending=True, stable=True).tolist()
    files = pictures.write(args.to, _figures(found, order[:SHOWN], f"{trained.run.name}-reconstructions"))
    if args.each:
        if found.outputs.dim() != 4:
            raise UserError(f"{trained.run.name} gives back no images. Leave --files out.")
        names = [f"{name}-reconstructed" for name in _distinct(found.names)]
        files += made.write_images(args.to, names, found.outputs)
    rows = [{"input": found.names[i], "error": float(found.errors[i])} for i in order]
    if args.json:
        emit({"run": str(trained.path), "reconstructions": rows, "files": files})
        return 0
    for row in rows:
        print(f"{row['error']:.5f}  {row['input']}")
    if files:
        print(f"Pictures: {', '.join(files[:2])}{' ...' if len(files) > 2 else ''}")
    return 0


def _figures(found: Reconstructed, shown: list[int], name: str) -> dict[str, Any]:
    """Input over output, the largest error first; of tables, whose columns have scales of their own, none."""
    from neurarium.plots.reconstructions import reconstruction_gallery

    if found.outputs.dim() != 4:
        return {}
    rows = {"input": found.inputs[shown].numpy(), "output": found.outputs[shown].numpy()}
    return {name: reconstruction_gallery(rows, columns=[f"{float(found.errors[i]):.3g}" for i in shown])}


def _distinct(names: list[str]) -> list[str]:
    """Names with a number behind those that others have too: files of two folders may be named alike."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        stem = name if name.endswith("]") else Path(name).stem
        seen[stem] = seen.get(stem, 0) + 1
        found.append(stem if seen[stem] == 1 else f"{stem}-{seen[stem]}")
    return found
