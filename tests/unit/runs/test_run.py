from __future__ import annotations

import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurarium.runs.errors import RunError
from neurarium.runs.metrics import Metrics
from neurarium.runs.run import Run

HEADER = {"fields": {"lr": 0.1}, "settings": {"seed": 0}, "classes": ("äpfel", "pears")}

HOLDS_THE_LOCK = """
import sys, time
from neurarium.runs.run import Run
with Run.open(sys.argv[1]).lock():
    print("locked", flush=True)
    time.sleep(60)
"""


def make(root: Path, times: int) -> list[str]:
    return [Run.create(root, "lenet5", HEADER).name for _ in range(times)]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "runs", "lenet5", HEADER)


# -- the folder


def test_create_numbers_and_writes_the_header(tmp_path: Path) -> None:
    first, second = (Run.create(tmp_path / "a" / "runs", "lenet5", HEADER) for _ in range(2))
    assert (first.name, second.name) == ("lenet5-001", "lenet5-002")
    content = json.loads((first.path / "recipe.json").read_text(encoding="utf-8"))
    assert content == first.header
    assert first.header["name"] == "lenet5"
    assert first.header["classes"] == ["äpfel", "pears"]
    assert first.header["format"] == 1
    assert {path.name for path in first.path.iterdir()} == {"recipe.json", "checkpoints", "pictures"}
    second.path.rename(second.path.with_name("lenet5-1234"))
    assert Run.create(first.path.parent, "lenet5", HEADER).name == "lenet5-1235"
    assert Run.create(first.path.parent, "lenet", HEADER).name == "lenet-001"


def test_processes_never_share_a_folder(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        made = pool.starmap(make, [(tmp_path, 8)] * 3)
    assert sorted(name for names in made for name in names) == [f"lenet5-{number:03d}" for number in range(1, 25)]


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a b", "a\n"])
def test_names_are_words(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunError, match="name is a word"):
        Run.create(tmp_path, name, HEADER)


def test_bad_header_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="received object"):
        Run.create(tmp_path, "lenet5", {"fields": object()})
    assert list(tmp_path.iterdir()) == []


def test_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunError, match=r"Cannot write .*runs"):
        Run.create(tmp_path / "runs", "lenet5", HEADER)


def test_open_by_path_name_and_last(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    runs = [Run.create(root, "lenet5", HEADER) for _ in range(3)]
    for number, run in enumerate(runs):
        os.utime(run.path / "recipe.json", (number, number))
    assert Run.open("lenet5-002", root).path == runs[1].path
    assert Run.open(runs[1].path).header == runs[1].header
    assert Run.open(str(runs[1].path), tmp_path / "elsewhere").name == "lenet5-002"
    assert Run.open("last", root).name == "lenet5-003"
    runs[0].update_header(finished=True)
    assert Run.open("last", root).name == "lenet5-001"
    assert [run.name for run in Run.all(root)] == ["lenet5-001", "lenet5-003", "lenet5-002"]


def test_open_what_is_not_there(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    with pytest.raises(RunError, match="holds no run: train one first"):
        Run.open("lenet5-001", root)
    with pytest.raises(RunError, match=r"no run in .* yet"):
        Run.open("last", root)
    Run.create(root, "lenet5", HEADER)
    Run.create(root, "dcgan", HEADER)
    with pytest.raises(RunError, match="Did you mean 'lenet5-001'"):
        Run.open("lenet5", root)
    with pytest.raises(RunError, match="Did you mean 'lenet5-001'"):
        Run.open("lenet-5-001", root)
    with pytest.raises(RunError, match="There are: dcgan-001, lenet5-001"):
        Run.open("zzz", root)


def test_open_what_is_damaged(run: Run) -> None:
    file = run.path / "recipe.json"
    for text in ("", '{"name": "lenet5", "form', "[]", '{"fields": {}}', "\xff"):
        file.write_text(text, encoding="latin-1")
        with pytest.raises(RunError, match=r"recipe\.json is damaged.*Restore it"):
            Run.open(run.path)
    file.write_text('{"name": "lenet5", "format": 2}')
    with pytest.raises(RunError, match="format is 2, expected 1 at most: use a newer version"):
        Run.open(run.path)
    file.unlink()
    with pytest.raises(RunError, match=r"is no run: cannot read .*recipe\.json"):
        Run.open(run.path)
    assert Run.all(run.path.parent) == []


def test_update_header_keeps_what_another_wrote(run: Run) -> None:
    Run.open(run.path).update_header(finished=True)
    run.update_header(seconds=math.inf)
    again = Run.open(run.path).header
    assert again == run.header
    assert (again["finished"], again["seconds"], again["fields"]) == (True, math.inf, {"lr": 0.1})


# -- metrics

words = st.text(max_size=8).filter(lambda text: text not in ("step", "split", "NaN", "Infinity", "-Infinity"))
measures = st.dictionaries(words, st.floats(allow_nan=False) | st.integers() | words, max_size=5)
rows = st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from(["train", "test"]), measures), max_size=8)


@given(rows, st.integers(0, 10**9))
def test_rows_come_back_exactly(tmp_path_factory: pytest.TempPathFactory, rows: list, step: int) -> None:
    run = Run.create(tmp_path_factory.mktemp("runs"), "any", {})
    given = [{"step": at, "split": split, **values} for at, split, values in rows]
    for row in given:
        run.append(dict(reversed(row.items())))
    assert run.rows() == given
    assert [list(row)[:2] for row in run.rows()] == [["step", "split"]] * len(given)
    assert run.rows("test") == [row for row in given if row["split"] == "test"]
    run.truncate(step)
    assert run.rows() == [row for row in given if row["step"] <= step]
    run.close()


def test_not_a_number_comes_back(run: Run) -> None:
    run.append({"step": 0, "split": "train", "loss": math.nan, "bound": -math.inf})
    run.close()
    assert run.metrics_path.read_text() == '{"step": 0, "split": "train", "loss": "NaN", "bound": "-Infinity"}\n'
    assert math.isnan(run.rows()[0]["loss"])
    assert run.rows()[0]["bound"] == -math.inf


@pytest.mark.parametrize(
    "row", [{"step": 1}, {"split": "train"}, {"step": -1, "split": "a"}, {"step": 1.0, "split": "a"}]
)
def test_rows_need_step_and_split(run: Run, row: dict) -> None:
    with pytest.raises(RunError, match="A row needs step"):
        run.append(row)
    assert run.rows() == []


def test_torn_last_line_is_dropped_wherever_it_was_torn(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "metrics.jsonl")
    whole = [{"step": step, "split": "train", "loss": 0.5 + step} for step in range(3)]
    for row in whole:
        metrics.append(row)
    metrics.close()
    content = metrics.path.read_bytes()
    last = len(content.splitlines(keepends=True)[-1])
    for cut in range(last + 1):
        metrics.path.write_bytes(content[: len(content) - cut])
        kept = whole if cut <= 1 else whole[:2]  # without its line end alone it is whole
        assert metrics.rows() == kept
        metrics.append({"step": 9, "split": "test"})
        metrics.close()
        assert metrics.rows() == [*kept, {"step": 9, "split": "test"}]
        assert metrics.path.read_bytes().endswith(b"}\n")


def test_zeros_of_a_power_cut_are_dropped(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "metrics.jsonl")
    metrics.path.write_bytes(b'{"step": 1, "split": "train"}\n' + b"\0" * 100)
    assert metrics.rows() == [{"step": 1, "split": "train"}]
    metrics.append({"step": 2, "split": "train"})
    assert [row["step"] for row in metrics.rows()] == [1, 2]
    metrics.close()


def test_damage_in_the_middle_is_named(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "metrics.jsonl")
    metrics.path.write_text('{"step": 1, "split": "train"}\n{"step": 2, "sp\n{"step": 3, "split": "train"}\n')
    with pytest.raises(RunError, match=r"metrics\.jsonl, line 2: expected a JSON object.*Delete this line"):
        metrics.rows()


def test_full_disk_takes_back_the_torn_line(full_disk: Path) -> None:
    metrics = Metrics(full_disk / "metrics.jsonl")
    row = {"step": 1, "split": "train", "text": "x" * 30_001}

    def fill() -> None:
        for _ in range(20):
            metrics.append(row)

    with pytest.raises(RunError, match=r"metrics\.jsonl: No space left.*Free some space"):
        fill()
    assert metrics.path.read_bytes().endswith(b"}\n")
    assert metrics.rows() == [row] * 8
    metrics.append({"step": 2, "split": "train"})
    assert metrics.rows()[-1] == {"step": 2, "split": "train"}
    metrics.close()


# -- checkpoints


def test_checkpoints_are_sorted_by_step_and_pruned(run: Run) -> None:
    assert run.last_checkpoint() is None
    steps = (5, 100_000_000, 20, 9)
    for step in steps:
        run.checkpoint_path(step).write_bytes(b"")
    run.best_path.write_bytes(b"")
    run.checkpoint_path(7).with_name(".step-00000007.tmp-00000000-1-00000000.safetensors").write_bytes(b"")
    assert run.checkpoints() == [run.checkpoint_path(step) for step in sorted(steps)]
    assert run.last_checkpoint() == run.checkpoint_path(100_000_000)
    assert run.prune(2) == [run.checkpoint_path(5), run.checkpoint_path(9)]
    assert run.checkpoints() == [run.checkpoint_path(20), run.checkpoint_path(100_000_000)]
    assert run.best_path.exists()
    with pytest.raises(RunError, match="At least one"):
        run.prune(0)


def test_pictures(run: Run) -> None:
    assert run.picture_path("confusion", 500) == run.path / "pictures" / "confusion-00000500.png"
    with pytest.raises(RunError, match="word"):
        run.picture_path("../x", 1)


# -- one writer


def test_second_process_is_locked_out_and_a_killed_one_is_not(run: Run) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS_THE_LOCK, str(run.path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with (
            pytest.raises(RunError, match=f"is being written by process {other.pid} on .*Wait until it ends"),
            run.lock(),
        ):
            pass
        assert Run.open(run.path).rows() == []  # reading is free
        other.send_signal(signal.SIGKILL)
    assert json.loads((run.path / "lock").read_text())["pid"] == other.pid  # left behind
    (run.path / "checkpoints" / f".best.tmp-{'0' * 8}-1-{'0' * 8}.safetensors").write_bytes(b"")
    os.utime(run.path / "checkpoints" / f".best.tmp-{'0' * 8}-1-{'0' * 8}.safetensors", (0, 0))
    with run.lock():
        assert json.loads((run.path / "lock").read_text())["pid"] == os.getpid()
        assert list((run.path / "checkpoints").iterdir()) == []
    assert not (run.path / "lock").exists()


def test_lock_is_given_back_after_an_error_and_not_taken_twice(run: Run) -> None:
    def fail() -> None:
        with run.lock():
            run.append({"step": 0, "split": "train"})
            with pytest.raises(RunError, match="This process already writes"), Run.open(run.path).lock():
                pass
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with run.lock():
        pass


def test_folder_that_is_gone(run: Run) -> None:
    (run.path / "recipe.json").unlink()
    for folder in ("checkpoints", "pictures", ""):
        (run.path / folder).rmdir()
    with pytest.raises(RunError, match="The folder is gone"), run.lock():
        pass
    with pytest.raises(RunError, match="The folder is gone"):
        run.append({"step": 0, "split": "train"})


def take_turns(path: str, times: int) -> int:
    """How often this process got the lock; each holder adds one to a number in a way that loses updates if shared."""
    run, got = Run.open(path), 0
    while got < times:
        try:
            with run.lock():
                count = int((run.path / "count").read_text())
                (run.path / "count").write_text(str(count + 1))
                got += 1
        except RunError:
            continue
    return got


def test_lock_excludes_under_contention(run: Run) -> None:
    (run.path / "count").write_text("0")
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.starmap(take_turns, [(str(run.path), 60)] * 3) == [60] * 3
    assert (run.path / "count").read_text() == "180"
