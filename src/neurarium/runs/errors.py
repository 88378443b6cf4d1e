"""The one error of this package."""

from __future__ import annotations

import errno
import os


class RunError(ValueError):
    """Something about a run's files that the user can mend: the message says what, where, and what to do."""


_WHAT_TO_DO = {
    errno.ENOSPC: "Free some space, or choose a folder on another disk with --runs.",
    errno.EDQUOT: "Your quota is used up: free some space, or choose a folder on another disk with --runs.",
    errno.EFBIG: "A limit on the size of files is in force: raise it (ulimit -f unlimited).",
    errno.EROFS: "The disk is mounted read-only: choose another folder with --runs.",
    errno.EACCES: "Make the folder writable for you, or choose another one with --runs.",
    errno.EPERM: "Make the folder writable for you, or choose another one with --runs.",
    errno.ENOENT: "The folder is gone: was it moved or deleted while the run was being written?",
    errno.ENOTDIR: "A file stands where a folder is expected: rename it, or choose another folder with --runs.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}


def cannot_write(path: str | os.PathLike[str], number: int | None, reason: str) -> RunError:
    """The error for a file that could not be written: path, reason, what to do."""
    advice = _WHAT_TO_DO.get(number or 0, "Check the disk, then try again.")
    kept = " The file that was there before is untouched." if os.path.exists(path) else ""
    return RunError(f"Cannot write {os.fspath(path)}: {reason}.{kept} {advice}")
