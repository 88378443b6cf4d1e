"""The ORL faces: 40 people, ten portraits of each."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import torch

from neurarium.data.home import ORL_FACES, fetch
from neurarium.data.splits import check_validation
from neurarium.train.batches import Labelled

NUM_PEOPLE = 40
HELD = 8
"""Portraits of each person from which the others are told: these are for training and validation, two for the test."""
CLASSES = tuple(f"s{person}" for person in range(1, NUM_PEOPLE + 1))
"""The archive's names of the people."""


def faces(validation: int | None) -> tuple[dict[str, Labelled], tuple[str, ...]]:
    """Splits of grey portraits (1, 112, 92) uint8 and the names of the people; Samaria and Harter 1994.

    By the number of the file, the same for everybody: portraits 1 to 7 of a person are for training, 8 for validation,
    9 and 10 for the test: 280, 40 and 80. Training items lie by number, then by person; where `validation` is given,
    the last so many of the 320 are held out.
    """
    pixels = _decoded(fetch(ORL_FACES)["att_faces.tar.gz"])  # (40, 10, 112, 92)
    by_number = torch.from_numpy(pixels.swapaxes(0, 1).reshape(-1, 1, *pixels.shape[2:]))
    labels = torch.arange(NUM_PEOPLE).repeat(pixels.shape[1])
    rest = NUM_PEOPLE * HELD
    held = check_validation(validation, default=NUM_PEOPLE, available=rest, name="faces")
    cuts = {"train": (0, rest - held), "validation": (rest - held, rest), "test": (rest, len(labels))}
    parts = {split: Labelled(by_number[start:stop], labels[start:stop]) for split, (start, stop) in cuts.items()}
    return {split: items for split, items in parts.items() if len(items.y)}, CLASSES


def _decoded(path: Path) -> np.ndarray:
    """uint8 (40, 10, 112, 92): by person and by number of the file."""
    from PIL import Image

    pixels = np.empty((NUM_PEOPLE, 10, 112, 92), dtype=np.uint8)
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".pgm") else None
            if file is not None:
                place = Path(member.name)
                with Image.open(io.BytesIO(file.read())) as image:
                    pixels[int(place.parent.name[1:]) - 1, int(place.stem) - 1] = np.asarray(image)
    return pixels
