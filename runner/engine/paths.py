"""Where a project's working files live: `.runner/` under its root, ignored by git by its own `.gitignore`."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path, PurePosixPath

from ..errors import StorageError

__all__ = ["CACHE", "RUNS", "STATE", "make_state", "write_whole"]

STATE = PurePosixPath(".runner")
RUNS = STATE / "runs"
CACHE = STATE / "cache.sqlite3"


def make_state(root: Path) -> Path:
    """Create `.runner/` with a `.gitignore` that keeps all of it out of git. Raises StorageError."""
    folder = root / STATE
    try:
        folder.mkdir(exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("# written by runner: nothing in here belongs into git\n*\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"{folder} cannot be written: {error.strerror or error}",
            hint="results are kept there before anything else; run in a folder you may write to",
        ) from None
    return folder


def write_whole(path: Path, text: str) -> None:
    """Write a working file whole or not at all: beside its place, then renamed over it. Raises OSError."""
    temporary = path.with_name(f".{path.name[:40]}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
