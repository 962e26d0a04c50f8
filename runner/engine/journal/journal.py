"""The journal of a run: a folder with `results.jsonl`, the file of its records, and `run.json`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from ...errors import UsageError
from ...files.disk.atomic import write_whole
from ...files.disk.file_lock import FileLock, try_lock
from ...files.disk.plain_files import NotPlainError, open_plain
from .journal_file import JournalFile, cannot_store
from .paths import RUNS, make_state, refused
from .run_ids import new_id

__all__ = ["LOCK", "MANIFEST", "RESULTS", "Journal", "is_running"]

RESULTS = "results.jsonl"
MANIFEST = "run.json"
LOCK = "lock"


class Journal(JournalFile):
    """The folder of one run, `.runner/runs/<id>/`, with `results.jsonl` and `run.json`, locked by this process.

    `size` is the number of bytes in `results.jsonl`. Raises StorageError if the folder cannot be written.
    """

    def __init__(self, folder: Path, fd: int, lock: FileLock) -> None:
        super().__init__(fd, folder)
        self.folder = folder
        self.id = folder.name
        self._lock = lock

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
            raise cannot_store(error, folder) from None

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
            raise cannot_store(error, folder) from None

    @property
    def is_locked(self) -> bool:
        """Whether other processes are locked out; False on a file system without locks."""
        return self._lock.works

    @property
    def results(self) -> Path:
        """The path of the file with the records."""
        return self.folder / RESULTS

    def write_manifest(self, facts: Mapping[str, object], *, durable: bool = False) -> None:
        """Write `run.json` beside the results, atomically. If `durable`, it survives a power cut once this returns."""
        text = json.dumps({"run": self.id, **facts}, ensure_ascii=False, indent=2) + "\n"
        try:
            write_whole(self.folder / MANIFEST, text.encode(), durable=durable)
        except OSError as error:
            raise cannot_store(error, self.folder) from None

    def close(self) -> None:
        """Sync, close, and let other processes have the run. Closing twice has no effect."""
        if not self._closed:
            try:
                super().close()
            finally:
                self._lock.close()


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
