"""The journal: `results.jsonl`, one line per finished record, written before anything else learns of it.

Lines are built in memory and appended with one `write()` on an O_APPEND descriptor, so a crash loses at most what was
being written, and a torn last line is recognisable by its missing newline. The operating system has every
line at once (a killed process loses nothing); `fsync` follows every second and at the end, for power cuts.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from ...errors import StorageError, UsageError
from ...files.atomic import write_whole
from ...files.file_lock import FileLock, try_lock
from ...files.plain_files import NotPlainError, open_plain
from ...visible import json_visible
from .paths import RUNS, make_state, refused
from .run_ids import new_id

__all__ = ["LOCK", "MANIFEST", "RESULTS", "Journal", "is_running"]

RESULTS = "results.jsonl"
MANIFEST = "run.json"
LOCK = "lock"

FSYNC_SECONDS = 1.0


class Journal:
    """One run's folder `.runner/runs/<id>/` with `results.jsonl` and `run.json`, held by this process alone.

    `is_locked` is False where the file system cannot lock, so that nothing keeps another process from it.

    `size` is the number of bytes in `results.jsonl`. Raises StorageError where the folder cannot be written.
    """

    def __init__(self, folder: Path, fd: int, lock: FileLock) -> None:
        self.folder = folder
        self.id = folder.name
        self.size = os.fstat(fd).st_size
        self._fd = fd
        self._lock = lock
        self._broken: OSError | None = None
        self._closed = False
        self._synced = time.monotonic()

    @classmethod
    def create(cls, root: Path) -> Journal:
        """The journal of a new run of the project `root`."""
        runs = make_state(root, RUNS)
        folder = runs / new_id(each.name for each in runs.iterdir())
        try:
            folder.mkdir()
            fd = _open(folder, os.O_CREAT | os.O_EXCL)
            os.fsync(fd)
            lock = try_lock(folder / LOCK)
            assert lock is not None, "the folder is new"
            return cls(folder, fd, lock)
        except OSError as error:
            raise _cannot_keep(error, folder) from None

    @classmethod
    def reopen(cls, folder: Path) -> Journal:
        """The journal of an earlier run, to go on with. Raises UsageError while another process has it."""
        try:
            lock = try_lock(folder / LOCK)
            if lock is None:
                raise UsageError(
                    f"the run {folder.name} is still going on in another process",
                    hint="wait for its end, or stop it",
                )
            return cls(folder, _open(folder, os.O_CREAT), lock)
        except NotPlainError as error:
            raise refused(error) from None
        except OSError as error:
            raise _cannot_keep(error, folder) from None

    @property
    def is_locked(self) -> bool:
        """Whether no other process can go on with the same run meanwhile."""
        return self._lock.works

    @property
    def results(self) -> Path:
        """The file of the records."""
        return self.folder / RESULTS

    def truncate(self, size: int) -> None:
        """Cut off what a crash left half written behind the first `size` bytes."""
        try:
            os.ftruncate(self._fd, size)
        except OSError as error:
            raise _cannot_keep(error, self.folder) from None
        self.size = size

    def append(self, data: bytes) -> int:
        """Write the lines of one job or several, each with its line end; the offset at which they begin.

        Raises StorageError after printing them to stderr, their last refuge; from then on nothing more is written.
        """
        start = self.size
        try:
            if self._broken is not None:
                raise self._broken
            written = os.write(self._fd, data)
            if written != len(data):
                os.write(self._fd, data[written:])
            self.size += len(data)
            if time.monotonic() - self._synced > FSYNC_SECONDS:
                self._sync()
        except OSError as error:
            if self._broken is None:
                self._broken = error
                with contextlib.suppress(OSError):
                    os.ftruncate(self._fd, start)
            with contextlib.suppress(OSError, AttributeError):  # full as well, or closed
                # It is JSON, whose escapes say the same: nothing in it is a code or a command to who shows it.
                sys.stderr.write(json_visible(data.decode()).replace("##", "#\\u0023"))
            raise _cannot_keep(error, self.folder) from None
        return start

    def sync(self) -> None:
        """Make what was written survive a power cut. Raises StorageError where it does not."""
        try:
            self._sync()
        except OSError as error:
            raise _cannot_keep(error, self.folder) from None

    def _sync(self) -> None:
        os.fsync(self._fd)
        if not os.fstat(self._fd).st_nlink:
            raise FileNotFoundError(errno.ENOENT, "the file was deleted while the run was on")
        self._synced = time.monotonic()

    def write_manifest(self, facts: Mapping[str, object]) -> None:
        """Write `run.json` beside the results, whole or not at all."""
        text = json.dumps({"run": self.id, **facts}, ensure_ascii=False, indent=2) + "\n"
        try:
            write_whole(self.folder / MANIFEST, text.encode())
        except OSError as error:
            raise _cannot_keep(error, self.folder) from None

    def close(self) -> None:
        """Sync and close; closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        try:
            self.sync()
        finally:
            os.close(self._fd)
            self._lock.close()


def is_running(folder: Path) -> bool:
    """Whether a process holds the run of that folder; never where the file system cannot lock: nobody can know."""
    if not (folder / LOCK).exists():
        return False
    try:
        lock = try_lock(folder / LOCK)
    except OSError:
        return False  # a folder that may not be written is nobody's running one
    if lock is None:
        return True
    lock.close()
    return False


def _open(folder: Path, flags: int) -> int:
    return open_plain(folder / RESULTS, os.O_RDWR | os.O_APPEND | flags, 0o644)


def _cannot_keep(error: OSError, folder: Path) -> StorageError:
    return StorageError(
        f"results cannot be kept: {error.strerror or error}",
        hint="nothing more is sent"
        + ("" if error.errno == errno.ENOENT else f"; what was written is safe in {folder}"),
    )
