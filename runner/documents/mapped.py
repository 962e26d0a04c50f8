"""A file that is read as if it were written in another format: its value is translated, its positions are the file's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from ..errors import Location
from ..values import Json, JsonPath
from .documents import Document

__all__ = ["Embedded", "MappedDocument", "SourceOf"]


class Embedded(NamedTuple):
    """A place at `path` in `document`, which was parsed from the string at `at` of the file."""

    at: JsonPath
    document: Document
    path: JsonPath


SourceOf: TypeAlias = Callable[[JsonPath], "JsonPath | Embedded"]
"""Map the path of a part of the value to the place in the file that it comes from."""


class MappedDocument(Document):
    """A document whose `value` was translated from `original`; `source_of` finds the place that each part comes from."""

    __slots__ = ("_original", "_source_of")

    def __init__(self, value: Json, original: Document, source_of: SourceOf) -> None:
        super().__init__(value, original.path, "", lambda: 0)
        self._original = original
        self._source_of = source_of

    def locate(self, path: Sequence[str | int]) -> Location:
        """Return the place of the source of the value at `path`; see Document.locate."""
        source = self._source_of(tuple(path))
        if isinstance(source, Embedded):
            return self._inside(source, source.document.locate(source.path))
        return self._original.locate(source)

    def locate_key(self, path: Sequence[str | int]) -> Location:
        """Return the place of the key of the source of the value at `path`; see Document.locate_key."""
        source = self._source_of(tuple(path))
        if isinstance(source, Embedded):
            return self._inside(source, source.document.locate_key(source.path))
        return self._original.locate_key(source)

    def text_location(self, path: Sequence[str | int], line: int, column: int | None = None) -> Location:
        """Return the place of a line of the string at `path`; see Document.text_location."""
        source = self._source_of(tuple(path))
        if isinstance(source, Embedded):
            return self.locate(path)
        return self._original.text_location(source, line, column)

    def source_line(self, line: int) -> str | None:
        """Return the text of a line of the file; see Document.source_line."""
        return self._original.source_line(line)

    def _inside(self, source: Embedded, found: Location) -> Location:
        return self._original.text_location(source.at, found.line or 1, found.column)
