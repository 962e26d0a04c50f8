"""A lock between processes, which the operating system releases even when its holder is killed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["locked", "try_lock"]

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
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def _try(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`, waiting for whoever has it. The file stays: removing it would race."""
    with path.open("ab") as file:
        _lock(file.fileno())
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
