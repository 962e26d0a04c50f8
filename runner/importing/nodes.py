"""Hold a value of a source with its location."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..documents.documents import Document
from ..errors import Location
from ..values import Json, JsonPath

__all__ = ["Node", "root_of"]


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its location: in a document, or the line of a row (`fixed`)."""

    value: Json
    document: Document | None = None
    path: JsonPath = ()
    fixed: Location | None = None

    @property
    def location(self) -> Location:
        """Return the location of the value."""
        if self.document is None:
            return self.fixed or Location("")
        return self.document.locate(self.path)

    @property
    def key_location(self) -> Location:
        """Return the location of the key of the value."""
        if self.document is None:
            return self.fixed or Location("")
        return self.document.locate_key(self.path)

    def within(self, line: int) -> Location:
        """Return the location of a line of the string, counted from 1."""
        if self.document is None:
            return self.location
        return self.document.text_location(self.path, line, 1)

    def entries(self) -> Iterator[tuple[str, Node]]:
        """Yield the members of an object; nothing for other values."""
        if isinstance(self.value, Mapping):
            for key, value in self.value.items():
                yield key, Node(value, self.document, (*self.path, key), self.fixed)

    def items(self) -> Iterator[Node]:
        """Yield the items of a list; nothing for other values."""
        if isinstance(self.value, list):
            for index, value in enumerate(self.value):
                yield Node(value, self.document, (*self.path, index), self.fixed)

    def get(self, key: str) -> Node | None:
        """Return a member of an object, or None."""
        if isinstance(self.value, Mapping) and key in self.value:
            return Node(self.value[key], self.document, (*self.path, key), self.fixed)
        return None

    @property
    def text(self) -> str | None:
        """Return the value if it is a string."""
        return self.value if isinstance(self.value, str) else None


def root_of(document: Document) -> Node:
    """Return the root of a document."""
    return Node(document.value, document)
