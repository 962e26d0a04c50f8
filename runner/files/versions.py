"""Versions of stored files, one rule for all of them: read every version up to ours, write the newest (docs/formats.md)."""

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
    """A file, or a part of it, is of a version that only a newer runner reads. Nothing is wrong with it."""


def reader_of(
    readers: Mapping[int, _Reader], version: Json, what: str, locate: Callable[[], Location]
) -> _Reader:
    """Return the reader of a version. What is no version at all goes to the newest reader, which says what is wrong.

    `readers` has one for every version so far. Raises NewerFormatError at `locate()` for a version above them; `what`
    is how the message calls the file.
    """
    newest = max(readers)
    if type(version) is int:
        if version > newest:
            raise newer(what, version, newest, locate())
        return readers.get(version, readers[newest])
    return readers[newest]


def is_version(stated: Json, version: int) -> bool:
    """Whether a file states that version: `true` and 1.0 are equal to 1, and no versions."""
    return type(stated) is int and stated == version


def newer(what: str, version: int, newest: int, location: Location) -> NewerFormatError:
    """The error for a version that only a newer runner reads."""
    message = f"{what} was written by a newer runner (format {version}; this one reads up to {newest}): upgrade runner"
    return NewerFormatError(message, location=location, hint=UPGRADE)


def version_in(document: Document, key: str) -> Json:
    """What a document says that its version is; None where it says nothing."""
    return document.value.get(key) if isinstance(document.value, Mapping) else None


def located_in(data: bytes, shown: str, key: str) -> Location:
    """Where the value of a top-level key stands in a JSON or YAML file; the file alone where that cannot be said."""
    try:
        return parse_document(data, shown).locate((key,))
    except RunnerError:
        return Location(shown)
