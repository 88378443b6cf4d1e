"""The ORL faces: 38 people, ten portraits of each."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import torch

from neurarium.data.home import ORL_FACES, fetch
from neurarium.data.splits import check_validation
from neurarium.train.batches import Labelled

PEOPLE = tuple(range(3, 41))
"""The archive's numbers of the people. Its folders s1 and s2 hold snapshots of two others, which are none of upstream's
pictures (these were all taken before a dark, even background), and are left out."""
PORTRAITS = 10
HELD = 8
"""Portraits of each person from which the others are told: these are for training and validation, two for the test."""
CLASSES = tuple(f"s{person}" for person in PEOPLE)


def faces(validation: int | None) -> tuple[dict[str, Labelled], tuple[str, ...]]:
    """Splits of grey portraits (1, 112, 92) uint8 and the names of the people; Samaria and Harter 1994.

    38 of upstream's 40 people, s3 to s40. By the number of the file, the same for everybody: portraits 1 to 7 of a
    person are for training, 8 for validation, 9 and 10 for the test: 266, 38 and 76. Training items lie by number, then
    by person; where `validation` is given, the last so many of the 304 are held out.
    """
    pixels = _decoded(fetch(ORL_FACES)["att_faces.tar.gz"])  # (10, 38, 112, 92)
    x = torch.from_numpy(pixels).flatten(0, 1)[:, None]
    y = torch.arange(len(PEOPLE)).repeat(PORTRAITS)
    rest = len(PEOPLE) * HELD
    held = check_validation(validation, default=len(PEOPLE), available=rest, name="faces")
    cuts = {"train": (0, rest - held), "validation": (rest - held, rest), "test": (rest, len(y))}
    parts = {split: Labelled(x[start:stop], y[start:stop]) for split, (start, stop) in cuts.items()}
    return {split: items for split, items in parts.items() if len(items.y)}, CLASSES


def _decoded(path: Path) -> np.ndarray:
    """uint8 (10, 38, 112, 92): by number of the file and by person."""
    from PIL import Image

    pixels = np.empty((PORTRAITS, len(PEOPLE), 112, 92), dtype=np.uint8)
    with tarfile.open(path) as archive:
        for member in archive:
            place = Path(member.name)  # att_faces/s40/10.pgm
            file = archive.extractfile(member) if place.parent.name in CLASSES else None
            if file is not None:
                with Image.open(io.BytesIO(file.read())) as image:
                    pixels[int(place.stem) - 1, CLASSES.index(place.parent.name)] = np.asarray(image)
    return pixels
