"""List and read a pack in a folder on this machine."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import FetchError, Location, PackError
from ..files.disk.ignored import ENVIRONMENT, is_ignored
from .file_rules import MAX_BYTES, SourceEntry
from .listing import Listing

__all__ = ["find_in_folder"]


def find_in_folder(folder: Path, *, shown: str, only: Container[str] | None = None) -> Listing:
    """List a folder, or only the paths in `only`. Raises FetchError if it does not exist or cannot be listed."""
    if not folder.is_dir():
        raise FetchError(f"there is no folder {shown}", hint="`path` is relative to runner.yaml")
    try:
        entries = [entry for entry in _walk(folder, "") if only is None or entry.path in only]
    except OSError as error:
        raise FetchError(f"the folder {shown} cannot be listed: {error.strerror or error}") from None
    prefix = "" if shown == "." else f"{shown.rstrip('/' + os.sep)}/"

    def read(included: Sequence[SourceEntry]) -> Mapping[str, bytes]:
        return {entry.path: _read(folder / entry.path, prefix + entry.path) for entry in included}

    return Listing(entries, read, prefix)


def _walk(folder: Path, below: str) -> Iterator[SourceEntry]:
    """Yield every entry without following links. Skip folders that are never part of a pack and may be large."""
    with os.scandir(folder / below) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    if below and any(entry.name == ENVIRONMENT for entry in entries):
        return
    for entry in entries:
        path = f"{below}{entry.name}"
        if entry.is_symlink():
            yield SourceEntry(path, kind="link")
        elif entry.is_dir(follow_symlinks=False):
            if not is_ignored(entry.name):
                yield from _walk(folder, f"{path}/")
        elif entry.is_file(follow_symlinks=False):
            yield SourceEntry(path, entry.stat(follow_symlinks=False).st_size)
        else:
            yield SourceEntry(path, kind="special")


def _read(path: Path, shown: str) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise PackError(
            f"this file cannot be read: {error.strerror or error}", location=Location(shown)
        ) from None
    if len(data) > MAX_BYTES:
        raise PackError("the file grew while it was being read", location=Location(shown))
    return data
