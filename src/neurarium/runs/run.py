"""A run: a directory that holds all that is known of one training."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neurarium.runs.atomic import atomic_write, clean_temporaries, flush_folder
from neurarium.runs.errors import RunError, cannot_write
from neurarium.runs.lines import dumps, loads
from neurarium.runs.lock import locked
from neurarium.runs.metrics import Metrics

FORMAT = 1
"""Version of the directory's layout; a reader refuses a higher one."""

_NUMBERED = re.compile(r"^(?P<name>.+)-(?P<number>\d{3,})$")
_STEP = re.compile(r"^step-(\d+)\.safetensors$")
_WORD = re.compile(r"[^\W_][\w.+-]*")


class Run:
    """`recipe.json`, `metrics.jsonl`, `checkpoints/`, `pictures/`, `report.html`.

    Every file is the old or the new one after a kill; of metrics.jsonl at most the last line is torn, and readers drop
    it. Write inside `with run.lock():`, read whenever you like, also while another process writes.

    path: the folder, e.g. runs/lenet5-001.
    name: the folder's name, e.g. lenet5-001; the recipe's is header["name"].
    header: what recipe.json holds: name, fields, settings, spec, versions, ..., and by us `format` and `created`.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self.path = path
        self.name = path.name
        self.header = header
        self._metrics = Metrics(path / "metrics.jsonl")

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @classmethod
    def create(cls, root: str | os.PathLike[str], name: str, header: Mapping[str, Any]) -> Run:
        """Make the folder root/name-001, or the next free number, which no other process gets, and its recipe.json.

        `header` gains `name` (unless it has one), `format` and `created` (ISO 8601, UTC).
        """
        root = Path(root)
        if not _WORD.fullmatch(name):
            raise RunError(f"A run's name is a word of letters, digits, '-', '.', '+' and '_', received {name!r}.")
        content = {"name": name, **header, "format": FORMAT, "created": datetime.now(UTC).isoformat()}
        text = dumps(content, indent=1)  # before a folder is made, so that a bad header leaves nothing behind
        path = _new_folder(root, name)
        try:
            for part in ("checkpoints", "pictures"):
                (path / part).mkdir()
            run = cls(path, loads(text))
            run._write_header(text)
        except (RunError, OSError) as error:
            for folder in (path / "checkpoints", path / "pictures", path):
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
            if isinstance(error, OSError):
                raise cannot_write(path, error.errno, error.strerror or str(error)) from error
            raise
        return run

    @classmethod
    def open(cls, given: str | os.PathLike[str], root: str | os.PathLike[str] = "runs") -> Run:
        """A run by its path, by its name under `root`, or "last": the one whose recipe.json was written last."""
        root = Path(root)
        if given == "last":
            runs = cls.all(root)
            if not runs:
                raise RunError(f"There is no run in {root} yet. Train one, or name its folder with --runs.")
            return runs[0]
        for path in dict.fromkeys((root / given, Path(given))):
            if path.is_dir():
                return cls(path, _read_header(path))
        raise RunError(f"There is no run {os.fspath(given)!r}, neither in {root} nor as a path.{_near(given, root)}")

    @classmethod
    def all(cls, root: str | os.PathLike[str] = "runs") -> list[Run]:
        """The readable runs under `root`, the last written first. Damaged ones are left out; `open` says why."""
        found = []
        for path in _folders(Path(root)):
            try:
                written = (path / "recipe.json").stat().st_mtime_ns
                found.append((written, len(path.name), path.name, cls(path, _read_header(path))))
            except (RunError, OSError):
                continue
        return [run for *_, run in sorted(found, key=lambda entry: entry[:3], reverse=True)]

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only writer, and clear away what killed writers left. RunError where another process writes."""
        with locked(self.path / "lock"):
            clean_temporaries(self.path)
            try:
                yield
            finally:
                self.close()

    def update_header(self, **fields: Any) -> None:
        """Set these fields of recipe.json; the others stay as they are on the disk."""
        text = dumps({**_read_header(self.path), **fields}, indent=1)
        self._write_header(text)
        self.header = loads(text)

    def _write_header(self, text: str) -> None:
        with atomic_write(self.path / "recipe.json") as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")

    @property
    def metrics_path(self) -> Path:
        return self._metrics.path

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one line to metrics.jsonl, `step` (an int from 0) and `split` (a text) first; see `Metrics.append`."""
        self._metrics.append(row)

    def sync(self) -> None:
        """Make the rows survive a power cut too; to be called before a checkpoint is written."""
        self._metrics.sync()

    def close(self) -> None:
        """Close metrics.jsonl; the next `append` opens it again."""
        self._metrics.close()

    def rows(self, split: str | None = None) -> list[dict[str, Any]]:
        """The rows in written order, all or those of one split. A torn last line, left by a kill, is dropped."""
        return self._metrics.rows(split)

    def truncate(self, step: int) -> None:
        """Drop the rows of steps after `step`, which a resumed run will write again."""
        self._metrics.truncate(step)

    @property
    def best_path(self) -> Path:
        return self.path / "checkpoints" / "best.safetensors"

    def checkpoint_path(self, step: int) -> Path:
        return self.path / "checkpoints" / f"step-{step:08d}.safetensors"

    def checkpoints(self) -> list[Path]:
        """The checkpoints of steps, the oldest first; the best is not among them."""
        found = ((_STEP.match(path.name), path) for path in (self.path / "checkpoints").glob("step-*"))
        return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]

    def last_checkpoint(self) -> Path | None:
        return next(reversed(self.checkpoints()), None)

    def prune(self, keep: int) -> list[Path]:
        """Delete all checkpoints of steps but the newest `keep`; the best stays. Returns what went."""
        if keep < 1:
            raise RunError(f"At least one checkpoint must be kept, received keep={keep}.")
        gone = self.checkpoints()[:-keep]
        for path in gone:
            path.unlink(missing_ok=True)
        return gone

    def picture_path(self, name: str, step: int) -> Path:
        """Where the picture `name` (a word) of a step lies: pictures/name-00000500.png."""
        if not _WORD.fullmatch(name):
            raise RunError(f"A picture's name is a word of letters, digits, '-', '.', '+' and '_', received {name!r}.")
        return self.path / "pictures" / f"{name}-{step:08d}.png"


def _new_folder(root: Path, name: str) -> Path:
    try:
        root.mkdir(parents=True, exist_ok=True)
        taken = [_NUMBERED.match(path.name) for path in root.iterdir()]
        number = max((int(match["number"]) for match in taken if match and match["name"] == name), default=0) + 1
        while True:
            path = root / f"{name}-{number:03d}"
            try:
                path.mkdir()  # one process gets it, all others FileExistsError
            except FileExistsError:
                number += 1
            else:
                flush_folder(root)
                return path
    except OSError as error:
        raise cannot_write(root, error.errno, error.strerror or str(error)) from error


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def _read_header(path: Path) -> dict[str, Any]:
    file = path / "recipe.json"
    try:
        header = loads(file.read_bytes())
        if not isinstance(header, dict) or not isinstance(header.get("name"), str):
            raise ValueError("it is no JSON object with a name")
        if not isinstance(header.get("format"), int) or header["format"] > FORMAT:
            raise ValueError(f"its format is {header.get('format')!r}, expected {FORMAT} at most: use a newer version")
    except OSError as error:
        raise RunError(
            f"{path} is no run: cannot read {file}: {error.strerror}. Name a folder that train made."
        ) from error
    except ValueError as error:
        raise RunError(
            f"{file} is damaged: {error}. Restore it from a copy, or train again; checkpoints and metrics are separate "
            "files and may still be whole."
        ) from error
    return header


def _near(given: str | os.PathLike[str], root: Path) -> str:
    known = [path.name for path in _folders(root) if (path / "recipe.json").is_file()]
    if not known:
        return f" {root} holds no run: train one first, or name its folder with --runs."
    wanted = Path(given).name
    close = [name for name in known if name.startswith(f"{wanted}-")][-3:] or difflib.get_close_matches(wanted, known)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else f" There are: {', '.join(known[-10:])}."
