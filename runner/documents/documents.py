"""A file that was read: its value, and where in the file each part of the value stands."""

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
    """A parsed YAML or JSON file. `value` is made of None, bool, int, float, str, list and dict only.

    `path` is the file's name in messages. `outline` is called when the first position is asked for, so that
    a file nobody complains about pays nothing for its positions. `first_line` is the line of the file on which the
    text begins (a row of a JSONL file).
    """

    __slots__ = ("_first_line", "_line_starts", "_outline", "_root", "_text", "path", "value")

    def __init__(
        self, value: Json, path: str, text: str, outline: Callable[[], Place], *, first_line: int = 1
    ) -> None:
        self.value = value
        self.path = path
        self._text = text
        self._outline: Callable[[], Place] | None = outline
        self._root: Place = 0
        self._line_starts: list[int] | None = None
        self._first_line = first_line

    def __repr__(self) -> str:
        return f"Document({self.path!r})"

    def locate(self, path: Sequence[str | int]) -> Location:
        """Where the value at `path` stands; where there is none, its deepest existing ancestor."""
        return self._location(start(self._find(path)[1]))

    def locate_key(self, path: Sequence[str | int]) -> Location:
        """Where the mapping key of the value at `path` stands (a list item: the item; the root: the root).

        Where there is no such value, the key of its deepest existing ancestor.
        """
        return self._location(self._find(path)[0])

    def text_location(self, path: Sequence[str | int], line: int, column: int | None = None) -> Location:
        """Where line `line` of the string at `path` stands in the file, both counted from 1.

        With `column` (of the string's line, from 1) the answer has one too. Escapes, folded lines and the
        indentation of block scalars are followed character by character. JournalIndex the string's end: its end. Where the
        value is not a string: where the value stands.
        """
        value = self._value_at(path)
        if not isinstance(value, str):
            return self.locate(path)
        offsets = scalar_offsets(self._text, start(self._find(path)[1]), value)
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
        """The text of a line of the file, without its line end; None where there is no such line."""
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
        """The offset of the key and the place of the value at `path`, or of its deepest existing ancestor."""
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
    """Read a file by its ending: `.json` is JSON, everything else YAML.

    Raises EncodingError or SyntaxFileError.
    """
    text = decode(data, shown)
    # The readers build Documents and therefore import this module; and JSON shall not pay for importing PyYAML.
    if shown.lower().endswith(".json"):
        from .json_reader import parse_json

        return parse_json(text, shown)
    from .yaml_reader import parse_yaml

    return parse_yaml(text, shown)
