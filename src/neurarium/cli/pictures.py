"""Pictures into a folder, with one message for a folder that takes none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurarium.train.recipe import UserError


def write(
    folder: str | Path,
    figures: Mapping[str, Any],
    animations: Mapping[str, Any] | None = None,
    *,
    advice: str = " Name another folder with --to.",
) -> list[str]:
    """Write figures (PNG) and films (GIF) by their names without ending; returns the paths.

    Raises UserError, with the `advice`, where the folder cannot be written.
    """
    stills = {Path(folder) / f"{name}.png": figure for name, figure in figures.items()}
    films = {Path(folder) / f"{name}.gif": frames for name, frames in (animations or {}).items()}
    try:
        if stills or films:
            Path(folder).mkdir(parents=True, exist_ok=True)
        for file, figure in stills.items():
            figure.savefig(file, bbox_inches="tight")
        for file, frames in films.items():
            from neurarium.plots.animation import write_gif

            write_gif(file, frames)
    except OSError as error:
        raise UserError(f"The pictures cannot be written to {folder}: {error.strerror}.{advice}") from None
    return [str(file) for file in (*stills, *films)]
