"""Masks as people have them: read rightly, or named in one message each before anything is learned from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from neurarium.cli.main import main
from neurarium.data.decoding import ORIENTATION
from neurarium.data.segmentation import open_segmentation
from neurarium.train.data import Shard
from neurarium.train.recipe import UserError

SHAPE = (6, 9)
random = np.random.default_rng(0)
IMAGE = random.integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
LABELS = np.tile(np.array([0, 4, 7], np.uint8), 18).reshape(SHAPE)
LABELS[3:] = 4
CLASSES = "0 ground\n4 cow\n7 tree\n"

Prepare = Callable[[Path], object]


def of(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(values))


def tag(turn: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = turn
    return tags


def palette(values: np.ndarray, **how: object) -> Image.Image:
    image = Image.new("P", values.shape[::-1])
    image.putdata(values.ravel().tolist())
    image.putpalette(random.integers(0, 256, 768).tolist())
    return image


def folder(root: Path) -> Path:
    """Five good pairs, then a pair called "odd" of which rows change a part; the values are named."""
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for i in range(5):
        of(random.integers(0, 256, (*SHAPE, 3), dtype=np.uint8)).save(root / "images" / f"good{i}.png")
        of(LABELS).save(root / "masks" / f"good{i}.png")
    of(IMAGE).save(root / "images" / "odd.png")
    of(LABELS).save(root / "masks" / "odd.png")
    (root / "classes.txt").write_text(CLASSES)
    return root


def mask(image: Image.Image, ending: str = "png", **how: object) -> Prepare:
    def write(root: Path) -> None:
        (root / "masks" / "odd.png").unlink()
        image.save(root / "masks" / f"odd.{ending}", **how)

    return write


def turned(turn: int, *, mask_too: bool, size: slice = slice(None)) -> Prepare:
    """A photograph stored sideways, with its tag; the mask likewise, or drawn on the upright picture."""
    back = {2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 6: lambda a: np.rot90(a, 1)}[turn]

    def write(root: Path) -> None:
        of(back(IMAGE[:, size])).save(root / "images" / "odd.png", exif=tag(turn))
        how = {"exif": tag(turn)} if mask_too else {}
        of(back(LABELS[:, size]) if mask_too else LABELS[:, size]).save(root / "masks" / "odd.png", **how)

    return write


def sideways(root: Path) -> None:
    """The mask was drawn on the picture as it is stored."""
    of(np.rot90(IMAGE, 1)).save(root / "images" / "odd.png", exif=tag(6))
    of(np.rot90(LABELS, 1)).save(root / "masks" / "odd.png")


READ: dict[str, Prepare] = {
    "grey": mask(of(LABELS)),
    "palette": mask(palette(LABELS)),
    "palette, as GIF": mask(palette(LABELS), "gif", optimize=False),
    "bitmap": mask(of(LABELS), "bmp"),
    "TIFF": mask(of(LABELS), "tif"),
    "both turned": turned(6, mask_too=True),
    "both upside down": turned(3, mask_too=True),
    "both mirrored": turned(2, mask_too=True),
    "image turned, mask upright": turned(6, mask_too=False),
}

# What the message, of one line, must say beside the file's name.
REFUSED: dict[str, tuple[Prepare, str, tuple[str, ...]]] = {
    "no mask": (
        lambda root: (root / "masks" / "odd.png").unlink(),
        "images/odd.png",
        ("expected its mask", "masks/odd.png, found none", "Add it, or remove the image."),
    ),
    "another size": (
        mask(of(LABELS[:5])),
        "masks/odd.png",
        ("6 x 9 pixels as odd.png has, found 5 x 9", "Make them alike."),
    ),
    "image turned, mask not": (
        sideways,
        "masks/odd.png",
        ("6 x 9 pixels as odd.png has once its EXIF tag has turned it, found 9 x 6",),
    ),
    "square image turned, mask unclear": (
        turned(6, mask_too=False, size=slice(6)),
        "masks/odd.png",
        ("the EXIF tag 6 of odd.png", "does not tell how it lies", "Save the image upright and without tag."),
    ),
    "image upside down, mask unclear": (turned(3, mask_too=False), "masks/odd.png", ("the EXIF tag 3 of odd.png",)),
    "JPEG": (mask(of(LABELS), "jpg"), "masks/odd.jpg", ("without loss, found a JPEG", "Export it anew as PNG.")),
    "JPEG under another name": (mask(of(LABELS), format="JPEG"), "masks/odd.png", ("found a JPEG",)),
    "colours": (
        mask(palette(LABELS).convert("RGB")),
        "masks/odd.png",
        ("found mode RGB", "Save the number of each pixel's class as a grey PNG."),
    ),
    "colours with opacity": (mask(palette(LABELS).convert("RGBA")), "masks/odd.png", ("found mode RGBA",)),
    "16 bits": (mask(of(LABELS.astype(np.uint16))), "masks/odd.png", ("found mode I;16",)),
    "label outside the map": (
        mask(of(LABELS + 1)),
        "masks/odd.png",
        ("expected the values 0, 4, 7 of", "found 1, 5, 8", "Correct the mask, or name the class."),
    ),
    "several pages": (
        mask(of(LABELS), "tif", save_all=True, append_images=[of(LABELS)]),
        "masks/odd.tif",
        ("expected one picture", "2 in all"),
    ),
    "moving": (
        mask(palette(LABELS), "gif", save_all=True, append_images=[palette(LABELS[::-1])]),
        "masks/odd.gif",
        ("expected one picture", "2 in all"),
    ),
    "zero bytes": (lambda root: (root / "masks/odd.png").write_bytes(b""), "masks/odd.png", ("empty file",)),
    "text": (lambda root: (root / "masks/odd.png").write_text("hello"), "masks/odd.png", ("expected a whole image",)),
    "cut short": (
        lambda root: (root / "masks/odd.png").write_bytes((root / "masks/odd.png").read_bytes()[:-30]),
        "masks/odd.png",
        ("expected a whole image",),
    ),
    "two images of a name": (
        lambda root: of(IMAGE).save(root / "images" / "odd.bmp"),
        "images/odd.png",
        ("expected one file of this name, found odd.bmp too",),
    ),
    "two masks of a name": (
        lambda root: of(LABELS).save(root / "masks" / "odd.bmp"),
        "masks/odd.png",
        ("expected one file of this name, found odd.bmp too",),
    ),
    "a folder called as an image": (
        lambda root: ((root / "images/x.png").mkdir(), of(LABELS).save(root / "masks/x.png")),
        "images/x.png",
        ("expected a whole image",),
    ),
    "names in another code": (
        lambda root: (root / "classes.txt").write_bytes("0 Bäche\n4 Kühe\n".encode("latin-1")),
        "classes.txt",
        ("expected text in UTF-8",),
    ),
    "names without a number": (
        lambda root: (root / "classes.txt").write_text("ground 0\n"),
        "classes.txt",
        ('line 1: expected "VALUE NAME"',),
    ),
}


@pytest.mark.parametrize("case", READ)
def test_read_rightly(case: str, tmp_path: Path) -> None:
    root = folder(tmp_path)
    READ[case](root)
    data = open_segmentation(str(root), batch_size=2)
    assert [finding for finding in data.audit() if finding.severity == "error"] == []
    found = 0
    for split in data.splits:
        for x, masks in data.split(split, shard=Shard()):
            for image, labels in zip(x, masks, strict=True):
                assert np.array_equal(np.array([0, 4, 7])[labels], LABELS)
                found += np.array_equal(image.permute(1, 2, 0), IMAGE)
    assert found == 1
    assert data.spec.fitted["values"] == [0, 4, 7]


@pytest.mark.parametrize("case", REFUSED)
def test_named_in_one_message(case: str, tmp_path: Path) -> None:
    root = folder(tmp_path)
    prepare, where, words = REFUSED[case]
    prepare(root)
    with pytest.raises(UserError) as caught:
        open_segmentation(str(root), batch_size=2)
    message = str(caught.value)
    assert message.startswith(str(root / where))
    assert "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize("case", ["JPEG", "another size"])
def test_no_run_begins(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    root = folder(tmp_path / "own")
    REFUSED[case][0](root)
    assert main(["train", "fcn", "--data", "own", "--batch-size", "2"]) == 2
    assert "odd." in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("top", [4095, 65535])
def test_images_of_sixteen_bits(top: int, tmp_path: Path) -> None:
    """They keep their upper eight; a camera of twelve bits would leave sixteen greys, which is an error."""
    root = folder(tmp_path)
    deep = {}
    for file in (root / "images").iterdir():
        deep[str(file)] = random.integers(0, top + 1, SHAPE, dtype=np.uint16)
        deep[str(file)][0, 0] = top
        of(deep[str(file)]).save(file)
    if top == 4095:
        with pytest.raises(UserError, match=r"images: expected images of 16 bits .* found at most 4,095, of which 16 "):
            open_segmentation(str(root), batch_size=2)
        return
    data = open_segmentation(str(root), batch_size=2)
    assert data.spec.shape == (1, *SHAPE)
    for split in data.splits:
        images = torch.cat([batch[0] for batch in data.split(split, shard=Shard())])
        for image, place in zip(images, data._places[split], strict=True):
            assert np.array_equal(image[0], deep[place] >> 8)
