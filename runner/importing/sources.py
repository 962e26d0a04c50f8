"""Read the files of a source: regular files below one folder, up to a maximum size."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from ..documents.documents import Document, parse_document
from ..documents.text import decode
from ..errors import Location, MissingFileError
from ..files.disk.ignored import ENVIRONMENT, GITHUB, is_ignored
from ..files.disk.plain_files import NotPlainError, open_plain, refuse_outside
from ..files.disk.tree import MAX_FILE_BYTES, is_git

__all__ = ["Folder"]


@dataclass(slots=True)
class Folder:
    """The files below `root`, which an import may read. `shown` is the prefix of their names in messages."""

    root: Path
    shown: str = ""
    read_names: set[str] = field(default_factory=set)

    def name_of(self, base: str, reference: str, location: Location) -> str:
        """Return the name, below `root`, of the file that `reference` means in a file of the folder `base`.

        Raises MissingFileError for a file outside of `root`, or a file that may contain keys.
        """
        written = reference.strip()
        if not written or "\0" in written:
            raise MissingFileError("the file name is empty", location=location)
        if written.startswith(("/", "~", "\\")) or (len(written) > 1 and written[1] == ":"):
            raise MissingFileError(
                f"{written} is an absolute path, so it is not read",
                location=location,
                hint="copy the file to the folder of the source, and use a relative path",
            )
        name = os.path.normpath(os.path.join(base, written.replace("\\", "/"))).replace(os.sep, "/")  # noqa: PTH118
        if name == ".." or name.startswith("../"):
            raise MissingFileError(
                f"{written} is outside the folder that is imported, so it is not read",
                location=location,
                hint="import a folder that contains both: runner import FOLDER",
            )
        if any(is_git(part) or part.startswith(".env") for part in name.split("/")):
            raise MissingFileError(f"{written} may contain keys, so it is not read", location=location)
        return name

    def shown_as(self, name: str) -> str:
        """Return the name of a file in messages."""
        return f"{self.shown}{name}"

    def read(self, name: str, location: Location | None = None) -> bytes:
        """Return the bytes of a file. Raises MissingFileError if it does not exist, is not a regular file or is too large."""
        place = location or Location(self.shown_as(name))
        path = self.root / name
        try:
            refuse_outside(path, self.root)
            with os.fdopen(open_plain(path, follow=True), "rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            raise MissingFileError(f"there is no file {self.shown_as(name)}", location=place) from None
        except NotPlainError as error:
            raise MissingFileError(
                f"{self.shown_as(name)} is not read: {error.strerror}", location=place
            ) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise MissingFileError(
                f"{self.shown_as(name)} cannot be read: {reason}", location=place
            ) from None
        if len(data) > MAX_FILE_BYTES:
            raise MissingFileError(f"{self.shown_as(name)} is larger than 20 MB", location=place)
        self.read_names.add(name)
        return data

    def text(self, name: str, location: Location | None = None) -> str:
        """Return the text of a file with normalised line ends and no byte order mark. Raises MissingFileError, EncodingError."""
        return decode(self.read(name, location), self.shown_as(name))

    def document(self, name: str, location: Location | None = None) -> Document:
        """Return a parsed YAML or JSON file. Raises MissingFileError, EncodingError, SyntaxFileError."""
        return parse_document(self.read(name, location), self.shown_as(name))

    def matching(self, pattern: str) -> list[str]:
        """Return the names of the files that match a glob, sorted."""
        return [name for name in self.files() if _matches(name.split("/"), pattern.split("/"))]

    def files(self) -> Iterator[str]:
        """Yield the names of all files below the root, sorted, except those in ignored folders."""
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(
                each
                for each in folders
                if (each == GITHUB or not is_ignored(each)) and not Path(folder, each, ENVIRONMENT).exists()
            )
            below = os.path.relpath(folder, self.root).replace(os.sep, "/")
            prefix = "" if below == "." else f"{below}/"
            yield from (f"{prefix}{each}" for each in sorted(files))


def _matches(parts: list[str], patterns: list[str]) -> bool:
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_matches(parts[at:], patterns[1:]) for at in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], patterns[0]) and _matches(parts[1:], patterns[1:])
