"""The versions of stored files. One rule for all: read every version up to ours, write the newest (docs/formats.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from ..documents.documents import Document, parse_document
from ..errors import FormatError, Location, RunnerError
from ..values import Json

__all__ = ["UPGRADE", "NewerFormatError", "is_version", "located_in", "newer", "reader_of", "version_in"]

UPGRADE = "pip install --upgrade prompt-runner"

_Reader = TypeVar("_Reader")


class NewerFormatError(FormatError):
    """A file, or a part of it, has a version that only a newer runner reads. Nothing is wrong with it."""


def reader_of(
    readers: Mapping[int, _Reader], version: Json, what: str, locate: Callable[[], Location]
) -> _Reader:
    """Return the reader of a version. For an invalid version it is the newest reader, which reports what is wrong.

    `readers` has one for every version so far. Raises NewerFormatError at `locate()` for a newer version; `what` is the
    name of the file in the message.
    """
    newest = max(readers)
    if type(version) is int:
        if version > newest:
            raise newer(what, version, newest, locate())
        return readers.get(version, readers[newest])
    return readers[newest]


def is_version(stated: Json, version: int) -> bool:
    """Return whether a file states that version: `true` and 1.0 equal 1 in Python, but are not versions."""
    return type(stated) is int and stated == version


def newer(what: str, version: int, newest: int, location: Location) -> NewerFormatError:
    """Return the error for a version that only a newer runner reads."""
    message = f"{what} was written by a newer runner (format {version}; this one reads up to {newest}): upgrade runner"
    return NewerFormatError(message, location=location, hint=UPGRADE)


def version_in(document: Document, key: str) -> Json:
    """Return the version that a document states, or None."""
    return document.value.get(key) if isinstance(document.value, Mapping) else None


def located_in(data: bytes, shown: str, key: str) -> Location:
    """Return the place of the value of a top-level key in a JSON or YAML file; only the file if it cannot be parsed."""
    try:
        return parse_document(data, shown).locate((key,))
    except RunnerError:
        return Location(shown)
