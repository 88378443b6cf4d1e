"""One door to images with masks: a name of a set, or the path of a person's own two folders."""

from __future__ import annotations

import io
import tarfile
from functools import partial
from pathlib import Path

import numpy as np
import torch

from neurarium.data.decoding import decode
from neurarium.data.home import VARIABLE, home
from neurarium.data.mask_folders import read_folder
from neurarium.data.masks import Scenes, resident
from neurarium.data.memory import Augment, InMemory
from neurarium.data.ragged import Ragged
from neurarium.data.touching_cells import draw_cells
from neurarium.data.weight_map import WeightMap, separated
from neurarium.train.recipe import UserError, near

SETS = ("cells", "membrane", "nuclei")
MEMBRANE_SPLITS = {"train": range(20), "validation": range(20, 25), "test": range(25, 30)}
NUCLEI_SPLITS = {"train": range(70), "validation": range(70, 85), "test": range(85, 100)}
CELLS_SIZES = {"train": 48, "validation": 12, "test": 12}


def open_segmentation(
    name: str, *, batch_size: int, augment: Augment | None = None, weight_map: WeightMap | None = None, seed: int = 0
) -> InMemory | Ragged:
    """Opens images with masks, with the splits train, validation and test.

    name: a set, else the path of a folder with images/ and masks/ as `read_folder` has it.

        cells     drawn images of touching cells, (1, 64, 64), from `seed`: 48, 12 and 12 of them
        membrane  electron microscopy of a fly's nerve cord (ISBI 2012), 30 neighbouring slices, (1, 512, 512):
                  slices 0 to 19, 20 to 24 and 25 to 29, so that no slice lies between two that were learned from
        nuclei    100 images of the Data Science Bowl 2018, (1, 256, 256), in the order of their names: 70, 15 and 15.
                  Where two nuclei touch, a line of ground of one pixel is drawn between them

    Batches are `Masked`, and `WeightedMasked` with a weight map; x uint8 (B, C, H, W). Where the images of a folder
    differ in size, `augment` cuts batches from each, and evaluation goes image by image; see `Ragged`. `spec.classes`
    are the names of the mask's numbers, and number 0 is the ground between objects.
    Raises UserError for what the user can mend.
    """
    build = partial(resident, batch_size=batch_size, augment=augment, weight_map=weight_map)
    if name == "cells":
        return build(_cells(seed), ("ground", "cell"), values=(0, 1), name=name)
    if name == "membrane":
        return build(_membrane(home() / "isbi2012-membrane"), ("membrane", "cell"), values=(0, 255), name=name)
    if name == "nuclei":
        path = home() / "dsb2018-nuclei" / "stage1_train-subset.tar.gz"
        return build(_nuclei(path), ("ground", "nucleus"), values=(0, 255), name=name)
    path = Path(name).expanduser()
    if not path.is_dir():
        raise UserError(
            f"Expected one of the sets {', '.join(SETS)}, or a folder with images/ and masks/; {name!r} is neither, "
            f"seen from {Path.cwd()}.{near(name, SETS)}"
        )
    parts, classes, findings = read_folder(path, seed=seed)
    return build(parts, tuple(classes.values()), values=tuple(classes), name=name, findings=findings)


def _cells(seed: int) -> dict[str, Scenes]:
    parts = {}
    for number, (split, size) in enumerate(CELLS_SIZES.items()):
        images, cells = draw_cells(size, seed=seed, part=number)
        mask = torch.from_numpy((cells > 0).astype(np.uint8))
        places = [f"cells, {split}, image {i}" for i in range(size)]
        parts[split] = Scenes(torch.from_numpy(images)[:, None], mask, places, list(cells))
    return parts


def _membrane(folder: Path) -> dict[str, Scenes]:
    if not folder.is_dir():
        raise UserError(
            f"Expected the 30 slices of the ISBI 2012 challenge as {folder}/image/0.png to 29.png, and their labels "
            f"as {folder}/label/0.png to 29.png; there is no such folder. Put them there, or set {VARIABLE} to the "
            "folder that holds isbi2012-membrane."
        )
    parts = {}
    for split, numbers in MEMBRANE_SPLITS.items():
        paths = [folder / "image" / f"{number}.png" for number in numbers]
        x = torch.stack([decode(path, channels=1, size=None) for path in paths])
        labels = [decode(folder / "label" / path.name, channels=1, size=None)[0] for path in paths]
        parts[split] = Scenes(x, (torch.stack(labels) > 127).to(torch.uint8), [str(path) for path in paths])
    return parts


def _nuclei(archive: Path) -> dict[str, Scenes]:
    images: dict[str, np.ndarray] = {}
    objects: dict[str, np.ndarray] = {}
    try:
        with tarfile.open(archive) as files:
            for member in files:
                if member.isfile() and member.name.endswith(".png"):
                    _, identity, kind, _ = member.name.split("/")
                    content = files.extractfile(member)
                    assert content is not None
                    pixels = _grey(content.read())
                    if kind == "images":
                        images[identity] = pixels
                    else:
                        found = objects.setdefault(identity, np.zeros(pixels.shape, np.int32))
                        found[pixels > 127] = found.max() + 1
    except (OSError, tarfile.TarError, EOFError, ValueError) as error:
        raise UserError(
            f"{archive}: expected the archive of 100 images and their masks of the Data Science Bowl 2018, which "
            f"cannot be read: {error}. Put it there, or set {VARIABLE} to the folder that holds dsb2018-nuclei."
        ) from error
    names = sorted(images)
    parts = {}
    for split, numbers in NUCLEI_SPLITS.items():
        chosen = [names[number] for number in numbers]
        apart = [separated(objects[one]) for one in chosen]
        x = torch.from_numpy(np.stack([images[one] for one in chosen]))[:, None]
        mask = torch.from_numpy((np.stack(apart) > 0).astype(np.uint8))
        parts[split] = Scenes(x, mask, chosen, apart)
    return parts


def _grey(content: bytes) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        return np.array(image.convert("L"))
