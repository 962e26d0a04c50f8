"""A value of a source together with where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..documents.documents import Document
from ..errors import Location
from ..values import Json, JsonPath

__all__ = ["Node", "root_of"]


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place: in a document, or the one line of a row (`fixed`)."""

    value: Json
    document: Document | None = None
    path: JsonPath = ()
    fixed: Location | None = None

    @property
    def location(self) -> Location:
        """Where the value stands."""
        if self.document is None:
            return self.fixed or Location("")
        return self.document.locate(self.path)

    @property
    def key_location(self) -> Location:
        """Where the key of the value stands."""
        if self.document is None:
            return self.fixed or Location("")
        return self.document.locate_key(self.path)

    def within(self, line: int) -> Location:
        """Where a line of the text stands, counted from 1."""
        if self.document is None:
            return self.location
        return self.document.text_location(self.path, line, 1)

    def entries(self) -> Iterator[tuple[str, Node]]:
        """The members of a mapping; none of anything else."""
        if isinstance(self.value, Mapping):
            for key, value in self.value.items():
                yield key, Node(value, self.document, (*self.path, key), self.fixed)

    def items(self) -> Iterator[Node]:
        """The items of a list; none of anything else."""
        if isinstance(self.value, list):
            for index, value in enumerate(self.value):
                yield Node(value, self.document, (*self.path, index), self.fixed)

    def get(self, key: str) -> Node | None:
        """A member of a mapping."""
        if isinstance(self.value, Mapping) and key in self.value:
            return Node(self.value[key], self.document, (*self.path, key), self.fixed)
        return None

    @property
    def text(self) -> str | None:
        """The value where it is a string."""
        return self.value if isinstance(self.value, str) else None


def root_of(document: Document) -> Node:
    """The whole of a document."""
    return Node(document.value, document)
