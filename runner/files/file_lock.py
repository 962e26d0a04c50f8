"""A lock between processes, which the operating system releases even when its holder is killed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["alone_in", "hold", "locked", "try_lock"]

_LOOK_EVERY = 0.1

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)  # gives up after ten tries, one a second
            except OSError:
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

    `waiting` is called now and then meanwhile, and may raise to give up.
    """
    with path.open("ab") as file:
        while True:
            try:
                _try(file.fileno())
                break
            except (BlockingIOError, PermissionError):  # the latter is how Windows says it
                waiting()
                time.sleep(_LOOK_EVERY)
        yield


def try_lock(path: Path) -> BinaryIO | None:
    """The lock file at `path`, held until it is closed; None where somebody else has it. Raises OSError."""
    file = path.open("ab")
    try:
        _try(file.fileno())
    except OSError:
        file.close()
        return None
    return file


def hold(file: BinaryIO) -> bool:
    """Lock an open file until it is closed; False where somebody else holds it, True where the system cannot lock it."""
    try:
        if sys.platform == "win32":
            # A byte that is locked cannot be read by others there, so it is one far behind the end.
            file.seek(1 << 40)
        _try(file.fileno())
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
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
    except (BlockingIOError, PermissionError):  # the latter is how Windows says it
        waiting()
        _lock(descriptor)
    except OSError:
        return
