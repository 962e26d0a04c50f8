"""Where a project's working files live: `.runner/` under its root, ignored by git by its own `.gitignore`.

A folder of somebody else may bring a `.runner/` of its own. What is in it is never followed: every folder on the way is
a folder and no link, every file a regular file, and `.runner/` belongs to whoever may put things there anyhow.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ...errors import Location, MissingFileError, StorageError
from ...files.plain_files import NotPlainError, open_plain, plain_folder, refuse_special

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
    """Create `.runner/` with a `.gitignore` that keeps all of it out of git, and the folder `below` in it.

    Raises StorageError, and MissingFileError as `state_folder` does.
    """
    with plain():
        try:
            folder = plain_folder(root, *below.parts, create=True)
            assert folder is not None, "it is made"
            ignore = root / STATE / ".gitignore"
            refuse_special(ignore)
            with contextlib.suppress(FileExistsError):
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
                with open(open_plain(ignore, flags), "wb") as file:  # noqa: PTH123 - a descriptor
                    file.write(b"# written by runner: nothing in here belongs into git\n*\n")
        except NotPlainError:
            raise
        except OSError as error:
            raise StorageError(
                f"{root / STATE} cannot be written: {error.strerror or error}",
                hint="results are kept there before anything else; run in a folder you may write to",
            ) from None
    return folder


def state_folder(root: Path, below: PurePosixPath) -> Path | None:
    """A folder of `.runner/`, None where it is not there.

    Raises MissingFileError where a part of it is a link, is no folder, or belongs to another user.
    """
    with plain():
        return plain_folder(root, *below.parts)


@contextlib.contextmanager
def plain() -> Iterator[None]:
    """Makes a NotPlainError of the block the error that a person reads: MissingFileError."""
    try:
        yield
    except NotPlainError as error:
        raise refused(error) from None


def refused(error: NotPlainError) -> MissingFileError:
    """The error for something in `.runner/` that runner did not put there."""
    return MissingFileError(
        f"nothing is read from it or written to it: {error.strerror}",
        location=Location(_shown(error.filename)),
        hint="runner makes plain folders and files only; delete it if it is not yours, or take another copy of the project",
    )


def _shown(path: str) -> str:
    with contextlib.suppress(ValueError):  # another drive of Windows
        return os.path.relpath(path)
    return path


def read_state(path: Path) -> bytes:
    """The bytes of a working file. Raises OSError, and MissingFileError for a link or what is no file."""
    with plain(), open(open_plain(path), "rb") as file:  # noqa: PTH123 - a descriptor
        return file.read()
