"""An append-only file of records, one line each, written before anything else uses the record.

Lines are built in memory and appended with one `write()` on an O_APPEND descriptor, so a crash loses at most the lines
being written, and a torn last line is recognisable by its missing newline. The operating system has every
line at once (a killed process loses nothing); `fsync` follows every second and at the end, for power cuts.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from pathlib import Path

from ...errors import StorageError
from ...visible import json_visible

__all__ = ["JournalFile", "cannot_store", "print_lost"]

FSYNC_SECONDS = 1.0


class JournalFile:
    """An open file of records, which nobody else writes; `size` is its number of bytes.

    `kept` is what is safe if it cannot be written any more: the file, or its folder.
    """

    def __init__(self, fd: int, kept: Path) -> None:
        self.size = os.fstat(fd).st_size
        self._fd = fd
        self._kept = kept
        self._broken: OSError | None = None
        self._closed = False
        self._synced = time.monotonic()

    def truncate(self, size: int) -> None:
        """Cut off the incomplete end that a crash left after the first `size` bytes."""
        try:
            os.ftruncate(self._fd, size)
        except OSError as error:
            raise cannot_store(error, self._kept) from None
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
            raise cannot_store(error, self._kept) from None
        return start

    def sync(self) -> None:
        """Flush to disk, so that the records survive a power cut. Raises StorageError on failure."""
        try:
            self._sync()
        except OSError as error:
            raise cannot_store(error, self._kept) from None

    def _sync(self) -> None:
        os.fsync(self._fd)
        if not os.fstat(self._fd).st_nlink:
            raise FileNotFoundError(errno.ENOENT, "the file was deleted during the run")
        self._synced = time.monotonic()

    def close(self) -> None:
        """Sync and close. Closing twice has no effect."""
        if self._closed:
            return
        self._closed = True
        try:
            self.sync()
        finally:
            os.close(self._fd)


def print_lost(lines: bytes) -> None:
    """Print lines that cannot be stored to stderr, as a last resort."""
    with contextlib.suppress(OSError, AttributeError):  # stderr may be full too, or closed
        # JSON escapes keep the meaning, and hide control codes and CI commands from whatever displays them.
        sys.stderr.write(json_visible(lines.decode()).replace("##", "#\\u0023"))


def cannot_store(error: OSError, kept: Path) -> StorageError:
    """Return the error for a file of records that cannot be written."""
    return StorageError(
        f"results cannot be stored: {error.strerror or error}",
        hint="nothing more is sent"
        + ("" if error.errno == errno.ENOENT else f"; results written before are safe in {kept}"),
    )
