"""Read files of rows: JSONL, CSV, tables, or a list in YAML or JSON; one row at a time, each with its place."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ..documents.documents import Document, parse_document
from ..documents.json_reader import parse_json
from ..documents.text import decode
from ..errors import CaseError, EncodingError, Location, MissingFileError, SyntaxFileError
from ..values import Json, JsonPath

if TYPE_CHECKING:
    from .csv_rows import CsvRow
    from .xlsx_rows import SheetRow

__all__ = ["ROW_FORMATS", "TABLE_FORMATS", "Row", "read_rows"]

TABLE_FORMATS = (".xlsx", ".parquet")
"""The extensions of tables, which are not text."""

ROW_FORMATS = (".jsonl", ".ndjson", ".csv", ".tsv", ".yaml", ".yml", ".json", *TABLE_FORMATS)
"""The extensions of files of rows."""

_BY_LINE = (".jsonl", ".ndjson", ".csv", ".tsv")
_MAX_LINE = 20 * 1024 * 1024


class Row(NamedTuple):
    """One row, or one entry of a prompt's `tests`.

    `label` is its name in messages ("row 3", "tests[0]"). Its parts are in `document` under the path `at`; without a
    document (CSV, XLSX), they are the cells of `text`, and every value is a string that is still to be read as the declared
    type. `nulls`: null means that there is no value (Parquet).
    """

    label: str
    value: Mapping[str, Json]
    location: Location
    document: Document | None = None
    at: JsonPath = ()
    text: CsvRow | SheetRow | None = None
    nulls: bool = False

    def locate(self, path: JsonPath, *, at_key: bool = False) -> Location:
        """Return the place of the part of the row at `path` or, with `at_key`, of its key."""
        if self.text is not None and path and not at_key and (place := self.text.place(str(path[0]))):
            return Location(self.location.path, *place)
        if self.document is None or not path:
            return self.location
        whole = (*self.at, *path)
        return self.document.locate_key(whole) if at_key else self.document.locate(whole)


def read_rows(
    source: bytes | Path, shown: str, *, delimiter: str | None = None, encoding: str | None = None
) -> Iterator[Row]:
    """Yield the rows of a file according to its extension; `shown` is its name in messages.

    If `source` is bytes, `shown` has the extension. JSONL and CSV are read line by line, so that a file of any size takes
    little memory; blank lines are skipped. The first line of a CSV file names the variables, and its cells are strings,
    separated by `delimiter` if it is given (see `read_csv`). YAML and JSON files contain a list of objects. The text is
    UTF-8 unless `encoding` says otherwise.

    Raises CaseError for an invalid row, SyntaxFileError and EncodingError for a file that cannot be parsed, and
    MissingFileError if `source` is a path that cannot be opened.
    """
    ending = Path(shown if isinstance(source, bytes) else source).suffix.lower()
    if ending not in ROW_FORMATS:
        raise CaseError(
            f'"{shown}" is not a file of rows',
            location=Location(shown),
            hint=f"one of {', '.join(ROW_FORMATS)}",
        )
    with closing(_open(source, shown)) as file:
        if ending == ".xlsx":
            yield from _of_sheet(file, shown)
            return
        if ending == ".parquet":
            from .parquet_rows import read_parquet

            for number, value in enumerate(read_parquet(file, shown), 1):
                yield Row(f"row {number}", value, Location(shown), nulls=True)
            return
        if ending not in _BY_LINE:
            data = file.read() if encoding is None else "".join(_decoded(file, shown, encoding)).encode()
            yield from _list(parse_document(data, shown))
            return
        lines = _lines(file, shown) if encoding is None else _numbered(_decoded(file, shown, encoding), shown)
        if ending in (".jsonl", ".ndjson"):
            yield from _jsonl(lines, shown)
        else:
            yield from _csv(lines, shown, delimiter or ("\t" if ending == ".tsv" else None))


def _open(source: bytes | Path, shown: str) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        return source.open("rb")
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise MissingFileError(f'"{shown}" cannot be read: {reason}', location=Location(shown)) from None


def _lines(file: BinaryIO, shown: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file, split at LF, with their numbers and line ends; a lone CR inside counts as a line end."""
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


def _decoded(file: BinaryIO, shown: str, encoding: str) -> Iterator[str]:
    """Yield the lines of a file that is not UTF-8, with one kind of line end."""
    number = 1
    with io.TextIOWrapper(file, encoding=_with_mark(encoding)) as text:
        mark = codecs.BOM_UTF8.decode(text.encoding, "replace").removeprefix("\ufeff")
        try:
            for line in text:
                if number == 1 and mark and line.startswith(mark):
                    raise EncodingError(
                        f"the file begins with the byte order mark of UTF-8, so it is not {encoding}",
                        location=Location(shown, number),
                        hint="leave out --encoding",
                    )
                if "\0" in line:
                    raise EncodingError(
                        "the text contains a NUL character",
                        location=Location(shown, number),
                        hint=_WRONG % encoding,
                    )
                number += 1
                yield line
        except UnicodeError as error:
            raise EncodingError(
                f"the file is not {encoding}: {getattr(error, 'reason', error)}",
                location=Location(shown, number),
                hint=_WRONG % encoding,
            ) from None


_WRONG = "is --encoding %s the right one?"


def _with_mark(encoding: str) -> str:
    """Return the variant of the encoding that drops a byte order mark."""
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding


def _numbered(lines: Iterator[str], shown: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, 1):
        if len(line) > _MAX_LINE:
            raise CaseError("the line is longer than 20 MiB", location=Location(shown, number))
        yield number, line


def _jsonl(lines: Iterator[tuple[int, str]], shown: str) -> Iterator[Row]:
    count = 0
    for number, text in lines:
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
            "a file of rows is a list of objects",
            location=document.locate(()),
            hint="begin each row with a dash",
        )
    for index, value in enumerate(document.value):
        yield _row(document, (index,), index + 1, value, document.locate((index,)))


def _row(document: Document, at: JsonPath, number: int, value: Json, location: Location) -> Row:
    label = f"row {number}"
    if not isinstance(value, dict):
        raise CaseError(
            f"{label} is not an object of variables",
            location=location,
            hint='a row is e.g. {"ticket": "..."}',
        )
    return Row(label, value, location, document, at)


def _csv(lines: Iterator[tuple[int, str]], shown: str, delimiter: str | None) -> Iterator[Row]:
    from .csv_rows import read_csv

    for number, row in enumerate(read_csv((text for _, text in lines), shown, delimiter), 1):
        yield Row(f"row {number}", row.cells, Location(shown, row.line), text=row)


def _of_sheet(file: BinaryIO, shown: str) -> Iterator[Row]:
    from .xlsx_rows import read_xlsx

    for number, row in enumerate(read_xlsx(file, shown), 1):
        yield Row(f"row {number}", row.cells, Location(shown, row.line), text=row)
