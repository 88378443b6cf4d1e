"""One writer at a time, on the word of the kernel."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from neurarium.runs.errors import RunError, cannot_write
from neurarium.runs.lines import dumps, loads

_held: set[str] = set()  # locks of this very process: record locks do not exclude their own process


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, which says who writes: {"pid": ..., "host": ..., "since": ...}.

    The kernel's record lock decides, not the text: it ends with the process, however that dies, so what a killed
    process left is taken over at once and a reused process number deceives nobody; children do not inherit it; NFS
    passes it on to the server, so it holds between machines too.

    Raises RunError where another process, or this one, holds it.
    """
    name = os.path.realpath(path)
    if name in _held:
        raise RunError(f"This process already writes {path.parent}: end the first use of lock() before the next.")
    _held.add(name)
    try:
        number = _acquire(path)
        try:
            yield
        finally:
            if not _shared(number, path):
                path.unlink(missing_ok=True)
            os.close(number)
    finally:
        _held.discard(name)


def _acquire(path: Path) -> int:
    while True:
        try:
            number = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise cannot_write(path, error.errno, error.strerror or str(error)) from error
        try:
            if not _seize(number):
                raise _busy(path, number)
            if _shared(number, path):  # the last holder deleted this file between our opening and our seizing
                os.close(number)
                continue
            text = dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}).encode()
            os.ftruncate(number, 0)
            os.pwrite(number, text, 0) if sys.platform != "win32" else os.write(number, text)
        except OSError as error:
            os.close(number)
            raise cannot_write(path, error.errno, error.strerror or str(error)) from error
        except RunError:
            os.close(number)
            raise
        return number


def _shared(number: int, path: Path) -> bool:
    """Whether `path` is no longer the file that we hold open."""
    try:
        return not os.path.samestat(os.fstat(number), os.stat(path))
    except OSError:
        return True


def _busy(path: Path, number: int) -> RunError:
    holder = {}
    with suppress(ValueError, OSError):
        holder = loads(os.read(number, 4096))
    who = f"process {holder['pid']} on {holder['host']}" if {"pid", "host"} <= holder.keys() else "another process"
    return RunError(
        f"{path.parent} is being written by {who}; expected no other writer. "
        "Wait until it ends, or end that process, or start a new run."
    )


if sys.platform == "win32":
    import msvcrt

    def _seize(number: int) -> bool:
        try:
            os.lseek(number, 1 << 30, os.SEEK_SET)  # far behind the text, which others must be able to read
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(number, 0, os.SEEK_SET)
        return True

else:
    import errno
    import fcntl

    def _seize(number: int) -> bool:
        try:
            fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise
        return True
