"""A folder of images by class: photos/<class>/*.jpg, or with train/, validation/ and test/ above the classes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from neurarium.data.decoding import ENDINGS, Header, decode, read_header, too_dark
from neurarium.data.images import channel_statistics
from neurarium.data.layouts import SPLIT_NAMES, class_names, files_below, innermost, is_image, labels_beside, visible
from neurarium.data.memory import Augment, InMemory
from neurarium.data.splits import check_validation, stratified_split
from neurarium.data.streaming import Files, Streamed, as_finding, num_workers
from neurarium.train.batches import Labelled
from neurarium.train.data import Data, Finding, Spec
from neurarium.train.recipe import UserError

MEMORY_LIMIT = 2 * 2**30  # bytes of decoded pixels; what is larger is decoded while it is learned from
SHARE = 0.15  # of the training images, for a validation or test split that the folder does not have
FEWEST_IMAGES = 10
STATISTICS_SAMPLE = 2000  # images that mean and std are fitted on where not all are in memory


@dataclass(frozen=True, slots=True)
class _Found:
    """An image file, the split it lies under ("" without such folders), and its class."""

    path: Path
    split: str
    label: str


def open_folder(
    root: Path,
    *,
    batch_size: int,
    augment: Augment | None = None,
    balanced: bool = False,
    image_size: int | None = None,
    channels: int | None = None,
    validation: int | None = None,
    seed: int = 0,
    memory_limit: int = MEMORY_LIMIT,
) -> Data:
    """Images in folders named as their classes; class names sorted give the labels.

    Above the classes there may be train/, validation/ (valid/, val/) and test/. A validation or test split that is
    not there is 15 % of the images of train/, and of all without such folders; drawn from `seed`, by class.
    Endings decide what is an image; other files are counted in a warning, hidden ones ignored.
    Folders around all this are passed through, and ImageNet's synsets, and its validation images in one folder, are
    told from its own files where they lie near; see layouts.py.

    balanced: every epoch shows each class equally often; see `Order`.
    image_size: images are stretched to image_size x image_size, needed where their sizes differ.
    channels: 1 or 3; where left out, 1 if all images are grey, else 3.
    memory_limit: bytes of decoded pixels up to which the data is `InMemory`; above it is `Streamed`, which gives the
        same batches. Mean and std are then fitted on 2,000 training images drawn from `seed`.
    """
    root = innermost(root)
    found, findings = _scan(root)
    with ThreadPoolExecutor(num_workers()) as pool:
        headers = list(pool.map(_header_or_finding, [item.path for item in found]))
    findings += [header for header in headers if isinstance(header, Finding)]
    whole = [(item, header) for item, header in zip(found, headers, strict=True) if isinstance(header, Header)]
    if len(whole) < FEWEST_IMAGES:
        unreadable = "".join(f"\n  {finding}" for finding in findings[:5])
        raise UserError(f"{root}: expected at least {FEWEST_IMAGES} images, found {len(whole)}. Add some.{unreadable}")
    height, width = _size(root, whole, image_size)
    if channels is None:
        channels = 1 if all(header.grey for _, header in whole) else 3
    elif channels not in (1, 3):
        raise UserError(f"Images have 1 channel (grey) or 3 (colour); received channels={channels}. Choose 1 or 3.")

    labels = {name: label for label, name in enumerate(sorted({item.label for item, _ in whole}))}
    parts = _split([item for item, _ in whole], validation, seed=seed, root=root)
    files = {
        split: Files([item.path for item in items], torch.tensor([labels[item.label] for item in items]))
        for split, items in parts.items()
    }
    sizes = {split: len(part.paths) for split, part in files.items()}
    shape = (channels, height, width)
    resident = sum(sizes.values()) * channels * height * width <= memory_limit
    if resident:
        splits = {split: _decode_all(part, shape, image_size, findings) for split, part in files.items()}
        sample = splits["train"][0].x
        sizes = {split: len(items.x) for split, (items, _) in splits.items()}
    else:
        chosen = np.random.default_rng(seed).permutation(sizes["train"])[:STATISTICS_SAMPLE]
        few = Files([files["train"].paths[i] for i in chosen], files["train"].labels[torch.from_numpy(chosen)])
        sample = _decode_all(few, shape, image_size, [])[0].x
    if not len(sample):
        raise UserError(f"{root}: no image could be decoded.\n" + "\n".join(str(finding) for finding in findings[:5]))
    findings += too_dark(str(root), [header for _, header in whole], int(sample.max()))
    mean, std = channel_statistics(sample)
    spec = Spec(
        shape=shape,
        sizes=sizes,
        classes=class_names(root, list(labels)),
        fitted={"kind": "images", "mean": mean, "std": std},
    )
    if not resident:
        return Streamed(
            files,
            spec,
            image_size=image_size,
            batch_size=batch_size,
            augment=augment,
            balanced=balanced,
            findings=findings,
            name=str(root),
        )
    return InMemory(
        {split: items for split, (items, _) in splits.items()},
        spec,
        batch_size=batch_size,
        augment=augment,
        balanced=balanced,
        findings=findings,
        name=str(root),
        places={split: places for split, (_, places) in splits.items()},
    )


def _decode_all(
    files: Files, shape: tuple[int, int, int], size: int | None, findings: list[Finding]
) -> tuple[Labelled, list[str]]:
    """All images of a split that can be decoded, with their places; the others are added to the findings."""
    x = torch.empty(len(files.paths), *shape, dtype=torch.uint8)

    def one(i: int) -> Finding | None:
        try:
            x[i] = decode(files.paths[i], channels=shape[0], size=size)
        except UserError as error:
            return as_finding(error)
        return None

    with ThreadPoolExecutor(num_workers()) as pool:
        results = list(pool.map(one, range(len(x))))
    findings += [result for result in results if result is not None]
    good = [i for i, result in enumerate(results) if result is None]
    labels, paths = files.labels, files.paths
    if len(good) < len(x):
        x, labels, paths = x[good], labels[good], [paths[i] for i in good]
    return Labelled(x, labels), [str(path) for path in paths]


def _header_or_finding(path: Path) -> Header | Finding:
    try:
        return read_header(path)
    except UserError as error:
        return as_finding(error)


def _scan(root: Path) -> tuple[list[_Found], list[Finding]]:
    folders = {entry.name: entry for entry in visible(root) if entry.is_dir()}
    layout = {split: folders[name] for split, names in SPLIT_NAMES.items() for name in folders if name.lower() in names}
    tops = layout if "train" in layout else {"": root}
    found: list[_Found] = []
    findings: list[Finding] = []
    others = 0
    for split, top in tops.items():
        in_classes = [_Found(path, split, folder.name) for folder in _folders(top) for path in files_below(folder)]
        images = [item for item in in_classes if is_image(item.path)]
        full = {item.label for item in images}
        for folder in _folders(top):
            if folder.name not in full:
                what = "expected images of a class, found none."
                findings.append(Finding("warning", str(folder), what, "Add images, or remove the folder."))
        loose = [entry for entry in visible(top) if entry.is_file()]
        unsorted = [path for path in loose if is_image(path)] if split and not images else []
        found += [*images, *_told(top, split, unsorted, findings)]
        others += len(in_classes) - len(images) + len(loose) - len(unsorted)
    if not found:
        raise UserError(
            f"{root}: expected images in one folder for each class, such as {root.name}/cat/1.jpg, with endings "
            f"{', '.join(ENDINGS)}; found none. Put every image into a folder named as its class."
        )
    if others:
        what = f"{others} files are no images in a class's folder: they are skipped."
        findings.append(Finding("warning", str(root), what, "Remove them, or move images into a class's folder."))
    return found, findings


def _told(top: Path, split: str, unsorted: Sequence[Path], findings: list[Finding]) -> list[_Found]:
    """Those images of a split without folders of classes whose labels a table near it tells."""
    labels = labels_beside(top) if unsorted and split == "validation" else {}
    told = [_Found(path, split, labels[path.stem]) for path in unsorted if path.stem in labels]
    if len(told) < len(unsorted):
        what = f"{len(unsorted) - len(told)} images lie in no folder of a class: they are skipped."
        findings.append(Finding("warning", str(top), what, "Put each into a folder named as its class."))
    return told


def _folders(top: Path) -> list[Path]:
    return [entry for entry in visible(top) if entry.is_dir()]


def _size(root: Path, whole: Sequence[tuple[_Found, Header]], image_size: int | None) -> tuple[int, int]:
    if image_size is not None:
        if image_size < 1:
            raise UserError(f"Expected image_size of at least 1, received {image_size}. Choose for example 32.")
        return image_size, image_size
    sizes = {(header.height, header.width) for _, header in whole}
    if len(sizes) > 1:
        low, high = min(sizes), max(sizes)
        raise UserError(
            f"{root}: expected images of one size, found {len(sizes)} sizes from {low[0]} x {low[1]} to "
            f"{high[0]} x {high[1]}. Choose an image_size, for example 32."
        )
    return next(iter(sizes))


def _split(found: Sequence[_Found], validation: int | None, *, seed: int, root: Path) -> dict[str, list[_Found]]:
    parts: dict[str, list[_Found]] = {}
    for item in found:
        parts.setdefault(item.split or "train", []).append(item)
    if "train" not in parts:
        raise UserError(f"{root}/train: expected images, found none. Add some.")
    if validation is not None and "validation" in parts:
        raise UserError(
            f"{root} has a validation folder, where validation={validation} would be ignored. Leave it out."
        )
    items = parts["train"]
    num_test = 0 if "test" in parts else round(SHARE * len(items))
    rest = len(items) - num_test
    default = 0 if "validation" in parts else round(SHARE * len(items))
    held = check_validation(validation, default=default, available=rest, name=str(root))
    counts = {"train": rest - held, "validation": held, "test": num_test}
    shares = {split: count / len(items) for split, count in counts.items() if count}
    labels = np.array([item.label for item in items])
    drawn = {split: [items[i] for i in rows] for split, rows in stratified_split(labels, shares, seed=seed).items()}
    parts = {**parts, **drawn}
    return {split: parts[split] for split in ("train", "validation", "test") if split in parts}
