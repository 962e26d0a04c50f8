"""Locks between processes, which the operating system releases even if the holder is killed.

Some file systems cannot lock (NFS without its lock daemon, some FUSE systems): no lock is held there, and none is assumed
to be held by others. `FileLock.works` reports this.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .plain_files import open_plain

__all__ = ["FileLock", "alone_in", "hold", "locked", "try_lock"]

_HELD = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK})
"""The errors of flock(2), and of locking() on Windows, if another process holds the lock; others mean it cannot lock."""

_LOOK_EVERY = 0.1

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)  # gives up after ten tries, one a second
            except OSError as error:
                if error.errno not in _HELD:
                    raise
                continue
            return

    def _try(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _open(folder: Path) -> int:
        # A folder cannot be locked on Windows: a file named after it is locked instead.
        import hashlib
        import tempfile

        name = hashlib.sha256(os.path.normcase(folder).encode()).hexdigest()[:32]
        return os.open(Path(tempfile.gettempdir(), f"runner-{name}.lock"), os.O_RDWR | os.O_CREAT)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def _try(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _open(folder: Path) -> int:
        return os.open(folder, os.O_RDONLY)


@contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock file at `path`, waiting until it is free. The file is not removed, which would be a race.

    `waiting` is called repeatedly meanwhile, and may raise to give up. If the file system cannot lock, the lock is not
    held, so the work under it must be safe without it.
    """
    with path.open("ab") as file:
        while True:
            try:
                _try(file.fileno())
            except OSError as error:
                if error.errno in _HELD:
                    waiting()
                    time.sleep(_LOOK_EVERY)
                    continue
            break
        yield


class FileLock:
    """An open lock file. `works` says whether it is held; it is False if the file system cannot lock."""

    def __init__(self, descriptor: int, *, works: bool) -> None:
        self._descriptor = descriptor
        self.works = works

    def close(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)


def try_lock(path: Path) -> FileLock | None:
    """Return the lock file at `path`, held until it is closed; None if another process holds it.

    Raises OSError if the file cannot be opened, NotPlainError if it is a link or not a regular file.
    """
    descriptor = open_plain(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    works = True
    try:
        _try(descriptor)
    except OSError as error:
        if error.errno in _HELD:
            os.close(descriptor)
            return None
        works = False
    return FileLock(descriptor, works=works)


def hold(file: BinaryIO) -> bool:
    """Lock an open file until it is closed. Return False if another process holds it, True if it cannot be locked at all."""
    try:
        if sys.platform == "win32":
            # Others cannot read a locked byte on Windows, so it is one far beyond the end.
            file.seek(1 << 40)
        _try(file.fileno())
    except OSError as error:
        return error.errno not in _HELD
    finally:
        if sys.platform == "win32":
            file.seek(0)
    return True


@contextmanager
def alone_in(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of a folder; if another process holds it, call `waiting` once and wait.

    Nothing is written into the folder. If the system cannot lock it (some network drives), the lock is not held.
    """
    try:
        descriptor = _open(folder)
    except OSError:
        yield
        return
    try:
        _hold(descriptor, waiting)
        yield
    finally:
        os.close(descriptor)


def _hold(descriptor: int, waiting: Callable[[], None]) -> None:
    try:
        _try(descriptor)
    except OSError as error:
        if error.errno not in _HELD:
            return
        waiting()
        _lock(descriptor)
