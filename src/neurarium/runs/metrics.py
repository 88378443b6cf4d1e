"""The rows of a run: one JSON object a line, added at the end, whole after any kill."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from neurarium.runs.atomic import atomic_write
from neurarium.runs.errors import RunError, cannot_write
from neurarium.runs.lines import dumps, loads


class Metrics:
    """The file metrics.jsonl at `path`; it is opened by the first `append`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: io.FileIO | None = None

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one line, `step` (an int from 0) and `split` (a text) first. Floats come back exactly.

        It is with the system when this returns, so that a kill loses nothing; `sync` makes it survive a power cut.
        Raises RunError where step or split is missing, a value is no JSON, or the disk is full; then no part of the
        line stays.
        """
        step, split = row.get("step"), row.get("split")
        if not isinstance(step, int) or isinstance(step, bool) or step < 0 or not isinstance(split, str):
            raise RunError(f"A row needs step (an int from 0) and split (a text), received {step!r} and {split!r}.")
        line = (dumps({"step": step, "split": split, **row}) + "\n").encode()
        try:
            if self._file is None:
                self._file = io.FileIO(self.path, "ab+")
                _mend(self._file)
            end = os.fstat(self._file.fileno()).st_size
            try:
                while line:  # a disk that fills up takes a part, and says why it does not take the rest
                    line = line[self._file.write(line) :]
            except OSError:
                self._file.truncate(end)
                raise
        except OSError as error:
            self.close()
            raise cannot_write(self.path, error.errno, error.strerror or str(error)) from error

    def sync(self) -> None:
        """Bring the rows to the disk itself."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; the next `append` opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def rows(self, split: str | None = None) -> list[dict[str, Any]]:
        """The rows in written order, all or those of one split. A torn last line, left by a kill, is dropped."""
        return [row for _, row in self._lines() if split is None or row["split"] == split]

    def truncate(self, step: int) -> None:
        """Drop the rows of steps after `step`; the others keep their bytes."""
        self.close()
        lines = list(self._lines())
        kept = [line for line, row in lines if row["step"] <= step]
        if len(kept) < len(lines):
            with atomic_write(self.path) as temporary:
                temporary.write_bytes(b"".join(line + b"\n" for line in kept))

    def _lines(self) -> Iterator[tuple[bytes, dict[str, Any]]]:
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        except OSError as error:
            raise RunError(f"Cannot read {self.path}: {error.strerror}. Make the file readable for you.") from error
        while lines and not lines[-1].strip(b"\0 \r"):  # a power cut may leave zeros behind
            lines.pop()
        for number, line in enumerate(lines, 1):
            try:
                row = loads(line)
                row["step"] + 0, row["split"] + ""
            except (ValueError, TypeError, KeyError) as error:
                if number == len(lines):
                    return
                raise RunError(
                    f"{self.path}, line {number}: expected a JSON object with step and split, received "
                    f"{line[:60]!r}. Delete this line; the others do not depend on it."
                ) from error
            yield line, row


def _mend(file: io.FileIO) -> None:
    """Cut off a torn last line, so that the next one does not join it; a whole one without its end gets it."""
    size = start = file.seek(0, os.SEEK_END)
    tail = b""
    while start > 0 and b"\n" not in tail:
        length = min(start, 1 << 16)
        start = file.seek(start - length)
        tail = file.read(length) + tail
    torn = tail[tail.rfind(b"\n") + 1 :]
    if torn:
        try:
            loads(torn)
        except ValueError:
            file.truncate(size - len(torn))
        else:
            file.write(b"\n")
