"""Image files as people have them: each is read rightly, or named in one message before anything is learned from it.

A row of the tables writes one file among good ones; it then goes through every door: folders of classes, resident and
streamed, files to predict, and folders of images with masks.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurarium.cli.main import main
from neurarium.data.decoding import ORIENTATION, decode, read_header
from neurarium.data.folders import open_folder
from neurarium.data.inputs import read_inputs
from neurarium.data.segmentation import open_segmentation
from neurarium.train.data import Data, Shard, Spec
from neurarium.train.recipe import UserError

SIDE = 8
PIXELS = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
GREY = PIXELS[..., 0]
GREYS = np.stack([GREY] * 3, -1)
DEEP = GREY.astype(np.uint16) * 257
BITS = (GREY > 127).astype(np.uint8)
COLOUR = Spec((3, SIDE, SIDE), fitted={"kind": "images", "mean": [0.5] * 3, "std": [0.2] * 3})

Save = Callable[[Path], object]


def of(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(values))


def saved(image: Image.Image, **how: object) -> Save:
    return lambda path: image.save(path, **how)


def noise(side: int = SIDE, seed: int = 1) -> Image.Image:
    return of(np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8))


def tag(turn: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = turn
    return tags


STORED = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}
"""What a camera stores with this tag of an upright picture: the EXIF standard's table of rows and columns."""

HIDDEN = np.tile(np.where(np.arange(SIDE) < 4, 0, 255).astype(np.uint8), (SIDE, 1))
HALF = np.full((SIDE, SIDE), 128, np.uint8)
INDEX = GREY // 64
PALETTE = [255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9]


def on_white(pixels: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    share = opacity[..., None] / 255
    return share * pixels + (1 - share) * 255


def with_palette(**how: object) -> Save:
    image = Image.new("P", (SIDE, SIDE))
    image.putdata(INDEX.ravel().tolist())
    image.putpalette(PALETTE)
    return saved(image, **how)


def by_palette(transparent: int | None = None) -> np.ndarray:
    colours = np.array(PALETTE).reshape(4, 3)
    if transparent is not None:
        colours[transparent] = 255
    return colours[INDEX]


def telephone(path: Path) -> None:
    """A JPEG with a second, smaller picture behind the first."""
    of(np.full_like(PIXELS, 77)).save(path, format="MPO", save_all=True, append_images=[noise(4)])


FIRST = tuple(PIXELS[0, 0].tolist())

# Name of the file: how it is written, and the colours that must be read of it, within 1.
READ: dict[str, tuple[Save, np.ndarray]] = {
    "cmyk.tif": (saved(of(PIXELS).convert("CMYK")), PIXELS),
    "grey16.png": (saved(of(DEEP)), GREYS),
    "grey16.tif": (saved(of(DEEP)), GREYS),
    "big_endian16.tif": (saved(Image.frombytes("I;16B", (SIDE, SIDE), DEEP.astype(">u2").tobytes())), GREYS),
    "grey16.pgm": (saved(of(DEEP)), GREYS),
    "int32.tif": (saved(of(DEEP.astype(np.int32))), GREYS),
    "hidden.png": (saved(of(np.dstack([PIXELS, HIDDEN]))), on_white(PIXELS, HIDDEN)),
    "half.webp": (saved(of(np.dstack([PIXELS, HALF])), lossless=True), on_white(PIXELS, HALF)),
    "grey_hidden.png": (saved(of(np.dstack([GREY, HIDDEN]))), on_white(GREYS, HIDDEN)),
    "palette.png": (with_palette(), by_palette()),
    "palette_hidden.png": (with_palette(transparency=2), by_palette(transparent=2)),
    "still_hidden.gif": (with_palette(transparency=1), by_palette(transparent=1)),
    "one_colour_hidden.png": (
        saved(of(PIXELS), transparency=FIRST),
        np.where((PIXELS == FIRST).all(-1, keepdims=True), 255, PIXELS),
    ),
    "bits.png": (saved(of(BITS * 255).convert("1", dither=Image.Dither.NONE)), np.stack([BITS * 255] * 3, -1)),
    "bits.pbm": (saved(of(BITS * 255).convert("1", dither=Image.Dither.NONE)), np.stack([BITS * 255] * 3, -1)),
    "still.gif": (with_palette(), by_palette()),
    "telephone.jpg": (telephone, np.full_like(PIXELS, 77)),
    "really_png.jpg": (lambda path: of(PIXELS).save(path, format="PNG"), PIXELS),
    "odd_tag.png": (saved(of(PIXELS), exif=tag(9)), PIXELS),
    **{
        f"turned{turn}.{ending}": (saved(of(change(PIXELS)), exif=tag(turn)), PIXELS)
        for turn, change in STORED.items()
        for ending in ("png", "tif")
    },
}


def cut(kind: str) -> Save:
    def write(path: Path) -> None:
        noise().save(path, format=kind)
        path.write_bytes(path.read_bytes()[:-40])

    return write


def frames(path: Path) -> None:
    noise().save(path, save_all=True, append_images=[noise(seed=2), noise(seed=3)])


def claiming(width: int, height: int) -> Save:
    """A small PNG whose header tells of another size."""

    def write(path: Path) -> None:
        noise().save(path)
        content = bytearray(path.read_bytes())
        content[16:24] = struct.pack(">II", width, height)
        content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
        path.write_bytes(content)

    return write


def text(content: str) -> Save:
    return lambda path: path.write_text(content)


# Name of the file: how it is written, and what the message that names it must say.
REFUSED: dict[str, tuple[Save, tuple[str, ...]]] = {
    "nothing.png": (Path.touch, ("empty file of zero bytes", "Fetch it again or delete it.")),
    "text.png": (text("hello"), ("expected a whole image", "cannot identify")),
    "script.png": (text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"), ("cannot identify",)),
    **{
        f"cut.{kind}": (cut(kind), ("expected a whole image", "Fetch it again or delete it."))
        for kind in ("png", "jpeg", "gif", "tiff", "webp")
    },
    **{f"moving.{kind}": (frames, ("expected one picture", "3 in all")) for kind in ("gif", "png", "webp", "tif")},
    "huge.png": (claiming(10_000, 10_000), ("at most 80 million pixels, found 100 million", "Make it smaller")),
    "vast.png": (claiming(20_000, 10_000), ("at most 80 million pixels, found 200 million", "Make it smaller")),
    "float.tif": (saved(of(GREY.astype(np.float32) / 255)), ("8 or 16 bits, found float32 from", "Scale all images")),
    "wide.tif": (saved(of(GREY.astype(np.int32) * 70000)), ("8 or 16 bits, found int32 from", "with 16 bits")),
    "link.png": (lambda path: path.symlink_to("nowhere"), ("cannot be read", "Check path and rights.")),
}


def photos(root: Path) -> Path:
    """Two classes of eight images each."""
    for i in range(16):
        folder = root / ("cat", "dog")[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        noise(seed=i + 9).save(folder / f"good{i}.png")
    return root


def scenes(root: Path, *names: str) -> Path:
    """Six images with masks, and masks for further images."""
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    for i in range(6):
        noise(seed=i + 9).save(root / "images" / f"good{i}.png")
    for stem in [f"good{i}" for i in range(6)] + [Path(name).stem for name in names]:
        of(np.eye(SIDE, dtype=np.uint8)).save(root / "masks" / f"{stem}.png")
    return root


def all_images(data: Data) -> list[np.ndarray]:
    batches = [batch for split in data.splits for batch in data.split(split, shard=Shard())]
    return [image.permute(1, 2, 0).numpy() for batch in batches for image in batch[0]]


def same(found: np.ndarray, expected: np.ndarray) -> bool:
    return (
        found.dtype == np.uint8 and found.shape == expected.shape and np.abs(found - expected.astype(float)).max() <= 1
    )


@pytest.mark.parametrize("name", READ)
def test_read_rightly_through_every_door(name: str, tmp_path: Path) -> None:
    write, expected = READ[name]
    file = photos(tmp_path / "photos") / "cat" / name
    write(file)
    header = read_header(file)
    assert (header.height, header.width) == (SIDE, SIDE)
    for limit in (0, 2**30):
        data = open_folder(tmp_path / "photos", batch_size=4, image_size=SIDE, memory_limit=limit)
        assert [finding for finding in data.audit() if finding.severity == "error"] == []
        images = all_images(data)
        assert len(images) == 17
        assert sum(same(image, expected) for image in images) == 1
    _, x = read_inputs(COLOUR, [file])
    assert same(x[0].permute(1, 2, 0).numpy(), expected)
    grey = decode(file, channels=1, size=None)[0].numpy()
    assert np.abs(grey - expected @ (0.299, 0.587, 0.114)).max() <= 1.5
    write(scenes(tmp_path / "scenes", name) / "images" / name)
    if header.turned == 1:  # else it is not known how the mask lies; see test_bad_masks.py
        images = all_images(open_segmentation(str(tmp_path / "scenes"), batch_size=2))
        assert sum(same(image, expected) for image in images) == 1


@pytest.mark.parametrize("turn", STORED)
@pytest.mark.parametrize("ending", ["png", "jpg", "tif"])
def test_the_header_tells_the_size_of_the_upright_picture(turn: int, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"wide.{ending}"
    of(PIXELS[:5]).save(path, exif=tag(turn))
    header = read_header(path)
    assert (header.height, header.width) == ((8, 5) if turn >= 5 else (5, 8))
    assert header.turned == turn
    assert decode(path, channels=3, size=None).shape == (3, header.height, header.width)


@pytest.mark.parametrize("name", REFUSED)
def test_named_in_one_message_through_every_door(name: str, tmp_path: Path) -> None:
    write, words = REFUSED[name]
    messages = {}
    bad = photos(tmp_path / "photos") / "cat" / name
    write(bad)
    for limit in (0, 2**30):
        data = open_folder(tmp_path / "photos", batch_size=4, image_size=SIDE, memory_limit=limit)
        (error,) = [finding for finding in data.audit() if finding.severity == "error"]
        assert error.where == str(bad)
        messages[f"folder, {limit}"] = str(error)
    if bad.exists():
        with pytest.raises(UserError) as caught:
            read_inputs(COLOUR, [tmp_path / "photos" / "dog", bad])
        messages["predict"] = str(caught.value)
    write(scenes(tmp_path / "scenes", name) / "images" / name)
    with pytest.raises(UserError) as caught:
        open_segmentation(str(tmp_path / "scenes"), batch_size=2)
    messages["segmentation"] = str(caught.value).replace(str(tmp_path / "scenes" / "images"), str(bad.parent))
    for door, message in messages.items():
        assert message.startswith(f"{bad}: expected "), (door, message)
        assert all(word in message for word in words), (door, message)
        assert "\n" not in message, (door, message)


@pytest.mark.parametrize("name", ["moving.gif", "huge.png", "float.tif", "cut.jpeg"])
@pytest.mark.parametrize("system", ["lenet5", "unet"])
def test_no_run_begins(
    name: str, system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write, words = REFUSED[name]
    folder = photos(tmp_path / "own") / "cat" if system == "lenet5" else scenes(tmp_path / "own", name) / "images"
    write(folder / name)
    assert main(["train", system, "--data", "own", "--batch-size", "2"]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert all(word in said for word in (name, *words))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("top", [4095, 65535])
def test_sixteen_bits_that_hold_twelve_are_an_error(top: int, tmp_path: Path) -> None:
    """Eight bits would keep sixteen greys of a camera of twelve."""
    random = np.random.default_rng(0)
    for i in range(12):
        path = tmp_path / "own" / ("cat", "dog")[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        values = random.integers(0, top + 1, (SIDE, SIDE), dtype=np.uint16)
        values[0, 0] = top
        of(values).save(path)
    errors = [f for f in open_folder(tmp_path / "own", batch_size=4).audit() if f.severity == "error"]
    assert [str(error) for error in errors] == (
        []
        if top == 65535
        else [
            f"{tmp_path / 'own'}: expected images of 16 bits with values up to 65,535, found at most 4,095, of which "
            "16 greys would be left in eight bits. Multiply all pixels by one number, so that the range is used."
        ]
    )


MEASURE = """
import resource, sys, warnings
from pathlib import Path
from neurarium.data.decoding import decode
from neurarium.train.recipe import UserError
warnings.simplefilter("ignore")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode(Path(sys.argv[1]), channels=3, size=32)
except UserError:
    pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak of memory is told in other units")
def test_a_file_of_some_kilobytes_takes_no_memory_for_its_hundred_million_pixels(tmp_path: Path) -> None:
    Image.new("1", (10_000, 10_000)).save(tmp_path / "huge.png")
    assert (tmp_path / "huge.png").stat().st_size < 20_000
    found = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "huge.png")], capture_output=True, text=True, check=True
    )
    assert float(found.stdout) < 60, "MiB; its pixels in colour would be 286"
