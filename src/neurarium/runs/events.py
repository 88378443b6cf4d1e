"""Metrics as TensorBoard's event files (extra `track`)."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from neurarium.runs.errors import RunError, cannot_write
from neurarium.runs.run import Run


class Events:
    """Writes rows of metrics under `folder`, one folder a split, so that TensorBoard lays the curves of training and
    validation over each other. Tags are the measures' names, the step is the row's.

    Raises RunError where the package tensorboard is missing.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer import event_file_writer
        except ImportError as error:
            raise RunError(
                "TensorBoard's files need the package tensorboard, which is not installed. "
                'Install it with: pip install "neurarium[track]"'
            ) from error
        self.folder = folder
        self._event, self._summary, self._writer = event_pb2.Event, summary_pb2.Summary, event_file_writer
        self._writers: dict[str, Any] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """One row as `Run.append` takes it; values that are no numbers are left out."""
        value = self._summary.Value
        values = [
            value(tag=name, simple_value=number)
            for name, number in row.items()
            if name not in ("step", "split") and isinstance(number, int | float)
        ]
        split = row["split"]
        try:
            if split not in self._writers:
                self._writers[split] = self._writer.EventFileWriter(str(self.folder / split))
            event = self._event(wall_time=time.time(), step=row["step"], summary=self._summary(value=values))
            self._writers[split].add_event(event)
        except OSError as error:
            raise cannot_write(self.folder, error.errno, error.strerror or str(error)) from error

    def close(self) -> None:
        """Bring everything to the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def __enter__(self) -> Events:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def export_events(run: Run) -> Path:
    """Write all rows of a run to its folder `events/`, in place of what is there; returns that folder."""
    folder = run.path / "events"
    with Events(folder) as events:
        shutil.rmtree(folder, ignore_errors=True)  # TensorBoard would draw a second file as a second curve
        for row in run.rows():
            events.add(row)
    return folder
