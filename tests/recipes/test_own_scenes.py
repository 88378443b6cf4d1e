"""A person's own images with masks, of different sizes, from the first step to masks of new images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from neurarium import api
from neurarium.cli.main import main
from neurarium.data.ragged import Ragged
from neurarium.runs.run import Run
from neurarium.train import launch
from neurarium.train.fit import Interrupted
from neurarium.train.prove import prove
from neurarium.train.recipe import Recipe
from tests.recipes.comparing import difference
from tests.recipes.test_every_recipe import Quiet, stop_at, tiny, train


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bright squares on dark ground, in images of 20 x 50 to 50 x 30 pixels; their masks have the values 3 and 200."""
    random = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("squares")
    for i in range(10):
        size = (20 + 3 * i, 50 - 2 * i)
        truth = np.zeros(size, bool)
        for _ in range(3):
            top, left = random.integers(0, (size[0] - 8, size[1] - 8))
            truth[top : top + 8, left : left + 8] = True
        x = random.normal(70 + 100 * truth, 15).clip(0, 255)
        for part, values in (("images", x), ("masks", np.where(truth, 200, 3))):
            (root / part).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values.astype(np.uint8)).save(root / part / f"{i}.png")
    return root


def recipe_of(name: str, squares: Path) -> Recipe:
    return tiny(name, data=str(squares), steps=12)


@pytest.mark.parametrize("name", ["unet", "fcn"])
def test_runs_on_images_of_several_sizes_resume_bit_for_bit(
    name: str, squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(name, squares)
    data = recipe.open_data()
    assert isinstance(data, Ragged)
    whole = train(recipe, tmp_path / "whole")
    assert prove(whole, recipe, Quiet()).differs == ""
    with monkeypatch.context() as patch:
        stop_at(5, type(recipe.task(data.spec)), patch)
        with pytest.raises(Interrupted, match=r"neurarium resume"):
            train(recipe, tmp_path / "cut")
    run = Run.open("last", tmp_path / "cut")
    launch.resume(run, recipe, Quiet())
    assert difference(whole, Run.open(run.path)) == ""


VALUES = np.array([3, 200])


@pytest.fixture(scope="module", params=["unet", "fcn"])
def trained(request: pytest.FixtureRequest, squares: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(recipe_of(request.param, squares), tmp_path_factory.mktemp("runs")).path


def grey(*size: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


def answered(run: Path, pixels: np.ndarray) -> np.ndarray:
    """What the mask of an image (H, W) must hold: the values that the squares' masks have."""
    task: Any = api.open_run(run).load()
    return VALUES[task.predict(pixels[None])[0]]


def test_masks_are_as_large_as_their_images_and_hold_the_values_of_the_data(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = grey(37, 61)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    assert main(["predict", str(trained), str(tmp_path / "photo.png"), "--to", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    mask = np.asarray(Image.open(tmp_path / "out" / "photo-mask.png"))
    assert mask.dtype == np.uint8
    assert np.array_equal(mask, answered(trained, pixels))
    shares = [f"{value} {(mask == value).mean():.1%}" for value in VALUES if (mask == value).any()]
    assert said.splitlines() == [
        f"photo.png  {', '.join(shares)}",
        f"  {tmp_path / 'out' / 'photo-mask.png'}",
        f"  {tmp_path / 'out' / 'photo-overlay.png'}",
    ]
    with Image.open(tmp_path / "out" / "photo-overlay.png") as overlay:
        assert overlay.width > 400


def test_files_of_all_kinds_at_once_as_json(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tags = Image.Exif()
    tags[0x0112] = 6
    upright = grey(20, 33, seed=2)
    Image.fromarray(np.rot90(upright, 1).copy()).save(tmp_path / "turned.png", exif=tags)
    stack = grey(2, 18, 40, seed=3)
    np.save(tmp_path / "two.npy", stack)
    (tmp_path / "more").mkdir()
    other, deep = grey(9, 9, seed=4), grey(25, 16, seed=5)
    Image.fromarray(other).save(tmp_path / "more" / "turned.bmp")
    Image.fromarray(deep.astype(np.uint16) * 257).save(tmp_path / "more" / "deep.tif")
    files = [str(tmp_path / name) for name in ("turned.png", "two.npy", "more")]
    assert main(["predict", str(trained), *files, "--to", str(tmp_path / "out"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["run"] == str(trained)
    expected = {
        "turned": ("turned.png", upright),
        "two-0": ("two.npy[0]", stack[0]),
        "two-1": ("two.npy[1]", stack[1]),
        "deep": ("deep.tif", deep),
        "turned-2": ("turned.bmp", other),
    }
    assert [row["input"] for row in found["predictions"]] == [name for name, _ in expected.values()]
    for row, (stem, (_, pixels)) in zip(found["predictions"], expected.items(), strict=True):
        assert row["mask"] == str(tmp_path / "out" / f"{stem}-mask.png")
        assert row["overlay"] == str(tmp_path / "out" / f"{stem}-overlay.png")
        mask = np.asarray(Image.open(row["mask"]))
        assert np.array_equal(mask, answered(trained, pixels))
        assert row["size"] == list(pixels.shape)
        assert row["shares"] == {str(value): pytest.approx((mask == value).mean()) for value in VALUES}


def test_a_large_image_is_read_in_tiles(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task: Any = api.open_run(trained).load()
    network = task.network
    read: list[int] = []
    taken = type(network).forward
    monkeypatch.setattr(type(network), "forward", lambda self, x: read.append(max(x.shape[-2:])) or taken(self, x))
    Image.fromarray(grey(600, 1300)).save(tmp_path / "large.png")
    assert main(["predict", str(trained), str(tmp_path / "large.png"), "--to", str(tmp_path)]) == 0
    assert len(read) > 3
    assert max(read) <= network.input_size(task.tile) + 2 * network.overlap < 1300
    monkeypatch.undo()
    task.tile = 5000
    whole = VALUES[task.predict(torch.from_numpy(grey(600, 1300))[None])[0]]
    # Sums in another order may move a pixel that lies between two classes.
    assert (np.asarray(Image.open(tmp_path / "large-mask.png")) != whole).mean() < 1e-4


@pytest.mark.parametrize(
    ("files", "to", "said"),
    [
        (["good.png", "bad.png"], "out", "bad.png: expected a whole image"),
        (["good.png", "nowhere.png"], "out", "nowhere.png: expected an image, a folder of images or a .npy array"),
        (["good.png"], "good.png", "cannot be written"),
        ([".", "good.png"], "out", "bad.png: expected a whole image"),
        (["x.png", "x-mask.png"], ".", "x-mask.png is an input, and would be written over"),
        (["good.png", "--mirror"], "out", "--mirror is for classes of images"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_written(
    files: list[str],
    to: str,
    said: str,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("good.png", "x.png", "x-mask.png"):
        Image.fromarray(grey(8, 8)).save(name)
    Path("bad.png").write_bytes(b"no image")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert main(["predict", str(trained), *files, "--to", to]) == 2
    assert said in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
