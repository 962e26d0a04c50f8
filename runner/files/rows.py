"""Files of rows: JSONL, CSV, or a list in YAML or JSON. One row at a time, each knowing where it stands."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..errors import CaseError, EncodingError, Location, MissingFileError, SyntaxFileError
from ..values import Json, JsonPath
from .documents import Document, parse_document
from .json_reader import parse_json
from .text import decode

__all__ = ["ROW_FORMATS", "Row", "read_rows"]

ROW_FORMATS = (".jsonl", ".csv", ".yaml", ".yml", ".json")
"""The endings of files of rows."""

_MAX_LINE = 20 * 1024 * 1024


class Row(NamedTuple):
    """One row, or one entry of a prompt's `tests`.

    `label` is how messages call it ("row 3", "tests[0]"). Its parts stand in `document` under the path `at`; where
    there is no document (CSV), `location` is all that is known. In a row of `text` every value is a string that is
    still to be read as the declared type.
    """

    label: str
    value: Mapping[str, Json]
    location: Location
    document: Document | None = None
    at: JsonPath = ()
    text: bool = False

    def locate(self, path: JsonPath, *, at_key: bool = False) -> Location:
        """Where the part of the row at `path` stands, or with `at_key` its key."""
        if self.document is None or not path:
            return self.location
        whole = (*self.at, *path)
        return self.document.locate_key(whole) if at_key else self.document.locate(whole)


def read_rows(source: bytes | Path, shown: str) -> Iterator[Row]:
    """The rows of a file, by its ending; `shown` is its name in messages.

    JSONL and CSV are read line by line, so that a file of any size takes little memory. Blank lines are no rows. The
    first line of a CSV file (RFC 4180, comma) names the variables, and its cells are strings. YAML and JSON files
    hold a list of mappings.

    Raises CaseError for what is no row, SyntaxFileError and EncodingError for what cannot be read at all,
    MissingFileError when `source` is a path that cannot be opened.
    """
    ending = Path(shown).suffix.lower()
    if ending not in ROW_FORMATS:
        raise CaseError(
            f'"{shown}" is not a file of rows',
            location=Location(shown),
            hint=f"one of {', '.join(ROW_FORMATS)}",
        )
    with closing(_open(source, shown)) as file:
        if ending == ".jsonl":
            yield from _jsonl(file, shown)
        elif ending == ".csv":
            yield from _csv(file, shown)
        else:
            yield from _list(parse_document(file.read(), shown))


def _open(source: bytes | Path, shown: str) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        return source.open("rb")
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise MissingFileError(f'"{shown}" cannot be read: {reason}', location=Location(shown)) from None


def _lines(file: BinaryIO, shown: str) -> Iterator[tuple[int, str]]:
    """What stands between two LF, with its line end and the number of its line; a lone CR in it begins a line as well."""
    number = 1
    while data := file.readline(_MAX_LINE + 1):
        if len(data) > _MAX_LINE:
            raise CaseError("the line is longer than 20 MiB", location=Location(shown, number))
        try:
            text = decode(data, shown)
        except EncodingError as error:
            line, column = (error.location.line, error.location.column) if error.location else (None, None)
            raise EncodingError(
                error.message, location=Location(shown, number + (line or 1) - 1, column), hint=error.hint
            ) from None
        yield number, text
        number += text.count("\n")


def _jsonl(file: BinaryIO, shown: str) -> Iterator[Row]:
    count = 0
    for number, text in _lines(file, shown):
        if text.strip(" \t\n"):
            count += 1
            try:
                document = parse_json(text.removesuffix("\n"), shown, first_line=number)
            except SyntaxFileError as error:
                assert error.location is not None
                raise CaseError(
                    f"row {count}: {error.message}", location=error.location, hint=error.hint
                ) from None
            yield _row(document, (), count, document.value, Location(shown, number, 1))


def _list(document: Document) -> Iterator[Row]:
    if not isinstance(document.value, list):
        raise CaseError(
            "a file of rows is a list of mappings",
            location=document.locate(()),
            hint="begin each row with a dash",
        )
    for index, value in enumerate(document.value):
        yield _row(document, (index,), index + 1, value, document.locate((index,)))


def _row(document: Document, at: JsonPath, number: int, value: Json, location: Location) -> Row:
    label = f"row {number}"
    if not isinstance(value, dict):
        raise CaseError(
            f"{label} is not a mapping of variables",
            location=location,
            hint='a row is e.g. {"ticket": "..."}',
        )
    return Row(label, value, location, document, at)


def _csv(file: BinaryIO, shown: str) -> Iterator[Row]:
    lines = (line for _, text in _lines(file, shown) for line in io.StringIO(text, newline="\n"))
    reader = csv.reader(lines, strict=True)
    names: list[str] | None = None
    count = 0
    while True:
        line = reader.line_num + 1
        label = f"row {count + 1}" if names is not None else "the header"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise CaseError(
                f"{label} is not CSV: {error}",
                location=Location(shown, line),
                hint='write a " inside quotes twice',
            ) from None
        if cells is None:
            break
        if not cells:
            continue
        if names is None:
            names = _header(cells, Location(shown, line))
            continue
        count += 1
        if len(cells) != len(names):
            raise CaseError(
                f"{label} has {len(cells)} {'cell' if len(cells) == 1 else 'cells'}, the header has {len(names)}",
                location=Location(shown, line),
                hint='put cells that hold a comma or a line break in quotes: "a, b"',
            )
        yield Row(label, dict(zip(names, cells, strict=True)), Location(shown, line), text=True)
    if names is None:
        raise CaseError(
            "the header is missing", location=Location(shown, 1), hint="name the variables in the first line"
        )


def _header(names: list[str], location: Location) -> list[str]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if not name.strip():
            raise CaseError(f"column {index + 1} of the header has no name", location=location)
        if name in seen:
            raise CaseError(f'the header names "{name}" twice', location=location)
        if len(names) == 1 and (";" in name or "\t" in name):
            raise CaseError(
                "the columns are not separated by commas", location=location, hint="save it with commas"
            )
        seen.add(name)
    return names
