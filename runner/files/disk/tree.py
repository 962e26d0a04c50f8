"""The sources of files: a folder on disk, a git revision or a pack, with the same interface.

A file's name is its path from the root with `/` between the parts, without `.` and `..`: `prompts/triage.prompt.yaml`.
`resolve` returns such a name. A reference in a file cannot lead outside its root, to a file or folder whose name begins
with a dot (`.env`, `.git/config`), or to anything but a regular file.
"""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from ...errors import Location, MissingFileError, close_to, did_you_mean
from .ignored import ENVIRONMENT, GITHUB, is_searched, is_vendored
from .plain_files import NotPlainError, open_plain

__all__ = ["MAX_FILE_BYTES", "OUTSIDE", "DiskTree", "MemoryTree", "Tree", "is_git", "resolve"]

MAX_FILE_BYTES = 20 * 1024 * 1024
"""Prompts, schemas and files of cases are smaller; a larger file was named by mistake."""

OUTSIDE = "is outside the project root"
"""The end of the message about a reference that leads out of its tree; packs word it their own way."""

_DRIVE = re.compile(r"[A-Za-z]:")


class Tree(Protocol):
    """A set of files under one root."""

    def read(self, file: str, *, shown: str | None = None, location: Location | None = None) -> bytes:
        """Return the bytes of `file`. `location` is the place of the reference to it, `shown` its name in messages.

        Raises MissingFileError if it does not exist or may not be read.
        """
        ...

    def exists(self, file: str) -> bool:
        """Return whether `file` exists and is a file."""
        ...

    def shown(self, file: str) -> str:
        """Return the name of `file` in messages: the path as the user would type it from the current folder."""
        ...

    def files(self) -> Iterator[str]:
        """Yield all files, sorted, reading folders lazily."""
        ...


def resolve(base: str, name: str, *, location: Location) -> str:
    """Return the file that `name` refers to in the file `base`: relative to its folder, with `/` between the parts.

    Raises MissingFileError at `location` for a name that is empty, absolute, specific to one system (backslash, drive
    letter), or that leads outside the root or to a hidden file. If `base` itself is in a hidden folder, because the user
    named it, it may refer to files of that folder.
    """
    if not name.strip():
        raise MissingFileError("the file name is empty", location=location)
    if "\0" in name:
        raise MissingFileError("the file name contains a NUL character", location=location)
    if "\\" in name:
        raise MissingFileError(
            f"the path {name} contains a backslash",
            location=location,
            hint='write "/" between folders on every system',
        )
    if name.startswith("/") or _DRIVE.match(name):
        raise MissingFileError(
            f"the path {name} is absolute",
            location=location,
            hint="write paths relative to the file that uses them",
        )
    file = posixpath.normpath(posixpath.join(posixpath.dirname(base), name))
    if file == ".." or file.startswith("../"):
        raise MissingFileError(f"{name} {OUTSIDE}", location=location, hint="move the file into the project")
    if _leads_to_hidden(file, base):
        raise _hidden(name, location)
    return file


def _leads_to_hidden(file: str, known: str) -> bool:
    """Return whether a part of `file`, other than the folders that it shares with `known`, is hidden."""
    parts, shared = file.split("/"), known.split("/")[:-1]
    same = 0
    while same < min(len(parts), len(shared)) and parts[same] == shared[same] and not is_git(parts[same]):
        same += 1
    return any(_is_hidden(part) for part in parts[same:])


_GIT = re.compile(r"\.git|git~[0-9]+", re.IGNORECASE)
"""Git's own folder, and its short name on Windows."""


def _seen(part: str) -> str:
    """Return a name without the characters that some file systems (HFS+) ignore."""
    return part if part.isascii() else "".join(each for each in part if unicodedata.category(each) != "Cf")


def is_git(part: str) -> bool:
    """Return whether a part of a path is Git's own folder on some file system."""
    return _GIT.fullmatch(_seen(part).rstrip(" .")) is not None


def _is_hidden(part: str) -> bool:
    return _seen(part).startswith(".") or is_git(part)


def _hidden(name: str, location: Location) -> MissingFileError:
    return MissingFileError(
        f"{name} is hidden and is not read",
        location=location,
        hint="files and folders whose names begin with a dot are not read: they may contain keys or belong to Git",
    )


class MemoryTree:
    """Files in memory, of a git revision or of a test. `prefix` is prepended to shown names."""

    def __init__(self, files: Mapping[str, bytes], prefix: str = "") -> None:
        self._files = files
        self._prefix = prefix

    def read(self, file: str, *, shown: str | None = None, location: Location | None = None) -> bytes:
        """Return the bytes of `file`; see Tree.read."""
        try:
            return self._files[file]
        except KeyError:
            raise _missing(file, shown or self.shown(file), location, self._files) from None

    def exists(self, file: str) -> bool:
        """Return whether `file` exists."""
        return file in self._files

    def shown(self, file: str) -> str:
        """Return the file's name with the prefix, such as `HEAD~1:prompts/triage.prompt.yaml`."""
        return self._prefix + file

    def files(self) -> Iterator[str]:
        """Yield all files, sorted."""
        return iter(sorted(self._files))


class DiskTree:
    """The files of a folder.

    `cwd` is the folder that shown paths are relative to (default: the current one); `names` gives the names of single
    files in messages, such as the path exactly as it was typed.
    """

    def __init__(self, root: Path, cwd: Path | None = None, names: Mapping[str, str] | None = None) -> None:
        self.root = root.absolute()
        self._real_root = Path(os.path.realpath(root))  # `resolve` raises RuntimeError for a loop of links
        self._cwd = cwd or Path.cwd()
        self._names = names or {}
        self._reads: dict[tuple[int, int], str] = {}

    @property
    def reads(self) -> Mapping[tuple[int, int], str]:
        """The names in messages of the files that were read so far, by device and inode."""
        return self._reads

    def read(self, file: str, *, shown: str | None = None, location: Location | None = None) -> bytes:
        """Return the bytes of `file`.

        Raises MissingFileError if it does not exist, is not a regular file, may not be read, is larger than
        MAX_FILE_BYTES, or is a link that leads outside the root or to a hidden file.
        """
        name = shown or self.shown(file)
        where = location or Location(name)
        path = self.root / file
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self._real_root):
                raise MissingFileError(f"{name} leads outside the project root", location=where)
            if self._leads_to_hidden(real, file):
                raise _hidden(name, where)
            if real.is_dir():
                raise MissingFileError(f"{name} is a folder", location=where, hint="name a file in it")
            with open(open_plain(real), "rb") as stream:  # noqa: PTH123 - a descriptor
                found = os.fstat(stream.fileno())
                self._reads[found.st_dev, found.st_ino] = name
                data = stream.read(MAX_FILE_BYTES + 1)
        except NotPlainError:
            raise MissingFileError(f"{name} is not a regular file", location=where) from None
        except (FileNotFoundError, NotADirectoryError):
            raise _missing(file, name, location, self._siblings(file)) from None
        except (
            OSError,
            RuntimeError,
            ValueError,
        ) as error:  # RuntimeError: a loop of links, before Python 3.13
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise MissingFileError(f"{name} cannot be read: {reason}", location=where) from None
        if len(data) > MAX_FILE_BYTES:
            raise MissingFileError(
                f"{name} is larger than {MAX_FILE_BYTES // 2**20} MiB",
                location=where,
                hint="is it the file you meant?",
            )
        return data

    def exists(self, file: str) -> bool:
        """Return whether `file` is a regular file inside the root."""
        try:
            real = (self.root / file).resolve(strict=True)
            inside = real.is_relative_to(self._real_root) and not self._leads_to_hidden(real, file)
            return inside and real.is_file()
        except (OSError, RuntimeError, ValueError):
            return False

    def _leads_to_hidden(self, real: Path, file: str) -> bool:
        """Return whether a link in `file` leads to a hidden file; a hidden file that is named directly is the user's choice."""
        found = real.relative_to(self._real_root).as_posix()
        return found != file and _leads_to_hidden(found, file)

    def shown(self, file: str) -> str:
        """Return the path of `file` from the current folder, or the name given for it."""
        if name := self._names.get(file):
            return name
        path = os.path.join(self.root, file)  # noqa: PTH118  # Path would drop what relpath needs to compare
        try:
            return os.path.relpath(path, self._cwd)
        except ValueError:  # another drive on Windows
            return path

    def files(self) -> Iterator[str]:
        """Yield all files, sorted by name, reading folders lazily.

        Ignored folders (see `files.ignored`) and folders that are links are left out.

        Raises MissingFileError for a folder that may not be listed.
        """
        return self._walk("")

    def _walk(self, folder: str) -> Iterator[str]:
        try:
            with os.scandir(self.root / folder) as scan:
                # A folder sorts with its slash, so that whole paths are in order.
                entries = sorted(
                    (f"{e.name}/" if e.is_dir(follow_symlinks=False) else e.name, e) for e in scan
                )
        except OSError as error:
            shown = self.shown(folder.rstrip("/"))
            raise MissingFileError(
                f"the folder {shown} cannot be listed: {error.strerror}", location=Location(shown)
            ) from None
        names = {name for name, _ in entries}
        if folder and ENVIRONMENT in names:
            return
        above = folder.split("/")[:-1]
        taken = is_searched(above)
        for name, entry in entries:
            if not name.endswith("/"):
                if taken and (self.exists(folder + name) if entry.is_symlink() else entry.is_file()):
                    yield folder + name
            elif (name == f"{GITHUB}/" or is_searched([*above, name[:-1]])) and not (
                not folder and is_vendored(name[:-1], names)
            ):
                yield from self._walk(folder + name)

    def _siblings(self, file: str) -> list[str]:
        """Return the names in the folder of `file`, for a suggestion; an empty list if the folder does not exist."""
        folder = posixpath.dirname(file)
        try:
            return [posixpath.join(folder, path.name) for path in (self.root / folder).iterdir()]
        except OSError:
            return []


def _missing(file: str, shown: str, location: Location | None, known: Iterable[str]) -> MissingFileError:
    """Return the error for a missing file, with the file of the same folder that was probably meant."""
    folder, name = posixpath.split(file)
    siblings = {posixpath.basename(other) for other in known if posixpath.dirname(other) == folder}
    same = [other for other in sorted(siblings) if other.casefold() == name.casefold()]
    close = same or close_to(name, sorted(siblings))
    hint: str | None
    if close:
        hint = did_you_mean(close[0])
    elif siblings:
        hint = "a path is relative to the file that names it" if location else None
    else:
        hint = f"there is no folder {folder} either" if folder else None
    return MissingFileError(f"there is no file {shown}", location=location or Location(shown), hint=hint)
