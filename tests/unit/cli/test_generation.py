"""sample, interpolate, arithmetic, reconstruct, encode: what is written equals what the trained task gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from neurarium import api
from neurarium.cli.main import main
from neurarium.data.sources import open_labelled
from neurarium.recipes import CATALOGUE
from neurarium.train.recipe import UserError
from neurarium.uses.generation import spherical, straight
from tests.undrawn import undrawn

QUIET: dict[str, Any] = {"threads": 1, "precision": "float32", "compile": "off"}
Open = Callable[[str], api.Trained]


@pytest.fixture(name="opened", scope="module")
def _opened(tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Runs of about a second, each trained when it is first asked for."""
    folder, known = tmp_path_factory.mktemp("runs"), {}

    def opened(name: str) -> api.Trained:
        if name not in known:
            with undrawn():
                known[name] = api.train(name, **CATALOGUE[name].tiny, runs=str(folder), **QUIET)
        return known[name]

    return opened


@pytest.fixture(name="digits")
def _digits(tmp_path: Path) -> Path:
    """The first three test images of 0, 1 and 3, in folders of these names."""
    data: Any = open_labelled("digits", batch_size=10)
    x, y = data.items("test")
    for label in (0, 1, 3):
        (tmp_path / "digits" / str(label)).mkdir(parents=True)
        for i, image in enumerate(x[y == label][:3]):
            Image.fromarray(image[0].numpy()).save(tmp_path / "digits" / str(label) / f"{i}.png")
    return tmp_path / "digits"


def read(file: str | Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.array(image)


def pixels(folder: Path) -> Tensor:
    return torch.stack([torch.tensor(read(file))[None] for file in sorted(folder.glob("*.png"))])


def told(command: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*command, "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


def sampler(trained: api.Trained) -> Any:
    task: Any = trained.load()
    return task.sample


def grey(images: Tensor) -> np.ndarray:
    return (255 * images[:, 0]).round().to(torch.uint8).numpy()


def test_samples_are_those_of_the_task_as_a_grid_and_as_files(opened: Open, tmp_path: Path, capsys) -> None:
    trained = opened("vae")
    command = ["sample", str(trained.path), "--count", "5", "--seed", "3", "--files", "--to", str(tmp_path)]
    found = told(command, capsys)
    expected = sampler(trained)(5, seed=3)
    torch.testing.assert_close(api.sample(trained, 5, seed=3), expected, rtol=0, atol=0)
    assert found["shape"] == [5, 1, 8, 8]
    grid, *each = found["files"]
    assert read(grid).shape[1] > 300
    assert [Path(file).name for file in each] == [f"{trained.run.name}-samples-00{i}.png" for i in range(5)]
    np.testing.assert_array_equal([read(file) for file in each], grey(expected))
    assert not torch.equal(expected, api.sample(trained, 5, seed=4))
    assert main(command) == 0
    assert "5 drawn with seed 3: " in capsys.readouterr().out


@pytest.mark.parametrize("name", ["cvae", "conditional-gan", "infogan"])
def test_so_many_of_each_class_that_is_named(name: str, opened: Open, tmp_path: Path, capsys) -> None:
    trained = opened(name)
    labels = torch.tensor([7, 7, 7, 2, 2, 2])
    expected = sampler(trained)(6, labels=labels, seed=1)
    command = ["sample", str(trained.path), "--count", "3", "--class", "7", "2", "--seed", "1", "--to", str(tmp_path)]
    assert told(command, capsys)["shape"][0] == 6
    torch.testing.assert_close(api.sample(trained, 3, classes=["7", 2], seed=1), expected, rtol=0, atol=0)
    other = api.sample(trained, 3, classes=["7", "3"], seed=1)
    assert torch.equal(other[:3], expected[:3])
    assert not torch.equal(other[3:], expected[3:])


def test_truncation_is_handed_on(opened: Open) -> None:
    trained = opened("conditional-gan")
    expected = sampler(trained)(4, seed=2, truncation=0.5)
    torch.testing.assert_close(api.sample(trained, 4, seed=2, truncation=0.5), expected, rtol=0, atol=0)
    assert not torch.equal(expected, api.sample(trained, 4, seed=2))


def test_points_become_a_table_and_a_drawing(opened: Open, tmp_path: Path, capsys) -> None:
    trained = opened("gan-ring")
    found = told(["sample", str(trained.path), "--count", "9", "--to", str(tmp_path)], capsys)
    picture, table = found["files"]
    assert Path(picture).stat().st_size > 5000
    header, *rows = Path(table).read_text().splitlines()
    assert header == "x1,x2"
    written = np.array([row.split(",") for row in rows], dtype=np.float32)
    expected = sampler(trained)(9).numpy()
    np.testing.assert_array_equal(written, expected)  # nine digits give float32 back
    np.testing.assert_array_equal(np.array(found["points"], dtype=np.float32), expected)


@pytest.mark.catalogue("latent-interpolation")
@pytest.mark.parametrize("name", ["vae", "autoencoder", "rbm"])
def test_the_ends_of_a_way_between_images_are_what_is_left_of_them(name: str, opened: Open, digits: Path) -> None:
    trained = opened(name)
    ends = [digits / "0" / "0.png", digits / "1" / "2.png"]
    way = api.interpolate(trained, ends, steps=5)
    given = torch.stack([torch.tensor(read(file))[None] for file in ends])
    task: Any = trained.load()
    torch.testing.assert_close(way[[0, -1]], task.reconstruct(given))
    z = task.encode(given)
    torch.testing.assert_close(way[1], task.decode(0.75 * z[:1] + 0.25 * z[1:])[0])
    moved = [float((b - a).norm()) for a, b in pairwise(way)]
    assert max(moved) < float((way[-1] - way[0]).norm())


@pytest.mark.catalogue("latent-interpolation")
@pytest.mark.parametrize("name", ["vae", "conditional-gan", "infogan", "gan-ring"])
def test_the_ends_of_a_way_between_seeds_are_the_samples_of_these(name: str, opened: Open) -> None:
    trained = opened(name)
    way = api.interpolate(trained, seeds=(1, 2), steps=4)
    for end, seed in ((0, 1), (-1, 2)):
        torch.testing.assert_close(way[end], api.sample(trained, 1, seed=seed)[0])
    if name == "conditional-gan":
        way = api.interpolate(trained, seeds=(1, 2), steps=4, label="5")
        torch.testing.assert_close(way[-1], api.sample(trained, 1, classes=["5"], seed=2)[0])


def test_ways_by_equal_steps_and_by_equal_angles() -> None:
    a, b = torch.randn(2, 1, 50, generator=torch.Generator().manual_seed(0)).double()
    line = straight(a, b, 6)
    torch.testing.assert_close(line[1:] - line[:-1], (b - a).expand(5, 50) / 5)
    arc = spherical(a, b, 6)
    torch.testing.assert_close(arc[[0, -1]], torch.cat([a, b]))
    # On a sphere the way stays on it, in equal angles; the straight one passes below.
    a, b = a / a.norm(), b / b.norm()
    arc = spherical(a, b, 6)
    torch.testing.assert_close(arc.norm(dim=1), torch.ones(6).double())
    angles = torch.arccos((arc[1:] * arc[:-1]).sum(1))
    torch.testing.assert_close(angles, torch.arccos((a * b).sum()).expand(5) / 5)
    assert straight(a, b, 7)[3].norm() < 0.8
    # Where two codes have one direction, or opposite ones, no arc is defined, and the line is taken.
    for other in (a, -a, 2 * a):
        torch.testing.assert_close(spherical(a, other, 5), straight(a, other, 5))


def test_arithmetic_adds_mean_codes(opened: Open, digits: Path, tmp_path: Path, capsys) -> None:
    trained = opened("autoencoder")
    codes, images = api.arithmetic(trained, [digits / "3"], [digits / "1"], [digits / "0"])
    task: Any = trained.load()
    means = [task.encode(pixels(digits / name)).mean(0) for name in "310"]
    torch.testing.assert_close(codes, torch.stack([*means, means[0] - means[1] + means[2]]))
    torch.testing.assert_close(images, task.decode(codes))
    words = [str(digits / name) for name in "310"]
    found = told(["arithmetic", str(trained.path), *words, "--to", str(tmp_path)], capsys)
    np.testing.assert_allclose(found["code"], codes[3].numpy(), rtol=1e-6)
    assert read(*found["files"]).shape[1] > 300


@pytest.mark.parametrize("name", ["autoencoder", "vae", "rbm", "ali"])
def test_errors_are_those_of_what_comes_back_the_largest_first(name: str, opened: Open, digits: Path, capsys) -> None:
    trained = opened(name)
    to = digits / "out"
    command = ["reconstruct", str(trained.path), str(digits / "0"), str(digits / "1"), "--files", "--to", str(to)]
    found = told(command, capsys)
    given = torch.cat([pixels(digits / "0"), pixels(digits / "1")])
    seen = (given >= 128).float() if name == "rbm" else given / 255  # the machine reads black and white
    task: Any = trained.load()
    back = task.reconstruct(given)
    # An autoencoder is judged by what its decoder says, which may lie outside of 0..1 where a picture is cut off.
    said = task.decoder(task.encoder(seen)) if name == "autoencoder" else back
    errors = (said - seen).square().flatten(1).mean(1)
    rows = found["reconstructions"]
    assert [row["error"] for row in rows] == pytest.approx(sorted(errors.tolist(), reverse=True), rel=1e-4)
    names = [str(digits / folder / f"{i}.png") for folder in "01" for i in range(3)]
    assert [row["input"] for row in rows] == [names[i] for i in errors.argsort(descending=True).tolist()]
    gallery, *each = found["files"]
    assert Path(gallery).stat().st_size > 2000
    np.testing.assert_array_equal([read(file) for file in each], grey(back))
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{rows[0]['error']:.5f}  {rows[0]['input']}"


def test_codes_of_files_and_of_a_split(opened: Open, digits: Path, tmp_path: Path, capsys) -> None:
    trained = opened("autoencoder")
    task: Any = trained.load()
    files = str(digits / "3")
    table, array = tmp_path / "new" / "codes.csv", tmp_path / "codes.npy"
    assert told(["encode", str(trained.path), files, "--to", str(table)], capsys)["items"] == 3
    header, *rows = table.read_text().splitlines()
    assert header == "item,z1,z2"
    assert [row.split(",")[0] for row in rows] == [str(digits / "3" / f"{i}.png") for i in range(3)]
    written = np.array([row.split(",")[1:] for row in rows], dtype=np.float32)
    np.testing.assert_array_equal(written, task.encode(pixels(digits / "3")).numpy())

    data: Any = trained.recipe.open_data()
    x, y = data.items("test")
    command = ["encode", str(trained.path), "--split", "test", "--to"]
    assert told([*command, str(array)], capsys)["items"] == len(x)
    np.testing.assert_allclose(np.load(array), task.encode(x).numpy(), atol=1e-5)
    assert main([*command, str(table)]) == 0
    assert f"{len(x)} codes of 2 numbers" in capsys.readouterr().out
    header, *rows = table.read_text().splitlines()
    assert header == "item,z1,z2,class"
    assert [int(row.split(",")[-1]) for row in rows] == y.tolist()


def test_systems_that_are_told_a_class(opened: Open, digits: Path) -> None:
    trained = opened("cvae")
    files, label = [digits / "3"], torch.full((3,), 3)
    task: Any = trained.load()
    x = pixels(digits / "3")
    torch.testing.assert_close(api.encode(trained, files, label="3").codes, task.encode(x, labels=label))
    torch.testing.assert_close(api.reconstruct(trained, files, label=3).outputs, task.reconstruct(x, labels=label))
    way = api.interpolate(trained, [digits / "3" / f"{i}.png" for i in range(2)], steps=3, label="3")
    torch.testing.assert_close(way[[0, 2]], task.reconstruct(x[:2], labels=label[:2]))
    codes = api.encode(trained, split="test")
    data: Any = trained.recipe.open_data()
    x, y = data.items("test")
    torch.testing.assert_close(codes.codes, task.encode(x, labels=y))
    assert codes.classes == [str(label) for label in y.tolist()]
    with pytest.raises(UserError, match=r"must be told the class. Name it with --class: one of 0, 1, 2"):
        api.reconstruct(trained, files)


WRONG: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "nothing to draw from": ("autoencoder", "sample {run}", ("draws no new items", "autoencoder")),
    "a classifier": ("logistic-regression", "sample {run}", ("draws no new items", "neurarium list")),
    "a classifier's code": ("logistic-regression", "encode {run} --split test", ("finds no code",)),
    "a classifier's images": ("logistic-regression", "reconstruct {run} {digits}/0", ("give back",)),
    "no samples": ("vae", "sample {run} --count 0", ("at least 1", "0")),
    "negative seed": ("vae", "sample {run} --seed -1", ("seed", "-1")),
    "class of no classes": ("vae", "sample {run} --class 3", ("--class", "Leave")),
    "class for points": ("gan-ring", "sample {run} --class 3", ("--class", "Leave")),
    "class of a machine": ("rbm", "sample {run} --class 3", ("no classes", "--class")),
    "class of files": ("rbm", "reconstruct {run} {digits}/0 --class 3", ("no classes", "--class")),
    "unknown class": ("cvae", "sample {run} --class ten", ("'ten'", "Known: 0, 1")),
    "class beyond the last": ("conditional-gan", "sample {run} --class 10", ("0 to 9", "10")),
    "category that is no number": ("infogan", "sample {run} --class ten", ("'ten'", "number")),
    "truncation": ("vae", "sample {run} --truncation 0.5", ("--truncation",)),
    "points as files": ("gan-ring", "sample {run} --files", ("points", "--files")),
    "no ends": ("vae", "interpolate {run}", ("two images", "--seeds 1 2")),
    "one end": ("vae", "interpolate {run} {digits}/0/0.png", ("two", "1")),
    "three seeds": ("vae", "interpolate {run} --seeds 1 2 3", ("two seeds", "3")),
    "one step": ("vae", "interpolate {run} --seeds 1 2 --steps 1", ("2 steps", "1")),
    "images and seeds": ("vae", "interpolate {run} {digits}/0/0.png {digits}/1/0.png --seeds 1 2", ("one of",)),
    "images for a generator": ("gan-ring", "interpolate {run} a.npy b.npy", ("finds no code",)),
    "seeds for a plain code": ("autoencoder", "interpolate {run} --seeds 1 2", ("draw from", "--seeds")),
    "two terms": ("vae", "arithmetic {run} {digits}/0 {digits}/1", ("FIRST MINUS PLUS", "2")),
    "nothing to reconstruct": ("vae", "reconstruct {run}", ("at least one file",)),
    "no such file": ("vae", "reconstruct {run} nosuch.png", ("nosuch.png",)),
    "nothing to encode": ("vae", "encode {run}", ("--split test",)),
    "files and a split": ("vae", "encode {run} {digits}/0 --split test", ("one of the two",)),
    "class of a split": ("cvae", "encode {run} --split test --class 3", ("of their own",)),
    "unknown split": ("vae", "encode {run} --split tset", ("tset", "test")),
    "unknown ending": ("vae", "encode {run} --split test --to codes.txt", (".csv or .npy", "codes.txt")),
    "folder in the way": ("vae", "encode {run} --split test --to {digits}/0/0.png/codes.csv", ("--to",)),
    "file in the way": ("vae", "sample {run} --files --to {digits}/0/0.png", ("--to",)),
}


@pytest.mark.parametrize("case", WRONG)
def test_one_clear_message(case: str, opened: Open, digits: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    name, command, words = WRONG[case]
    path = opened(name).path.resolve()
    monkeypatch.chdir(digits)
    before = sorted(digits.rglob("*"))
    capsys.readouterr()
    assert main(command.format(run=path, digits=digits).split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    for word in words:
        assert word in err, err
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err
    assert sorted(digits.rglob("*")) == before, "nothing half-made stays behind"
