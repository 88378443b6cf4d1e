"""One door to labelled data: a name of a built-in set, a folder of images by class, or a table."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurarium.data.curves import CURVES, draw_curve
from neurarium.data.home import FASHION_MNIST, MNIST, Archive, fetch
from neurarium.data.idx import read_idx
from neurarium.data.images import center_crop, channel_statistics, resize, with_channels
from neurarium.data.known_tables import KNOWN_TABLES, known_table
from neurarium.data.memory import Augment, InMemory
from neurarium.data.points import POINT_SETS, draw
from neurarium.data.recut import Refit, Rows, recut, takes_fewer
from neurarium.data.splits import check_validation, stratified_split
from neurarium.train.batches import Labelled, Unlabelled
from neurarium.train.data import Data, Spec
from neurarium.train.recipe import UserError, near

DIGIT_NAMES = tuple("0123456789")
FASHION_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
IMAGE_SETS = ("digits", "mnist", "fashion-mnist", "cifar10", "faces", "shapes")
STACKED = {"stacked-mnist": "mnist", "stacked-digits": "digits"}
"""Sets of stacks, and what is stacked."""
BUILT_IN = (*IMAGE_SETS, *STACKED, *POINT_SETS, *CURVES, *KNOWN_TABLES)
TABLES = (".csv", ".tsv", ".parquet")

MNIST_VALIDATION = 5000
DIGITS_TEST = 450
DIGITS_VALIDATION = 270
POINT_SIZES = {"train": 1000, "validation": 500, "test": 1000}


@takes_fewer
def open_labelled(
    name: str,
    *,
    batch_size: int,
    target: str | None = None,
    augment: Augment | None = None,
    balanced: bool = False,
    image_size: int | None = None,
    channels: int | None = None,
    validation: int | None = None,
    seed: int = 0,
) -> Data:
    """Opens labelled data with the splits train, validation and test.

    name: a built-in set (`BUILT_IN`), else the path of a folder of images by class or of a .csv, .tsv or .parquet
        table. Built-in names come first; write ./mnist for a folder of that name. NAME:N takes only N of the training
        items, chosen by `seed` with every class in its share; those of mnist:100 are among those of mnist:300.

        digits          scikit-learn's 1,797 images (1, 8, 8), values 0..16 stretched to 0..255; a fixed stratified
                        split with 450 test images
        mnist,          upstream's 10,000 test images are the test split; the last images of the training files,
        fashion-mnist   5,000 unless `validation` says otherwise, are the validation split
        cifar10         50,000 colour images (3, 32, 32), 5,000 of them validation, and 10,000 test images; see cifar.py
        faces           380 grey portraits (1, 112, 92) of 38 people, the classes: of each seven to train with, one for
                        validation, two to test; see faces.py
        shapes          4,608 drawn images (1, 64, 64) of an ellipse, a square or a heart, the classes, for every scale,
                        orientation and place once; batches also have `factors` (B, 5) int64; see shapes.py
        stacked-mnist,  three digits drawn at random as the channels of one image (3, 28, 28) or (3, 8, 8); 1,000
        stacked-digits  classes; see stacked.py
        moons, rings,   points (2,) float32, drawn from `seed`: 1,000 to train with, 500 validation, 1,000 test
        spirals, xor,
        blobs, two-blobs
        and, or         the corners of the truth table, with a little noise
        sine, sine-gap, curves over one number (1,) float32 with noise, in the same numbers; the target is a number
        heteroscedastic,
        inverse-sine
        wine, iris,     tables inside scikit-learn: classes, and a number for diabetes
        breast-cancer,
        diabetes
        housing, pass,  generated tables; see known_tables.py
        grade
    batch_size: items of a training batch over all ranks.
    target: the column of a table that is learned; tables alone need it.
    augment: changes training batches; images alone.
    balanced: every epoch of training shows each class equally often, items of rare classes again; images alone.
    image_size: height and width to which images are resized; their own if None. Of the faces the middle square is taken
        before; images of folders are stretched.
    channels: 1 (grey) or 3 (colour); their own if None.
    validation: number of validation items; 0 leaves the split out; the set's own if None.
    seed: draws the toy sets and the splits of folders and tables.

    x is uint8 (C, H, W) for images, float32 (2,) for points, float32 (F,) encoded for tables. `spec.fitted` holds
    "kind" ("images", "points" or "table"), and under "mean" and "std" what is still to be applied to x by the
    network's first layer, a channel or an input, fitted on the training split; for images on the scale 0..1.
    Raises UserError for everything that the user can mend.
    """
    images = {"augment": augment, "balanced": balanced or None, "image_size": image_size, "channels": channels}
    if name in POINT_SETS:
        _refuse(name, "points", target=target, **images)
        return _open_points(name, batch_size=batch_size, validation=validation, seed=seed)
    if name in CURVES:
        _refuse(name, "a curve", target=target, **images)
        return _open_curve(name, batch_size=batch_size, validation=validation, seed=seed)
    if name in KNOWN_TABLES:
        from neurarium.data.tables import labelled_table

        _refuse(name, "a table", **images)
        table, usual = known_table(name)
        return labelled_table(table, batch_size=batch_size, target=target or usual, validation=validation, seed=seed)
    if name in IMAGE_SETS:
        _refuse(name, "images", target=target)
        parts, classes, fitted = _image_set(name, validation, seed)
        return open_images(
            {split: _prepared(items, image_size, channels) for split, items in parts.items()},
            classes,
            fitted=fitted,
            batch_size=batch_size,
            augment=augment,
            balanced=balanced,
            name=name,
        )
    if name in STACKED:
        from neurarium.data.stacked import Stacked

        _refuse(name, "three digits each", target=target, augment=augment, balanced=balanced or None, channels=channels)
        digits: Any = open_labelled(
            STACKED[name], batch_size=batch_size, image_size=image_size, validation=validation, seed=seed
        )
        return Stacked(digits, batch_size=batch_size, name=name)
    path = Path(name).expanduser()
    if path.is_dir():
        from neurarium.data.folders import open_folder

        _refuse(name, "a folder of images", target=target)
        return open_folder(
            path,
            batch_size=batch_size,
            augment=augment,
            balanced=balanced,
            image_size=image_size,
            channels=channels,
            validation=validation,
            seed=seed,
        )
    if path.is_file() and path.suffix.lower() in TABLES:
        from neurarium.data.tables import open_table

        _refuse(name, "a table", **images)
        return open_table(path, batch_size=batch_size, target=target, validation=validation, seed=seed)
    if path.is_file():
        raise UserError(f"{path}: expected a folder of images by class, or a file ending in {', '.join(TABLES)}.")
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, beside)
    raise UserError(
        f"Expected one of the data sets {', '.join(BUILT_IN)}, or the path of a folder of images or of a table; "
        f"{name!r} is neither, seen from {Path.cwd()}.{near(path.name, [*BUILT_IN, *close])}"
    )


def open_unlabelled(name: str, *, batch_size: int, **settings: Any) -> InMemory:
    """The inputs of labelled data without what was to be said of them: x only, for learning without labels.

    Settings as for `open_labelled`. Raises UserError for data that does not lie in memory.
    """
    data = open_labelled(name, batch_size=batch_size, **settings)
    if not isinstance(data, InMemory):
        raise UserError(f"{name} is read while it is trained on; without labels that is not possible. Choose fewer.")
    parts = {split: Unlabelled(data.items(split)[0]) for split in data.splits}
    fitted = {key: value for key, value in data.spec.fitted.items() if key != "target"}
    return InMemory(parts, replace(data.spec, classes=(), fitted=fitted), batch_size=batch_size, name=name)


def open_images(
    parts: Mapping[str, Any],
    classes: tuple[str, ...],
    *,
    batch_size: int,
    augment: Augment | None,
    balanced: bool = False,
    fitted: Mapping[str, Any] | None = None,
    name: str,
) -> InMemory:
    """Resident labelled images: x uint8 (N, C, H, W), and y int64 (N,) as the last field.

    fitted: what else `spec.fitted` is to hold.
    """

    def build(parts: Mapping[str, Any], rows: Rows, refit: Refit) -> InMemory:
        train = parts["train"].x
        mean, std = channel_statistics(train)
        spec = Spec(
            shape=tuple(train.shape[1:]),
            sizes={split: len(items.x) for split, items in parts.items()},
            classes=classes,
            fitted={"kind": "images", "mean": mean, "std": std, **(fitted or {})},
        )
        return InMemory(
            parts,
            spec,
            batch_size=batch_size,
            augment=augment,
            balanced=balanced,
            name=name,
            rows=rows,
            refit=refit,
        )

    return recut(parts, build)


def _refuse(name: str, kind: str, **settings: object) -> None:
    given = [key for key, value in settings.items() if value is not None]
    if given:
        raise UserError(f"{name} is {kind}, where {' and '.join(given)} would be ignored. Leave {given[0]} out.")


def _prepared(items: Any, image_size: int | None, channels: int | None) -> Any:
    x: Tensor = items.x
    if channels is not None:
        x = with_channels(x, channels)
    if image_size is not None:
        side = min(x.shape[-2:])
        x = resize(center_crop(x, side, side), image_size, image_size)
    return items._replace(x=x)


def _image_set(
    name: str, validation: int | None, seed: int
) -> tuple[Mapping[str, Any], tuple[str, ...], Mapping[str, Any]]:
    """Splits, the names of the classes, and what is known of the set besides."""
    if name == "shapes":
        from neurarium.data import shapes

        factors = {"names": list(shapes.NAMES), "sizes": list(shapes.SIZES)}
        return shapes.shapes(validation, seed), shapes.CLASSES, {"factors": factors}
    if name == "digits":
        return *_digits(validation), {}
    if name == "cifar10":
        from neurarium.data.cifar import cifar10

        return *cifar10(validation), {}
    if name == "faces":
        from neurarium.data.faces import faces

        return *faces(validation), {}
    return *_idx_set(name, validation), {}


def _digits(validation: int | None) -> tuple[dict[str, Labelled], tuple[str, ...]]:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x = torch.from_numpy(np.rint(bunch.images * (255 / 16)).astype(np.uint8))[:, None]
    y = torch.from_numpy(bunch.target.astype(np.int64))
    rest = len(x) - DIGITS_TEST
    held = check_validation(validation, default=DIGITS_VALIDATION, available=rest, name="digits")
    # The test images are the same, whatever `validation` is.
    counts = {"test": DIGITS_TEST, "validation": held, "train": rest - held}
    parts = stratified_split(bunch.target, {split: count / len(x) for split, count in counts.items()}, seed=0)
    return {
        split: Labelled(x[parts[split]], y[parts[split]])
        for split in ("train", "validation", "test")
        if len(parts[split])
    }, DIGIT_NAMES


def _idx_set(name: str, validation: int | None) -> tuple[dict[str, Labelled], tuple[str, ...]]:
    archive, classes = (MNIST, DIGIT_NAMES) if name == "mnist" else (FASHION_MNIST, FASHION_NAMES)
    paths = fetch(archive)
    train, test = _idx_pair(archive, paths, "train"), _idx_pair(archive, paths, "t10k")
    held = check_validation(validation, default=MNIST_VALIDATION, available=len(train.x), name=name)
    if held == 0:
        return {"train": train, "test": test}, classes
    return {
        "train": Labelled(train.x[:-held], train.y[:-held]),
        "validation": Labelled(train.x[-held:], train.y[-held:]),
        "test": test,
    }, classes


def _idx_pair(archive: Archive, paths: Mapping[str, Path], part: str) -> Labelled:
    images = read_idx(paths[f"{part}-images-idx3-ubyte.gz"])
    labels = read_idx(paths[f"{part}-labels-idx1-ubyte.gz"])
    assert images.shape[1:] == (28, 28), archive.name  # the hashes were checked
    assert len(images) == len(labels), archive.name
    return Labelled(torch.from_numpy(images)[:, None], torch.from_numpy(labels.astype(np.int64)))


def _sizes(name: str, validation: int | None) -> dict[str, int]:
    sizes = dict(POINT_SIZES)
    if validation is not None:
        if validation < 0:
            raise UserError(f"{name}: expected validation of at least 0; received {validation}. Choose 0 or more.")
        sizes["validation"] = validation
    return {split: size for split, size in sizes.items() if size}


def _open_curve(name: str, *, batch_size: int, validation: int | None, seed: int) -> InMemory:
    sizes = _sizes(name, validation)
    drawn = {
        split: draw_curve(name, size, seed=seed, part=list(POINT_SIZES).index(split)) for split, size in sizes.items()
    }
    raw = {split: Labelled(torch.from_numpy(x), torch.from_numpy(y)) for split, (x, y) in drawn.items()}

    def build(parts: Mapping[str, Labelled], rows: Rows, refit: Refit) -> InMemory:
        x, y = parts["train"].x.double(), parts["train"].y
        centre, spread = float(y.mean()), float(y.std(correction=0))
        spec = Spec(
            shape=(1,),
            sizes={split: len(items.x) for split, items in parts.items()},
            fitted={
                "kind": "points",
                "mean": x.mean(0).tolist(),
                "std": x.std(0, correction=0).tolist(),
                "target": {"name": "y", "mean": centre, "std": spread},
            },
        )
        scaled = {split: Labelled(items.x, ((items.y - centre) / spread).float()) for split, items in parts.items()}
        return InMemory(scaled, spec, batch_size=batch_size, name=name, rows=rows, refit=refit)

    return recut(raw, build)


def _open_points(name: str, *, batch_size: int, validation: int | None, seed: int) -> InMemory:
    sizes = _sizes(name, validation)
    drawn = {split: draw(name, size, seed=seed, part=list(POINT_SIZES).index(split)) for split, size in sizes.items()}
    parts = {split: Labelled(torch.from_numpy(x), torch.from_numpy(y)) for split, (x, y) in drawn.items()}
    classes = tuple(str(label) for label in range(int(drawn["train"][1].max()) + 1))

    def build(parts: Mapping[str, Labelled], rows: Rows, refit: Refit) -> InMemory:
        x = parts["train"].x.double().numpy()
        spec = Spec(
            shape=(2,),
            sizes={split: len(items.x) for split, items in parts.items()},
            classes=classes,
            fitted={"kind": "points", "mean": x.mean(0).tolist(), "std": x.std(0).tolist()},
        )
        return InMemory(parts, spec, batch_size=batch_size, name=name, rows=rows, refit=refit)

    return recut(parts, build)
