"""Keep the comments above the parts of a source that are converted one to one."""

from __future__ import annotations

from ..documents.documents import Document
from .nodes import Node
from .secrets import holds_key

__all__ = ["Comments"]

_MOST = 40


class Comments:
    """The comments of YAML files, by the line below them. Each comment is returned once."""

    def __init__(self, keys: frozenset[str] = frozenset()) -> None:
        self.keys = keys
        self._given: set[tuple[str, int]] = set()

    def above(self, node: Node) -> tuple[str, ...]:
        """Return the lines of the comment right above a key or a list item, without `#`."""
        if node.document is None or node.document.path.lower().endswith(".json"):
            return ()
        line = node.key_location.line
        return self._above(node.document, line) if line is not None else ()

    def header(self, document: Document) -> tuple[str, ...]:
        """Return the comment at the top of a file."""
        found: list[str] = []
        for number in range(1, _MOST + 1):
            text = document.source_line(number)
            if text is None or not text.startswith("#"):
                break
            self._given.add((document.path, number))
            if not text.startswith("# yaml-language-server"):
                found.append(text)
        return self._clean(found)

    def _above(self, document: Document, line: int) -> tuple[str, ...]:
        found: list[str] = []
        number = line - 1
        while number > 0 and len(found) < _MOST:
            text = document.source_line(number)
            if text is None or not text.lstrip().startswith("#") or (document.path, number) in self._given:
                break
            self._given.add((document.path, number))
            found.append(text.lstrip())
            number -= 1
        return self._clean(found[::-1])

    def _clean(self, lines: list[str]) -> tuple[str, ...]:
        texts = (line.lstrip("#").removeprefix(" ").rstrip() for line in lines)
        return tuple(
            text for text in texts if text.replace("\t", " ").isprintable() and not holds_key(text, self.keys)
        )
