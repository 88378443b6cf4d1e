from __future__ import annotations

import errno
import os
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neurarium.runs.atomic import atomic_write, clean_temporaries
from neurarium.runs.errors import RunError

OLD, NEW = b"old" * 30_000, b"new" * 50_000

# Kills itself at the k-th line of the module that writes, for every k until the write ends; a fork each is quick.
AT_EVERY_LINE = """
import os, signal, sys
from pathlib import Path
from neurarium.runs import atomic

target, old, new = Path(sys.argv[1]), b"old" * 30_000, b"new" * 50_000
for k in range(10_000):
    target.write_bytes(old)
    pid = os.fork()
    if pid == 0:
        left = k
        def trace(frame, event, argument):
            global left
            if frame.f_code.co_filename != atomic.__file__:
                return None
            if event == "line":
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
            return trace
        sys.settrace(trace)
        with atomic.atomic_write(target) as temporary:
            with open(temporary, "wb", buffering=0) as file:
                file.write(new[:70_000])
                file.write(new[70_000:])
        os._exit(0)
    killed = os.waitpid(pid, 0)[1] != 0
    content = target.read_bytes()
    assert content in (old, new), f"torn at line event {k}: {len(content)} bytes"
    left_behind = len(list(target.parent.iterdir())) - 1
    gone = atomic.clean_temporaries(target.parent)
    assert len(gone) == left_behind, (k, gone)
    print("new" if content == new else "old", left_behind)
    if not killed:
        break
"""

WRITES_FOR_EVER = """
import sys
from pathlib import Path
from neurarium.runs.atomic import atomic_write

number = 0
while True:
    number += 1
    with atomic_write(Path(sys.argv[1])) as temporary, open(temporary, "wb", buffering=0) as file:
        for _ in range(50):
            file.write(number.to_bytes(4, "big") * 5_000)
    if number == 1:
        print("ready", flush=True)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_block_that_ends_well_replaces_the_file(tmp_path: Path) -> None:
    target = tmp_path / "best.safetensors"
    target.write_bytes(OLD)
    with atomic_write(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.name.startswith(".")
        assert temporary.suffix == ".safetensors"
        temporary.write_bytes(NEW)
        assert target.read_bytes() == OLD
    assert target.read_bytes() == NEW
    assert names(tmp_path) == ["best.safetensors"]


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt(), SystemExit(1)])
def test_block_that_fails_leaves_the_old_file_and_its_own_error(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "report.html"
    target.write_bytes(OLD)

    def fail() -> None:
        with atomic_write(target) as temporary:
            temporary.write_bytes(NEW)
            raise error

    with pytest.raises(type(error)):
        fail()
    assert target.read_bytes() == OLD
    assert names(tmp_path) == ["report.html"]


def test_kill_at_every_line_leaves_the_old_or_the_new_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_EVERY_LINE, str(tmp_path / "file.bin")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = done.stdout.split("\n")[:-1]
    assert len(seen) > 15
    assert "old 1" in seen  # killed while the temporary stood there, which was cleaned away
    assert "new 0" in seen  # killed after the rename
    assert seen == sorted(seen, key=lambda line: line.startswith("new"))  # never old again after new


def test_kill_at_random_times_leaves_a_whole_file(tmp_path: Path) -> None:
    target = tmp_path / "file.bin"
    chance = random.Random(0)
    for _ in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", WRITES_FOR_EVER, str(target)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0, 0.02))
            writer.kill()
        content = target.read_bytes()
        assert len(content) == 4 * 5_000 * 50
        assert content == content[:4] * (len(content) // 4)
        clean_temporaries(tmp_path)
        assert names(tmp_path) == ["file.bin"]


def test_limit_on_file_size_keeps_the_last_good_one(tmp_path: Path) -> None:
    target = tmp_path / "last.bin"
    with atomic_write(target) as temporary:
        temporary.write_bytes(OLD)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # Python ignores SIGXFSZ, so write gives EFBIG
    try:
        with (
            pytest.raises(RunError, match=r"last\.bin: File too large.*untouched.*ulimit"),
            atomic_write(target) as temporary,
        ):
            temporary.write_bytes(NEW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert target.read_bytes() == OLD
    assert names(tmp_path) == ["last.bin"]


def test_full_disk_keeps_the_last_good_one(full_disk: Path) -> None:
    target = full_disk / "last.bin"
    with atomic_write(target) as temporary:
        temporary.write_bytes(OLD)
    with (
        pytest.raises(RunError, match=r"last\.bin: No space left.*untouched.*Free some space"),
        atomic_write(target) as t,
    ):
        t.write_bytes(NEW * 10)
    assert target.read_bytes() == OLD
    assert names(full_disk) == ["last.bin"]


def test_full_disk_told_by_safetensors(full_disk: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    with (
        pytest.raises(RunError, match=r"No space left on device.*Free some space"),
        atomic_write(full_disk / "last.safetensors") as temporary,
    ):
        save_file({"weight": np.zeros(10**6)}, temporary)
    assert names(full_disk) == []


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.EROFS, "read-only"), (errno.EACCES, "writable"), (errno.EDQUOT, "quota"), (errno.EIO, "Check the disk")],
)
def test_errors_of_the_disk_say_what_to_do(tmp_path: Path, number: int, advice: str) -> None:
    with pytest.raises(RunError, match=advice) as caught, atomic_write(tmp_path / "x.json"):
        raise OSError(number, os.strerror(number))
    assert str(tmp_path / "x.json") in str(caught.value)
    assert os.strerror(number) in str(caught.value)
    assert "untouched" not in str(caught.value)  # there was none


def test_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="The folder is gone"), atomic_write(tmp_path / "a" / "b" / "x.json"):
        pass


def test_error_over_another_file_passes_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "x.json"):
        (tmp_path / "source.csv").read_text()


def test_cleaning_spares_living_writers_and_other_files(tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_text("")
    (tmp_path / ".notes.tmp-mine").write_text("")
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with atomic_write(tmp_path / "x.json") as temporary:
            temporary.write_text("{}")
            pieces = temporary.name.split("-")
            alive = temporary.with_name("-".join([pieces[0], pieces[1], str(other.pid), "0a0b0c0d.json"]))
            ours = temporary.with_name("-".join([pieces[0], pieces[1], pieces[2], "0a0b0c0d.json"]))
            far = temporary.with_name("-".join([pieces[0], "0" * 8, pieces[2], "0a0b0c0d.json"]))
            for path in (alive, ours, far):
                path.write_text("")
            # ours: our number, but none of ours, so a process that had this number before left it
            assert clean_temporaries(tmp_path) == [ours]
            os.utime(far, (0, 0))
            assert clean_temporaries(tmp_path) == [far]
    finally:
        other.communicate(b"\n")
    assert clean_temporaries(tmp_path) == [alive]
    assert names(tmp_path) == [".hidden", ".notes.tmp-mine", "x.json"]
