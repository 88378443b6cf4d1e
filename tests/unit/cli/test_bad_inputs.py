"""What a person can get wrong: one clear message, exit code 2, no traceback, nothing lost.

Each row of the table prepares a folder, gives a command line, and names words that the message must hold.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neurarium.cli.main import main
from tests.undrawn import undrawn

Prepare = Callable[[Path], None]


def nothing(folder: Path) -> None:
    pass


def csv(text: str, name: str = "t.csv") -> Prepare:
    return lambda folder: (folder / name).write_text(text, encoding="utf-8") and None


def rows(*, extra: str = "", header: str = "a,b,y") -> str:
    """Thirty good rows of two classes, and what is wrong with the table at its end."""
    good = "".join(f"{i},{i * i},{'yes' if i % 2 else 'no'}\n" for i in range(30))
    return f"{header}\n{good}{extra}"


def pictures(**broken: bytes) -> Prepare:
    """Two classes of twelve good images each, and files with these bytes among the first."""

    def prepare(folder: Path) -> None:
        random = np.random.default_rng(0)
        for label in ("cat", "dog"):
            (folder / "photos" / label).mkdir(parents=True)
            for i in range(12):
                pixels = random.integers(0, 256, (8, 8), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / "photos" / label / f"{i}.png")
        for name, content in broken.items():
            (folder / "photos" / "cat" / f"{name}.png").write_bytes(content)

    return prepare


def truncated(folder: Path) -> None:
    pictures()(folder)
    whole = (folder / "photos/cat/0.png").read_bytes()
    (folder / "photos/cat/cut.png").write_bytes(whole[: len(whole) // 2])


def one_class(folder: Path) -> None:
    pictures()(folder)
    for file in (folder / "photos/dog").iterdir():
        file.unlink()
    (folder / "photos/dog").rmdir()


def empty_folder(folder: Path) -> None:
    (folder / "photos").mkdir()


def folder_is_file(folder: Path) -> None:
    (folder / "runs").write_text("in the way")


def bad_idx(folder: Path) -> None:
    (folder / "data" / "mnist").mkdir(parents=True)
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (folder / "data" / "mnist" / f"{part}-ubyte.gz").write_bytes(b"not an idx file")


QUICK = "--epochs 0.1 --runs runs"

TABLE: dict[str, tuple[Prepare, str, tuple[str, ...]]] = {
    "misspelt verb": (nothing, "trian lenet5", ("'trian'", "'train'")),
    "misspelt system": (nothing, "train lenet", ("'lenet'", "'lenet5'")),
    "no system": (nothing, "train", ("lenet5",)),
    "unknown family": (nothing, "list --family conv", ("'conv'", "convolutional")),
    "unknown flag": (nothing, "train lenet5 --lrr 0.1", ("--lrr", "--lr")),
    "text for a number": (nothing, "train lenet5 --lr fast", ("--lr", "'fast'")),
    "flag without value": (nothing, "train lenet5 --lr", ("--lr",)),
    "negative rate": (nothing, "train lenet5 --lr -1", ("--lr", "-1")),
    "rate that is no number": (nothing, "train lenet5 --lr nan", ("--lr", "nan")),
    "negative epochs": (nothing, "train mlp --epochs -3", ("--epochs", "-3")),
    "empty batch": (nothing, "train mlp --batch-size 0", ("--batch-size", "at least 1")),
    "dropout of everything": (nothing, "train mlp --dropout 1.5", ("--dropout", "1.5")),
    "unknown choice": (nothing, "train lenet5 --form 1999", ("1999", "1998")),
    "negative seed": (nothing, "train mlp --seed -1", ("--seed", "-1")),
    "contradiction": (nothing, "train mlp --exact --compile on", ("--exact", "--compile")),
    "absent device": (nothing, "train mlp --device cuda:77", ("cuda:77", "cpu")),
    "nonsense device": (nothing, "train mlp --device abacus", ("abacus", "cpu")),
    "unknown data": (nothing, "train lenet5 --data mnits", ("'mnits'", "mnist")),
    "wrong path": (nothing, "train lenet5 --data no/such/folder", ("no/such/folder",)),
    "points for a picture net": (nothing, "train lenet5 --data moons", ("lenet5", "mlp")),
    "points for a GAN of pictures": (nothing, "train dcgan --data moons", ("makes images", "gan-ring")),
    "ten classes for a perceptron": (nothing, "train perceptron --data digits", ("two classes", "10")),
    "own file without recipe": (csv("x = 1\n", "my.py"), "train my.py:Mine", ("my.py", "'Mine'")),
    "own file missing": (nothing, "train my.py:Mine", ("my.py",)),
    "no target": (csv(rows()), f"train mlp --data t.csv {QUICK}", ("--target", "a, b, y")),
    "missing target column": (csv(rows()), f"train mlp --data t.csv --target z {QUICK}", ("'z'", "y")),
    "duplicate header": (csv(rows(header="a,a,y")), f"train mlp --data t.csv --target y {QUICK}", ("'a'",)),
    "empty table": (csv(""), f"train mlp --data t.csv --target y {QUICK}", ("t.csv", "empty")),
    "header alone": (csv("a,b,y\n"), f"train mlp --data t.csv --target y {QUICK}", ("t.csv", "row")),
    "ragged row": (csv(rows(extra="1,2\n")), f"train mlp --data t.csv --target y {QUICK}", ("t.csv", "32")),
    "infinity": (csv(rows(extra="inf,2,yes\n")), f"train mlp --data t.csv --target y {QUICK}", ("t.csv", "32")),
    "nothing to learn from": (
        csv("a,id,y\n" + "".join(f"7,{i},{i % 7}.5\n" for i in range(30))),
        f"train mlp --data t.csv --target y {QUICK}",
        ("t.csv", "'a'", "one value", "'id'", "numbers the rows"),
    ),
    "one class": (
        csv("a,y\n" + "".join(f"{i},yes\n" for i in range(30))),
        f"train mlp --data t.csv --target y --batch-size 4 {QUICK}",
        ("yes",),
    ),
    "no pictures": (empty_folder, f"train lenet5 --data photos {QUICK}", ("photos",)),
    "zero-byte picture": (pictures(bad=b""), f"train lenet5 --data photos --batch-size 4 {QUICK}", ("bad.png",)),
    "text as picture": (pictures(bad=b"hello"), f"train lenet5 --data photos --batch-size 4 {QUICK}", ("bad.png",)),
    "truncated picture": (truncated, f"train lenet5 --data photos --batch-size 4 {QUICK}", ("cut.png",)),
    "pictures of one class": (one_class, f"train lenet5 --data photos --batch-size 4 {QUICK}", ("cat",)),
    "no idx file": (bad_idx, f"train lenet5 --data mnist {QUICK}", ("mnist",)),
    "file where the runs go": (folder_is_file, "train mlp --epochs 0.1 --runs runs", ("runs",)),
    "unknown run": (nothing, "resume lenet5-999", ("lenet5-999",)),
    "no run at all": (nothing, "evaluate last", ("runs",)),
    "no run named": (nothing, "evaluate", ("run",)),
    "nothing to compare": (nothing, "compare", ("two runs",)),
    "unknown split": (nothing, "evaluate {run} --split tset", ("tset", "test")),
    "nothing to predict": (nothing, "predict {run}", ("file",)),
    "missing file to predict": (nothing, "predict {run} nosuch.png", ("nosuch.png",)),
    "broken file to predict": (csv("hello", "bad.png"), "predict {run} bad.png", ("bad.png",)),
    "unknown format": (nothing, "export {run} --format tflite", ("tflite", "onnx")),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One short finished run."""
    folder = tmp_path_factory.mktemp("trained")
    with undrawn():
        assert main(["train", "logistic-regression", "--epochs", "1", "--runs", str(folder)]) == 0
    return folder / "logistic-regression-001"


@pytest.mark.parametrize("case", TABLE)
def test_one_clear_message(
    case: str, tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare, command, words = TABLE[case]
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEURARIUM_DATA", str(tmp_path / "data"))
    before = sorted(path for path in tmp_path.rglob("*"))
    weights = (trained / "checkpoints" / "best.safetensors").read_bytes()
    capsys.readouterr()
    assert main(shlex.split(command.format(run=trained))) == 2
    out, err = capsys.readouterr()
    said = err[err.index("neurarium: ") :]
    for word in words:
        assert word in said, said
    assert "Traceback" not in err
    assert len(said) < 1200, "a message, not a page"
    assert out == "" or command == "show"
    assert sorted(path for path in tmp_path.rglob("*")) == before, "nothing half-made stays behind"
    assert (trained / "checkpoints" / "best.safetensors").read_bytes() == weights


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "lenet5", "--lr", "-1", "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"] in err


def test_label_eleven_of_ten() -> None:
    import torch

    from neurarium.data.memory import InMemory
    from neurarium.train.batches import Labelled
    from neurarium.train.data import Spec

    y = torch.arange(40) % 10
    y[17] = 11
    spec = Spec(shape=(2,), sizes={"train": 40}, classes=tuple("0123456789"))
    data = InMemory({"train": Labelled(torch.randn(40, 2), y)}, spec, batch_size=4, name="mine")
    (error,) = [finding for finding in data.audit() if finding.severity == "error"]
    assert "11" in str(error)
    assert "17" in str(error)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another"])
def test_damaged_weights(
    damage: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A corrupt checkpoint, or one of another recipe, is named; the run's other files stay."""
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(trained, copy)
    best = copy / "checkpoints" / "best.safetensors"
    content = bytearray(best.read_bytes())
    if damage == "flipped":
        content[-3] ^= 1
    if damage == "another":
        assert main(["train", "perceptron", "--epochs", "1", "--runs", str(tmp_path / "other")]) == 0
        content = bytearray((tmp_path / "other/perceptron-001/checkpoints/best.safetensors").read_bytes())
    best.write_bytes({"cut": content[: len(content) // 2], "empty": b""}.get(damage, content))
    capsys.readouterr()
    assert main(["evaluate", str(copy)]) == 2
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert "another network" in err if damage == "another" else "best.safetensors" in err
