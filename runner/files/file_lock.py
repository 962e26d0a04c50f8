"""A lock between processes, which the operating system releases even when its holder is killed.

Some file systems cannot lock (NFS without its lock daemon, some of FUSE): there nothing is held, and nobody is taken to
hold anything. Whoever has to say so asks `FileLock.works`.
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
"""What flock(2) and locking() of Windows say where somebody else has it; anything else is no answer to that."""

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
        # A folder cannot be locked there: a file with its name stands for it.
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
    """Hold the lock file at `path`, waiting for whoever has it. The file stays: removing it would race.

    `waiting` is called now and then meanwhile, and may raise to give up. Where the file system cannot lock, it is not
    held: what is done under it has to be whole without it.
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
    """A lock file that was opened. `works` says whether it is held; it is not where the file system cannot lock."""

    def __init__(self, descriptor: int, *, works: bool) -> None:
        self._descriptor = descriptor
        self.works = works

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)


def try_lock(path: Path) -> FileLock | None:
    """The lock file at `path`, held until it is closed; None where somebody else has it.

    Raises OSError where the file cannot be opened, NotPlainError for a link or what is no file.
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
    """Lock an open file until it is closed; False where somebody else holds it, True where the system cannot lock it."""
    try:
        if sys.platform == "win32":
            # A byte that is locked cannot be read by others there, so it is one far behind the end.
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
    """Hold a folder against whoever else holds it so; where somebody does, call `waiting` and wait.

    Nothing is written into it. Where the system cannot lock it (some network drives) it is not held.
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
