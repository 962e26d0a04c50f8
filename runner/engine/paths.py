"""Where a project's working files live: `.runner/` under its root, ignored by git by its own `.gitignore`."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ..errors import StorageError

__all__ = ["CACHE", "RUNS", "STATE", "make_state"]

STATE = PurePosixPath(".runner")
RUNS = STATE / "runs"
CACHE = STATE / "cache"


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
