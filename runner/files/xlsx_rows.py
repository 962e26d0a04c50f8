"""Read the rows of XLSX workbooks; openpyxl (extra `tables`) determines which numbers are dates.

The cells are read like those of a CSV file: as text, which is converted to the type that `inputs` declares.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from ..errors import CaseError, Location
from ..extras import load_extra
from ..schema import show
from .csv_rows import MAX_CELL, header_names
from .xlsx_package import MAX_PART, open_workbook, read_part

if TYPE_CHECKING:
    from .xlsx_package import Sheet, Workbook

__all__ = ["SheetRow", "escape_cell", "read_xlsx"]

_MAX_ROWS, _MAX_COLUMNS = 1 << 20, 1 << 14
"""The most rows and columns of a worksheet in spreadsheet programs."""


class SheetRow:
    """One row of a worksheet: its cells by column, and the number of the row in the sheet, from 1."""

    __slots__ = ("cells", "line")

    def __init__(self, cells: dict[str, str], line: int) -> None:
        self.cells, self.line = cells, line

    def place(self, name: str) -> tuple[int, int] | None:
        """Return the row and the column of a cell in the sheet, from 1; None if there is no such column."""
        return (self.line, list(self.cells).index(name) + 1) if name in self.cells else None


def read_xlsx(data: BinaryIO, shown: str) -> Iterator[SheetRow]:
    """Yield the rows of a workbook's only sheet with cells, below the header; empty rows are skipped.

    Numbers are written in their shortest form, dates in ISO 8601, and booleans as in JSON. Raises CaseError for a file that
    is not a workbook, several sheets with cells, a cell with an error, a formula whose value is not stored, and anything
    that spreadsheet programs never write, because another reader could find other rows in it.
    """
    load_extra("openpyxl", "tables", "an .xlsx file", Location(shown))
    workbook = open_workbook(data, shown)
    values = _Values(workbook)
    names: list[str] | None = None
    count = 0
    for number, cells in _rows(workbook, _sheet_of(workbook, values), values):
        texts = _texts(cells)
        if not texts:
            continue
        if names is None:
            names = header_names(texts, Location(shown, number))
            continue
        count += 1
        if len(texts) > len(names):
            raise CaseError(
                f"row {count} has {len(texts)} cells, the header has {len(names)}",
                location=Location(shown, number, len(names) + 1),
                hint="name each column in the first row",
            )
        texts += [""] * (len(names) - len(texts))
        yield SheetRow(dict(zip(names, texts, strict=True)), number)


def _sheet_of(workbook: Workbook, values: _Values) -> Sheet:
    filled = [
        sheet
        for sheet in workbook.sheets
        if any(any(cells.values()) for _, cells in _rows(workbook, sheet, values))
    ]
    if len(filled) > 1:
        names = ", ".join(show(sheet.name) for sheet in filled)
        raise CaseError(
            f"several sheets of the workbook have cells: {names}",
            location=Location(workbook.shown),
            hint="save the sheet with the rows as a separate file",
        )
    if not filled:
        raise CaseError(
            "the header is missing",
            location=Location(workbook.shown, 1),
            hint="name the variables in the first row",
        )
    return filled[0]


def _texts(cells: Mapping[int, str]) -> list[str]:
    """Return the texts of a row up to the last that is not empty."""
    last = max((column for column, text in cells.items() if text), default=0)
    return [cells.get(column, "") for column in range(1, last + 1)]


def _rows(workbook: Workbook, sheet: Sheet, values: _Values) -> Iterator[tuple[int, dict[int, str]]]:
    reader = _SheetReader(workbook.shown, values, workbook.most_text)
    for _ in read_part(workbook.archive, sheet.part, workbook.shown, reader.begin, reader.end, reader.text):
        yield from reader.rows
        reader.rows.clear()


_ROW = ["worksheet", "sheetData", "row"]
_CELL = [*_ROW, "c"]
_COORDINATE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")


class _SheetReader:
    """Collects the rows of a worksheet from the events of its parser; `rows` has those that are complete."""

    def __init__(self, shown: str, values: _Values, most_text: int) -> None:
        self.rows: list[tuple[int, dict[int, str]]] = []
        self._shown, self._values, self._left = shown, values, most_text
        self._row = self._column = self._size = 0
        self._cells: dict[int, str] = {}
        self._kind = self._style = ""
        self._parts: dict[str, list[str]] = {}
        self._into: list[str] | None = None

    def begin(self, path: Sequence[str], attributes: Mapping[str, str]) -> None:
        if path == _ROW:
            self._begin_row(attributes)
        elif path == _CELL:
            self._begin_cell(attributes)
        elif path[:4] == _CELL and path[4:] in (["v"], ["f"], ["is", "t"], ["is", "r", "t"]):
            self._into = self._parts.setdefault(path[4], [])

    def end(self, path: Sequence[str]) -> None:
        self._into = None
        if path == _CELL:
            self._end_cell()
        elif path == _ROW:
            self.rows.append((self._row, self._cells))

    def text(self, text: str) -> None:
        if self._into is not None:
            self._into.append(text)
            self._count(text)

    def _count(self, text: str) -> None:
        self._size += len(text)
        self._left -= len(text)
        if self._size > MAX_CELL:
            raise self._refusal("the row is longer than 20 MiB")
        if self._left < 0:
            raise self._refusal(
                "the rows up to here have far more text than the file, because cells share their strings"
            )

    def _begin_row(self, attributes: Mapping[str, str]) -> None:
        before, self._row = self._row, self._row + 1
        if (given := attributes.get("r")) is not None:
            self._row = int(given) if given.isascii() and given.isdigit() and len(given) < 8 else 0
        if not before < self._row <= _MAX_ROWS:
            self._row = before
            raise self._refusal(
                f"this row is followed by a row with the number {show(given or str(before + 1))}"
            )
        self._column = self._size = 0
        self._cells = {}

    def _begin_cell(self, attributes: Mapping[str, str]) -> None:
        before, self._column = self._column, self._column + 1
        if (given := attributes.get("r")) is not None:
            found = _COORDINATE.fullmatch(given)
            self._column = _column(found[1]) if found and int(found[2]) == self._row else 0
        if not before < self._column <= _MAX_COLUMNS:
            self._column = before
            raise self._refusal(
                f"this cell is followed by a cell with the reference {show(given or str(before + 1))}"
            )
        self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "0")
        self._parts = {}

    def _end_cell(self) -> None:
        parts = {name: "".join(texts) for name, texts in self._parts.items()}
        stored = parts.get("is" if self._kind == "inlineStr" else "v")
        if "f" in parts and not stored and not (self._kind == "str" and stored is not None):
            formula = show("=" + parts["f"]) if parts["f"] else "of this cell"
            raise self._refusal(
                f"the value of the formula {formula} is not stored in the file",
                "open the file in a spreadsheet program and save it, or save it as CSV",
            )
        if stored:
            try:
                text = self._cells[self._column] = self._values.text(self._kind, self._style, stored)
            except _ErrorValue:
                raise self._refusal(f"the cell contains the error {stored}", "correct its formula") from None
            except (ValueError, OverflowError, IndexError):
                what = f"{show(stored)} is not a valid value for a cell of type {show(self._kind)}"
                raise self._refusal(what) from None
            self._count(text)

    def _refusal(self, message: str, hint: str = "save it again, or as CSV") -> CaseError:
        location = Location(self._shown, self._row or None, self._column or None if self._row else None)
        return CaseError(message, location=location, hint=hint)


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


class _ErrorValue(Exception):
    """The cell contains an error such as #N/A."""


class _Values:
    """Convert the stored values of cells to text, with the workbook's shared strings and date formats."""

    def __init__(self, workbook: Workbook) -> None:
        from openpyxl.utils import datetime as dates  # slow to import, and an extra

        self._epoch = dates.MAC_EPOCH if workbook.since_1904 else dates.WINDOWS_EPOCH
        self._dates = dates
        self._strings = _shared_strings(workbook)
        self._formats = _date_formats(workbook)

    def text(self, kind: str, style: str, stored: str) -> str:
        """Return the text of a stored value. Raises ValueError, OverflowError or IndexError for an invalid value."""
        match kind:
            case "s":
                return self._strings[_natural(stored)]
            case "str" | "inlineStr":
                return _unescaped(stored)
            case "b":
                return {"0": "false", "1": "true", "false": "false", "true": "true"}.get(stored) or _bad(
                    stored
                )
            case "e":
                raise _ErrorValue
            case "d":
                return _spelt(self._dates.from_ISO8601(stored))  # type: ignore[no-untyped-call]
            case "n":
                return _spelt(self._number(stored, _natural(style)))
        return _bad(stored)

    def _number(self, stored: str, style: int) -> Any:
        number = int(stored) if re.fullmatch(r"[+-]?[0-9]+", stored) else float(stored)
        if not math.isfinite(number):
            return _bad(stored)
        if style in self._formats:
            return self._dates.from_excel(number, self._epoch, timedelta=self._formats[style])
        return number


def _bad(stored: str) -> str:
    raise ValueError(stored)


def _natural(stored: str) -> int:
    return int(stored) if re.fullmatch("[0-9]{1,9}", stored) else int(_bad(stored))


def _spelt(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def _shared_strings(workbook: Workbook) -> Sequence[str]:
    strings: list[str] = []
    if workbook.strings is None:
        return strings
    collected: list[str] = []
    inside = False

    def begin(path: Sequence[str], _: Mapping[str, str]) -> None:
        nonlocal inside
        inside = path[1:] in (["si", "t"], ["si", "r", "t"])

    def end(path: Sequence[str]) -> None:
        nonlocal inside
        inside = False
        if path[1:] == ["si"]:
            strings.append(_unescaped("".join(collected)))
            collected.clear()

    def text(text: str) -> None:
        if inside:
            collected.append(text)

    for _ in read_part(
        workbook.archive, workbook.strings, workbook.shown, begin, end, text, most=MAX_PART["strings"]
    ):
        pass
    return strings


def _date_formats(workbook: Workbook) -> Mapping[int, bool]:
    """Return the cell styles that show a number as a date or time; True for those that show a duration."""
    from openpyxl.styles import numbers  # slow to import, and an extra

    if workbook.styles is None:
        return {}
    custom: dict[str, str] = {}
    used: list[str] = []

    def begin(path: Sequence[str], attributes: Mapping[str, str]) -> None:
        if path[1:] == ["numFmts", "numFmt"]:
            custom[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif path[1:] == ["cellXfs", "xf"]:
            used.append(attributes.get("numFmtId", "0"))

    for _ in read_part(
        workbook.archive, workbook.styles, workbook.shown, begin, most=MAX_PART["description"]
    ):
        pass
    builtin = {str(number): code for number, code in numbers.BUILTIN_FORMATS.items()}
    codes = builtin | custom
    return {
        style: numbers.is_timedelta_format(codes.get(identifier, ""))
        for style, identifier in enumerate(used)
        if numbers.is_date_format(codes.get(identifier, ""))
    }


# How a workbook encodes characters that XML does not allow (ECMA-376, ST_Xstring).
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_TO_ESCAPE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]|\r|_(?=x[0-9A-Fa-f]{4}_)")


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def escape_cell(text: str) -> str:
    """Encode a text for a cell of a workbook; `read_xlsx` decodes it."""
    return _TO_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
