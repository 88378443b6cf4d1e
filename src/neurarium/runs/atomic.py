"""Files that are either the old or the new one, whatever happens while they are written."""

from __future__ import annotations

import os
import re
import secrets
import socket
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from neurarium.runs.errors import cannot_write

_HOST = f"{zlib.crc32(socket.gethostname().encode()):08x}"
_TEMPORARY = re.compile(r"^\..+\.tmp-(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}(\.[^.]*)?$")
_OS_ERROR = re.compile(r"\(os error (\d+)\)")  # how libraries written in Rust, safetensors among them, say errno
_DAY = 24 * 3600.0

_open: set[str] = set()  # temporaries that this very process is writing


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends without an error, it takes the place of `path`.

    The temporary has the suffix of the target, because np.save, savefig and others look at it. File and folder are
    flushed to the disk, so the new file survives a power cut as soon as the block is left. Whatever goes wrong, a kill
    at any instruction included, `path` is the complete old file or the complete new one.

    Raises RunError where the disk is full, the folder read-only or gone. Other errors of the block pass through.
    """
    target = Path(path)
    temporary = target.with_name(
        f".{target.stem}.tmp-{_HOST}-{os.getpid()}-{secrets.token_hex(4)}{target.suffix}",
    )
    _open.add(temporary.name)
    try:
        target.parent.mkdir(exist_ok=True)  # one level: a run's folder that was deleted is not made anew
        yield temporary
        _flush(temporary)
        os.replace(temporary, target)
        flush_folder(target.parent)
    except OSError as error:
        if error.filename is not None and Path(os.fsdecode(error.filename)) not in (temporary, target, target.parent):
            raise  # the block failed over another file, for example one that it reads
        raise cannot_write(target, error.errno, error.strerror or str(error)) from error
    except Exception as error:
        hidden = _OS_ERROR.search(str(error))
        if hidden is None:
            raise
        number = int(hidden.group(1))
        raise cannot_write(target, number, os.strerror(number)) from error
    finally:
        with suppress(OSError):  # on success it is gone already
            temporary.unlink(missing_ok=True)
        _open.discard(temporary.name)


def clean_temporaries(folder: Path) -> list[Path]:
    """Delete what killed processes left in `folder` and below; those of living processes stay. Returns what went."""
    gone = []
    for path in folder.rglob(".*.tmp-*"):
        found = _TEMPORARY.match(path.name)
        if found is None or path.name in _open:
            continue
        if found["host"] != _HOST or sys.platform == "win32":  # who lives there cannot be asked
            with suppress(OSError):
                if time.time() - path.stat().st_mtime < _DAY:
                    continue
        elif int(found["pid"]) != os.getpid() and process_lives(int(found["pid"])):
            continue
        with suppress(OSError):
            path.unlink()
            gone.append(path)
    return gone


def process_lives(pid: int) -> bool:
    """Whether a process of this machine has that number. POSIX only: on Windows signal 0 would end it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _flush(path: Path) -> None:
    assert path.exists(), f"atomic_write: the block must write {path}, the path that it was given"
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Make a rename or a new name in `folder` survive a power cut."""
    if sys.platform == "win32":  # folders cannot be opened there; the rename is journalled
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
