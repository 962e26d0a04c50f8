"""Write a file atomically: to a temporary file next to it, which is then renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from .plain_files import open_plain

__all__ = ["sync_folder", "write_new", "write_whole"]


def write_whole(path: Path, data: bytes, *, durable: bool = False, mode: int | None = None) -> None:
    """Replace the file at `path`, whose folder exists. Raises OSError and then leaves the previous file in place.

    If `durable`, the file survives a power cut once this returns. `mode` sets its permissions (default: those of a new
    file).
    """
    temporary = path.with_name(f".{secrets.token_hex(6)}.part")
    try:
        write_new(temporary, data, durable=durable)
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(path)
        if durable:
            sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_new(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Write a file that does not exist yet. Raises OSError."""
    with open(open_plain(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, if the system can sync folders (POSIX)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
