"""Files beside the results of a run, for answers that were paid for and are not results yet.

`waiting.jsonl` has answers whose assertions need calls, `judged.jsonl` the answers to these calls. Both have the form of
the results. A result is written only when it is decided, so after a crash these files have what it still needs.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ...errors import StorageError
from ...files.disk.plain_files import NotPlainError, open_plain
from .journal_file import print_lost
from .paths import refused

__all__ = ["JUDGED", "WAITING", "SideFile"]

WAITING = "waiting.jsonl"
JUDGED = "judged.jsonl"


class SideFile:
    """One such file, append-only; it is created by the first `append`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def append(self, data: bytes) -> None:
        """Append lines with one `write()`. Raises StorageError; then nothing more may be sent."""
        try:
            fd = self._open()
            start = os.fstat(fd).st_size
            try:
                written = os.write(fd, data)
                if written != len(data):
                    os.write(fd, data[written:])
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(fd, start)
                raise
        except NotPlainError as error:
            print_lost(data)
            raise refused(error) from None
        except OSError as error:
            print_lost(data)
            raise self._lost(error) from None

    def truncate(self, size: int) -> None:
        """Cut off the incomplete end that a crash left after the first `size` bytes."""
        try:
            os.ftruncate(self._open(), size)
        except OSError as error:
            raise self._lost(error) from None

    def sync(self) -> None:
        """Flush to disk what was appended. Raises StorageError."""
        if self._fd is not None:
            try:
                os.fsync(self._fd)
            except OSError as error:
                raise self._lost(error) from None

    def close(self) -> None:
        """Sync and close. Closing twice has no effect."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            try:
                os.fsync(fd)
            except OSError as error:
                raise self._lost(error) from None
            finally:
                os.close(fd)

    def _open(self) -> int:
        if self._fd is None:
            self._fd = open_plain(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        return self._fd

    def _lost(self, error: OSError) -> StorageError:
        return StorageError(
            f"answers cannot be stored in {self.path}: {error.strerror or error}", hint="nothing more is sent"
        )
