"""Snapshot files on disk: read, written whole or not at all, renamed, deleted.

A file is written beside its place, synced and renamed over it, so that a crash at any moment leaves the old one or the
new one; two processes at once each leave a whole file.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ..errors import FormatError, Location, MissingFileError, SecretError, StorageError
from ..files.model import Project
from ..schema import json_path
from ..values import Json, JsonPath
from ..wire.masking import find_secret
from .reader import MAX_BYTES, read_snapshot
from .snapshot import FOLDER, SUFFIX, Snapshot
from .writer import write_snapshot

__all__ = ["SnapshotStore", "store_of"]


class SnapshotStore:
    """The snapshots below `root`, addressed by root-relative posix paths. `secret_values` must never be in one."""

    def __init__(self, root: Path, *, secret_values: Sequence[str] = ()) -> None:
        self._root = str(root)
        self._secrets = tuple(secret_values)
        # Messages call a file as it would be typed here; worked out once, not for each of ten thousand.
        prefix = os.path.relpath(root)
        self._prefix = "" if prefix == os.curdir else prefix.replace(os.sep, "/") + "/"

    def read(self, file: str) -> Snapshot | None:
        """The snapshot, or None where there is no such file.

        Raises ConflictError, SyntaxFileError, FormatError or MissingFileError (not a plain file, not readable).
        """
        path = f"{self._root}/{file}"
        try:
            descriptor = os.open(
                path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            )
        except FileNotFoundError:
            return None
        except OSError as error:
            raise MissingFileError(
                f"this snapshot cannot be read: {error.strerror or error}",
                location=Location(self._shown(file)),
            ) from None
        try:
            data = os.read(descriptor, MAX_BYTES + 1)
        finally:
            os.close(descriptor)
        try:
            text = data.decode().replace("\r\n", "\n")
        except UnicodeDecodeError:
            raise FormatError("this snapshot is not UTF-8", location=Location(self._shown(file))) from None
        return read_snapshot(text, self._shown(file))

    def write(self, file: str, snapshot: Snapshot) -> bool:
        """Write a snapshot; False, and not a byte touched, where the file says the same already.

        Another `model` alone is no reason to write. Raises SecretError where a key stands in it, FormatError where it
        is too large, StorageError where the disk refuses it; the file then is as it was.
        """
        self.refuse_secrets(file, snapshot)
        data = write_snapshot(snapshot).encode()
        if len(data) > MAX_BYTES:
            path, size = max(_sizes(snapshot.output), key=lambda each: each[1])
            raise FormatError(
                f"the snapshot would have {len(data):,} bytes, at most {MAX_BYTES:,} can be reviewed; the largest part "
                f"is {json_path(path)} with {size:,}",
                location=Location(self._shown(file)),
                hint="let the prompt answer less, or ignore that path in regression.rules",
            )
        with contextlib.suppress(FormatError):
            approved = self.read(file)
            if approved is not None and replace(approved, model=None) == replace(snapshot, model=None):
                return False
        self._replace(file, data)
        return True

    def move(self, old: str, new: str) -> None:
        """Rename a snapshot, as `git mv` would. Raises StorageError."""
        source, target = self._path(old), self._path(new)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
            _sync_folder(target.parent)
        except OSError as error:
            raise self._cannot(new, error) from None

    def delete(self, file: str) -> None:
        """Delete a snapshot, and its folders as far as they are empty then. Raises StorageError."""
        path = self._path(file)
        try:
            path.unlink()
            for folder in (path.parent, path.parent.parent):
                if FOLDER in folder.parts and not any(folder.iterdir()):
                    folder.rmdir()
        except OSError as error:
            raise self._cannot(file, error) from None

    def files_of(self, folder: str) -> set[str]:
        """The names of the snapshot files in a prompt's folder."""
        try:
            with os.scandir(f"{self._root}/{folder}") as entries:
                return {entry.name for entry in entries if entry.name.endswith(SUFFIX)}
        except (FileNotFoundError, NotADirectoryError):
            return set()

    def _path(self, file: str) -> Path:
        return Path(self._root) / PurePosixPath(file)

    def _shown(self, file: str) -> str:
        return f"{self._prefix}{file}"

    def _replace(self, file: str, data: bytes) -> None:
        path = self._path(file)
        temporary = path.with_name(f".{secrets.token_hex(6)}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as part:
                part.write(data)
                part.flush()
                os.fsync(part.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise self._cannot(file, error) from None

    def _cannot(self, file: str, error: OSError) -> StorageError:
        return StorageError(
            f"the snapshot {self._shown(file)} cannot be written: {error.strerror or error}",
            hint="what was approved before is as it was; the answers are safe in .runner/",
        )

    def refuse_secrets(self, file: str, snapshot: Snapshot) -> None:
        """Raise SecretError where the value of a key variable, or what has the shape of a key, stands in a snapshot."""
        if find_secret(write_snapshot(snapshot), self._secrets) is None:
            return
        where = next(
            (path for path, leaf in _leaves(snapshot.output) if find_secret(leaf, self._secrets) is not None),
            None,
        )
        place = json_path(where) if where is not None else "the snapshot"
        raise SecretError(
            f"{place} of {self._shown(file)} holds what looks like a key; nothing was written",
            hint="take it out of the prompt's data, or add a `redact` rule for it to runner.yaml",
        )


def store_of(project: Project, environ: Mapping[str, str]) -> SnapshotStore:
    """The snapshots of a project; the values of all its key variables must not be in any."""
    names = {endpoint.api_key_env for endpoint in project.endpoints.values() if endpoint.api_key_env}
    values = sorted({environ[name] for name in names if environ.get(name)})
    return SnapshotStore(Path(project.root), secret_values=values)


def _leaves(value: Json, path: JsonPath = ()) -> Iterator[tuple[JsonPath, str]]:
    """The texts in a value, each with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))


def _sizes(value: Json) -> list[tuple[JsonPath, int]]:
    """The texts of a value with their sizes in bytes; the whole when there is none."""
    return [(path, len(leaf.encode())) for path, leaf in _leaves(value)] or [((), 0)]


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where a folder can be synced (POSIX)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
