"""The paths of a project's working files: `.runner/` in its root, excluded from git by its own `.gitignore`.

A project from someone else may come with its own `.runner/`. Links in it are never followed: every folder must be a real
folder, every file a regular file, and `.runner/` must belong to a user who could write there anyway.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ...errors import Location, MissingFileError, StorageError
from ...files.disk.plain_files import NotPlainError, open_plain, plain_folder, refuse_special

__all__ = [
    "CACHE",
    "RUNS",
    "STATE",
    "make_state",
    "plain",
    "read_state",
    "refused",
    "state_folder",
]

STATE = PurePosixPath(".runner")
RUNS = STATE / "runs"
CACHE = STATE / "cache.sqlite3"


def make_state(root: Path, below: PurePosixPath = STATE) -> Path:
    """Create `.runner/` with a `.gitignore` that excludes all of it, and the folder `below` in it.

    Raises StorageError if it cannot be written, and MissingFileError as `state_folder` does.
    """
    with plain():
        try:
            folder = plain_folder(root, *below.parts, create=True)
            assert folder is not None, "it was created"
            ignore = root / STATE / ".gitignore"
            refuse_special(ignore)
            with contextlib.suppress(FileExistsError):
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
                with open(open_plain(ignore, flags), "wb") as file:  # noqa: PTH123 - a descriptor
                    file.write(b"# written by runner: nothing in here belongs in git\n*\n")
        except NotPlainError:
            raise
        except OSError as error:
            raise StorageError(
                f"{root / STATE} cannot be written: {error.strerror or error}",
                hint="results are stored there first; run in a folder that you can write to",
            ) from None
    return folder


def state_folder(root: Path, below: PurePosixPath) -> Path | None:
    """Return a folder of `.runner/`, or None if it does not exist.

    Raises MissingFileError if a part of its path is a link, is not a folder, or belongs to another user.
    """
    with plain():
        return plain_folder(root, *below.parts)


@contextlib.contextmanager
def plain() -> Iterator[None]:
    """Convert a NotPlainError of the block to the error for users, MissingFileError."""
    try:
        yield
    except NotPlainError as error:
        raise refused(error) from None


def refused(error: NotPlainError) -> MissingFileError:
    """Return the error for something in `.runner/` that runner did not create."""
    return MissingFileError(
        f"runner does not use it: {error.strerror}",
        location=Location(_shown(error.filename)),
        hint="runner only creates regular files and folders; delete it if it is not yours, or get a new copy of the project",
    )


def _shown(path: str) -> str:
    with contextlib.suppress(ValueError):  # another drive of Windows
        return os.path.relpath(path)
    return path


def read_state(path: Path) -> bytes:
    """Read a working file. Raises OSError, and MissingFileError for a link or anything else but a regular file."""
    with plain(), open(open_plain(path), "rb") as file:  # noqa: PTH123 - a descriptor
        return file.read()
