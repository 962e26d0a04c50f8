"""Read CSV as spreadsheets and programs write it (RFC 4180, also with semicolons or tabs): a header, then rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..errors import CaseError, Location

__all__ = ["CsvRow", "header_names", "read_csv"]

MAX_CELL = 20 * 1024 * 1024
"""In characters: the same limit as for a line of JSONL."""

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\n?', re.IGNORECASE)
_HINTS = {
    "field larger": "a cell may have at most 20 MiB",
    "unexpected end": 'the quote that begins a cell is not closed: write a literal " twice, inside quotes',
    "expected after": 'write a " inside quotes twice',
}


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row. `line` is the line on which it begins, `source` its text."""

    cells: dict[str, str]
    line: int
    source: str
    delimiter: str

    def place(self, name: str) -> tuple[int, int] | None:
        """Return the line and column at which the cell in the column `name` begins, or None if there is no such column."""
        index = list(self.cells).index(name) if name in self.cells else None
        if index is None:
            return None
        for at in _starts(self.source, self.delimiter):
            if index == 0:
                before = self.source[:at]
                return self.line + before.count("\n"), at - (before.rfind("\n") + 1) + 1
            index -= 1
        return None


def read_csv(lines: Iterable[str], shown: str, delimiter: str | None) -> Iterator[CsvRow]:
    """Yield the rows below the header, which names the columns.

    Cells are separated by `delimiter`; without one, by the character in a first line such as `sep=;`, else by the one
    that appears most often in the header, outside quotes: comma, semicolon or tab. Raises CaseError for invalid CSV.
    """
    # The limit is one number for the whole process; no code relies on a smaller one.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL))
    source = _Lines(line for text in lines for line in io.StringIO(text, newline="\n"))
    header = source.peek_record()
    if found := _SEPARATOR_LINE.fullmatch(header):
        source.skip(header)
        delimiter = delimiter or found[1]
        header = source.peek_record()
    delimiter = delimiter or _delimiter_of(header, Location(shown, source.line + 1))
    reader = csv.reader(source, strict=True, delimiter=delimiter)
    names: list[str] | None = None
    count = 0
    while True:
        line = source.line + 1
        source.taken.clear()
        label = f"row {count + 1}" if names is not None else "the header"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            hint = next((hint for words, hint in _HINTS.items() if words in str(error)), None)
            raise CaseError(
                f"{label} is not CSV: {error}", location=Location(shown, line), hint=hint
            ) from None
        if cells is None:
            break
        if not cells:
            continue
        if names is None:
            names = header_names(cells, Location(shown, line))
            continue
        count += 1
        if len(cells) != len(names):
            raise CaseError(
                f"{label} has {len(cells)} {'cell' if len(cells) == 1 else 'cells'}, the header has {len(names)}",
                location=Location(shown, line),
                hint="quote cells that contain a {} or a line break: {}".format(
                    {",": "comma", ";": "semicolon", "\t": "tab"}.get(delimiter, delimiter),
                    f'"a{delimiter} b"'.replace("\t", "\\t"),
                ),
            )
        yield CsvRow(dict(zip(names, cells, strict=True)), line, "".join(source.taken), delimiter)
    if names is None:
        raise CaseError(
            "the header is missing", location=Location(shown, 1), hint="name the variables on the first line"
        )


class _Lines(Iterator[str]):
    """An iterator over lines that can look ahead; `line` counts the lines consumed, `taken` keeps them."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._ahead: list[str] = []
        self.line = 0
        self.taken: list[str] = []

    def __next__(self) -> str:
        line = self._ahead.pop(0) if self._ahead else next(self._lines)
        self.line += 1
        self.taken.append(line)
        return line

    def peek_record(self) -> str:
        """Return the first record that is not blank, up to the end of its quotes; "" at the end of the file."""
        record = ""
        for index, line in enumerate(self._seen()):
            if record or line.strip("\n"):
                record += line
                if record.count('"') % 2 == 0 or index > 1000:
                    break
        return record

    def _seen(self) -> Iterator[str]:
        index = 0
        while True:
            if index == len(self._ahead):
                line = next(self._lines, None)
                if line is None:
                    return
                self._ahead.append(line)
            yield self._ahead[index]
            index += 1

    def skip(self, record: str) -> None:
        """Consume everything up to the end of a record that was peeked at."""
        while next(self) != record:
            pass


def _delimiter_of(header: str, location: Location) -> str:
    bare = re.sub(r'"[^"]*"', "", header)
    counts = {each: bare.count(each) for each in _DELIMITERS}
    most = max(counts.values())
    found = [each for each, count in counts.items() if count == most]
    if most and len(found) > 1:
        raise CaseError(
            f"it is unclear whether {' or '.join(_DELIMITERS[each] for each in found)} separate the columns of the header",
            location=location,
            hint='add a first line such as "sep=;", or use --delimiter',
        )
    return found[0] if most else ","


def _starts(source: str, delimiter: str) -> Iterator[int]:
    """Yield the offsets at which the cells of one record begin."""
    quoted, fresh = False, True
    yield 0
    for at, char in enumerate(source):
        if char == '"' and (quoted or fresh):
            quoted = not quoted
        elif char == delimiter and not quoted:
            yield at + 1
            fresh = True
            continue
        # A doubled quote closes and opens again.
        fresh = char == '"'


def header_names(names: list[str], location: Location) -> list[str]:
    """Return the names of the columns. Raises CaseError for one that is empty or appears twice."""
    for index, name in enumerate(names):
        if not name.strip():
            raise CaseError(f"column {index + 1} of the header has no name", location=location)
        if name in names[:index]:
            raise CaseError(f'the header names "{name}" twice', location=location)
    return names
