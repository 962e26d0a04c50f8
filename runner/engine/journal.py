"""The journal: `results.jsonl`, one line per finished record, written before anything else learns of it.

A line is built in memory and appended with one `write()` on an O_APPEND descriptor, so a crash loses at most the line
being written, and a torn last line is recognisable by its missing newline. The operating system has every line at once
(a killed process loses nothing); `fsync` follows every second and at the end, for power cuts.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from ..errors import StorageError
from .paths import RUNS, make_state, write_whole
from .record import Record

__all__ = ["Journal", "read_records"]

FSYNC_SECONDS = 1.0


class Journal:
    """One run's folder `.runner/runs/<id>/` with `results.jsonl` and `run.json`."""

    def __init__(self, root: Path) -> None:
        make_state(root)
        self.started = datetime.now(UTC)
        self.id = f"{self.started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        self.folder = root / RUNS / self.id
        self._synced = time.monotonic()
        try:
            self.folder.mkdir(parents=True)
            self._fd = os.open(
                self.folder / "results.jsonl",
                os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0),
                0o644,
            )
            os.fsync(self._fd)
        except OSError as error:
            raise _cannot_keep(error, self.folder) from None

    def append(self, line: str) -> None:
        """Write one record's line (without its line end). Raises StorageError after printing it to stderr."""
        data = f"{line}\n".encode()
        try:
            written = os.write(self._fd, data)
            if written != len(data):
                os.write(self._fd, data[written:])
            if time.monotonic() - self._synced > FSYNC_SECONDS:
                self.sync()
        except OSError as error:
            sys.stderr.write(f"{line}\n")  # its last refuge
            raise _cannot_keep(error, self.folder) from None

    def sync(self) -> None:
        """Make what was written survive a power cut."""
        os.fsync(self._fd)
        self._synced = time.monotonic()

    def write_summary(self, summary: Mapping[str, object]) -> None:
        """Write `run.json` beside the results, whole or not at all."""
        path = self.folder / "run.json"
        text = json.dumps({"run": self.id, **summary}, ensure_ascii=False, indent=2) + "\n"
        try:
            write_whole(path, text)
        except OSError as error:
            raise _cannot_keep(error, self.folder) from None

    def close(self) -> None:
        """Sync and close; may be called once only."""
        try:
            self.sync()
        finally:
            os.close(self._fd)


def _cannot_keep(error: OSError, folder: Path) -> StorageError:
    return StorageError(
        f"results cannot be kept: {error.strerror or error}",
        hint=f"nothing more is sent; what was written is safe in {folder}",
    )


def read_records(path: Path) -> Iterator[Record]:
    """The records of a `results.jsonl`, one at a time; a torn last line (no newline) is left out."""
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield json.loads(line)
