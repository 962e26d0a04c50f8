"""A parsed file: its value, and the place of each part of the value in the file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from ..errors import Location
from ..values import Json
from .outline import Place, child, start
from .scalar_offsets import scalar_offsets
from .text import decode, line_starts

__all__ = ["Document", "parse_document"]


class Document:
    """A parsed YAML or JSON file. `value` consists of None, bool, int, float, str, list and dict only.

    `path` is the file's name in messages. `outline` is called when the first position is needed, so that a file
    without errors pays nothing for its positions. `first_line` is the line of the file on which the text begins
    (a row of a JSONL file).
    """

    __slots__ = ("_first_line", "_line_starts", "_outline", "_root", "_scalar", "_text", "path", "value")

    def __init__(
        self, value: Json, path: str, text: str, outline: Callable[[], Place], *, first_line: int = 1
    ) -> None:
        self.value = value
        self.path = path
        self._text = text
        self._outline: Callable[[], Place] | None = outline
        self._root: Place = 0
        self._line_starts: list[int] | None = None
        self._scalar: tuple[int, list[int] | None] = (
            -1,
            None,
        )  # the last one: a long text may have many remarks
        self._first_line = first_line

    def __repr__(self) -> str:
        return f"Document({self.path!r})"

    def locate(self, path: Sequence[str | int]) -> Location:
        """Return the place of the value at `path`, or of its deepest existing ancestor."""
        return self._location(start(self._find(path)[1]))

    def locate_key(self, path: Sequence[str | int]) -> Location:
        """Return the place of the key of the value at `path` (for a list item or the root: of the value itself).

        If there is no such value, return the place of the key of its deepest existing ancestor.
        """
        return self._location(self._find(path)[0])

    def text_location(self, path: Sequence[str | int], line: int, column: int | None = None) -> Location:
        """Return the place in the file of line `line` of the string at `path`; lines count from 1.

        With `column` (in the string's line, from 1) the result has a column too. Escapes, folded lines and the
        indentation of block scalars are followed character by character. A place past the string's end is its end;
        for a value that is not a string it is the place of the value.
        """
        value = self._value_at(path)
        if not isinstance(value, str):
            return self.locate(path)
        first = start(self._find(path)[1])
        if first != self._scalar[0]:
            self._scalar = (first, scalar_offsets(self._text, first, value))
        offsets = self._scalar[1]
        if offsets is None:
            return self.locate(path)
        begin = 0
        for _ in range(line - 1):
            newline = value.find("\n", begin)
            if newline < 0:
                break
            begin = newline + 1
        end = value.find("\n", begin)
        end = len(value) if end < 0 else end
        found = self._location(offsets[min(begin + (column or 1) - 1, end)])
        return found if column is not None else Location(found.path, found.line)

    def source_line(self, line: int) -> str | None:
        """Return the text of a line of the file without its line end, or None if there is no such line."""
        lines = self._text.split("\n")
        index = line - self._first_line
        return lines[index] if 0 <= index < len(lines) else None

    def _value_at(self, path: Sequence[str | int]) -> Json:
        value = self.value
        for part in path:
            if isinstance(value, dict) and isinstance(part, str):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value):
                value = value[part]
            else:
                return None
        return value

    def _find(self, path: Sequence[str | int]) -> tuple[int, Place]:
        """Return the offset of the key and the place of the value at `path`, or of its deepest existing ancestor."""
        if self._outline is not None:
            self._root, self._outline = self._outline(), None
        place = self._root
        key = start(place)
        for part in path:
            found = child(place, part)
            if found is None:
                break
            key, place = found
        return key, place

    def _location(self, offset: int) -> Location:
        if self._line_starts is None:
            self._line_starts = line_starts(self._text)
        line = bisect_right(self._line_starts, offset)
        return Location(self.path, line - 1 + self._first_line, offset - self._line_starts[line - 1] + 1)


def parse_document(data: bytes, shown: str) -> Document:
    """Parse a file according to its extension: `.json` is JSON, everything else is YAML.

    Raises EncodingError or SyntaxFileError.
    """
    text = decode(data, shown)
    # The readers build Documents and therefore import this module; and JSON must not pay for importing PyYAML.
    if shown.lower().endswith(".json"):
        from .json_reader import parse_json

        return parse_json(text, shown)
    from .yaml_reader import parse_yaml

    return parse_yaml(text, shown)
