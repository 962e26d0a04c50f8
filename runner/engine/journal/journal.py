"""The journal: `results.jsonl`, one line per finished record, written before anything else uses the record.

Lines are built in memory and appended with one `write()` on an O_APPEND descriptor, so a crash loses at most the lines
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
from ...files.disk.atomic import write_whole
from ...files.disk.file_lock import FileLock, try_lock
from ...files.disk.plain_files import NotPlainError, open_plain
from ...visible import json_visible
from .paths import RUNS, make_state, refused
from .run_ids import new_id

__all__ = ["LOCK", "MANIFEST", "RESULTS", "Journal", "is_running", "print_lost"]

RESULTS = "results.jsonl"
MANIFEST = "run.json"
LOCK = "lock"

FSYNC_SECONDS = 1.0


class Journal:
    """The folder of one run, `.runner/runs/<id>/`, with `results.jsonl` and `run.json`, locked by this process.

    `size` is the number of bytes in `results.jsonl`. Raises StorageError if the folder cannot be written.
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
        """Create the journal of a new run of the project `root`."""
        runs = make_state(root, RUNS)
        folder = runs / new_id(each.name for each in runs.iterdir())
        try:
            folder.mkdir()
            fd = _open(folder, os.O_CREAT | os.O_EXCL)
            os.fsync(fd)
            lock = try_lock(folder / LOCK)
            assert lock is not None, "no other process can lock a new folder"
            return cls(folder, fd, lock)
        except OSError as error:
            raise _cannot_store(error, folder) from None

    @classmethod
    def reopen(cls, folder: Path) -> Journal:
        """Open the journal of an earlier run to append to it. Raises UsageError if another process holds it."""
        try:
            lock = try_lock(folder / LOCK)
            if lock is None:
                raise UsageError(
                    f"the run {folder.name} is still in progress in another process",
                    hint="wait until it ends, or stop it",
                )
            return cls(folder, _open(folder, os.O_CREAT), lock)
        except NotPlainError as error:
            raise refused(error) from None
        except OSError as error:
            raise _cannot_store(error, folder) from None

    @property
    def is_locked(self) -> bool:
        """Whether other processes are locked out; False on a file system without locks."""
        return self._lock.works

    @property
    def results(self) -> Path:
        """The path of the file with the records."""
        return self.folder / RESULTS

    def truncate(self, size: int) -> None:
        """Cut off the incomplete end that a crash left after the first `size` bytes."""
        try:
            os.ftruncate(self._fd, size)
        except OSError as error:
            raise _cannot_store(error, self.folder) from None
        self.size = size

    def append(self, data: bytes) -> int:
        """Append the lines of one or more jobs, each with its line end. Return the offset at which they begin.

        On failure, print the lines to stderr as a last resort and raise StorageError; nothing is written after that.
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
            print_lost(data)
            raise _cannot_store(error, self.folder) from None
        return start

    def sync(self) -> None:
        """Flush to disk, so that the records survive a power cut. Raises StorageError on failure."""
        try:
            self._sync()
        except OSError as error:
            raise _cannot_store(error, self.folder) from None

    def _sync(self) -> None:
        os.fsync(self._fd)
        if not os.fstat(self._fd).st_nlink:
            raise FileNotFoundError(errno.ENOENT, "the file was deleted during the run")
        self._synced = time.monotonic()

    def write_manifest(self, facts: Mapping[str, object], *, durable: bool = False) -> None:
        """Write `run.json` beside the results, atomically. If `durable`, it survives a power cut once this returns."""
        text = json.dumps({"run": self.id, **facts}, ensure_ascii=False, indent=2) + "\n"
        try:
            write_whole(self.folder / MANIFEST, text.encode(), durable=durable)
        except OSError as error:
            raise _cannot_store(error, self.folder) from None

    def close(self) -> None:
        """Sync and close. Closing twice has no effect."""
        if self._closed:
            return
        self._closed = True
        try:
            self.sync()
        finally:
            os.close(self._fd)
            self._lock.close()


def print_lost(lines: bytes) -> None:
    """Print lines that cannot be stored to stderr, as a last resort."""
    with contextlib.suppress(OSError, AttributeError):  # stderr may be full too, or closed
        # JSON escapes keep the meaning, and hide control codes and CI commands from whatever displays them.
        sys.stderr.write(json_visible(lines.decode()).replace("##", "#\\u0023"))


def is_running(folder: Path) -> bool:
    """Return whether a process holds the run in a folder; False on a file system without locks, where it is unknown."""
    if not (folder / LOCK).exists():
        return False
    try:
        lock = try_lock(folder / LOCK)
    except OSError:
        return False  # nobody can be running in a folder that cannot be written
    if lock is None:
        return True
    lock.close()
    return False


def _open(folder: Path, flags: int) -> int:
    return open_plain(folder / RESULTS, os.O_RDWR | os.O_APPEND | flags, 0o644)


def _cannot_store(error: OSError, folder: Path) -> StorageError:
    return StorageError(
        f"results cannot be stored: {error.strerror or error}",
        hint="nothing more is sent"
        + ("" if error.errno == errno.ENOENT else f"; results written before are safe in {folder}"),
    )
