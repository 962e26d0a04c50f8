"""Read rows from XLSX workbooks (openpyxl) and Parquet files (pyarrow), which the extra `tables` installs.

The cells of a workbook are read as a CSV file's are: as text, in the type that `inputs` declares. The values of a
Parquet file have types of their own.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import itertools
import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

from ..errors import CaseError, FileError, Location
from ..extras import load_extra
from ..schema import show
from ..values import Json
from .csv_rows import header_names

if TYPE_CHECKING:
    from zipfile import ZipFile

    from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["SheetRow", "escape_cell", "read_parquet", "read_xlsx"]

_MAX_PART = 1 << 30
"""The largest part of a workbook, in bytes after decompression."""

_BATCH = 1_000
"""The rows of a Parquet file that are in memory at a time."""


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

    Numbers have their shortest spelling, dates that of ISO 8601, true and false that of JSON. Raises CaseError for a file
    that is not a workbook, several sheets with cells, a cell with an error, and a formula whose value is not stored.
    """
    openpyxl = load_extra("openpyxl", "tables", "an .xlsx file", Location(shown))
    try:
        formulas = _check_parts(data, shown)
        values = openpyxl.load_workbook(data, read_only=True, data_only=True)
        sheet = _sheet_of(values, shown)
        written = openpyxl.load_workbook(data, read_only=True)[sheet.title] if formulas else None
        yield from _sheet_rows(sheet, written, shown)
    except (FileError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - openpyxl raises whatever its parsers of XML and zip raise
        raise CaseError(
            f"the workbook cannot be read: {error or type(error).__name__}",
            location=Location(shown),
            hint="save it again, or as CSV",
        ) from None


def _check_parts(data: BinaryIO, shown: str) -> bool:
    """Refuse parts too large to be decompressed; return whether a sheet contains a formula."""
    import zipfile  # not needed for any other row, and slow to import

    try:
        with zipfile.ZipFile(data) as archive:
            for part in archive.infolist():
                if part.file_size > _MAX_PART:
                    raise CaseError(
                        f"the workbook's part {part.filename} has {part.file_size:,} bytes, more than {_MAX_PART:,}",
                        location=Location(shown),
                        hint="save it as CSV",
                    )
            sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
            return any(_has_formula(archive, name) for name in sheets)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise CaseError(
            f"this is not an XLSX workbook: {error}",
            location=Location(shown),
            hint="save it as .xlsx or .csv; the older .xls cannot be read",
        ) from None
    finally:
        data.seek(0)


def _has_formula(archive: ZipFile, name: str) -> bool:
    if name.endswith("/"):
        return False
    with archive.open(name) as part:
        rest = b""
        while chunk := part.read(1 << 20):
            if any(tag in rest + chunk for tag in (b"<f>", b"<f ", b"<f/", b":f>", b":f ")):
                return True
            rest = chunk[-3:]
    return False


def _sheet_of(workbook: Any, shown: str) -> Worksheet:
    filled = []
    for sheet in workbook.worksheets:
        sheet.reset_dimensions()  # programs write wrong ones, and openpyxl would cut the rows
        if any(cell is not None for row in sheet.iter_rows(values_only=True) for cell in row):
            filled.append(sheet)
    if len(filled) > 1:
        names = ", ".join(show(sheet.title) for sheet in filled)
        raise CaseError(
            f"several sheets of the workbook have cells: {names}",
            location=Location(shown),
            hint="save the sheet with the rows as a separate file",
        )
    if not filled:
        raise CaseError(
            "the header is missing", location=Location(shown, 1), hint="name the variables in the first row"
        )
    only: Worksheet = filled[0]
    return only


def _sheet_rows(sheet: Worksheet, written: Worksheet | None, shown: str) -> Iterator[SheetRow]:
    names: list[str] | None = None
    count = 0
    if written is not None:
        written.reset_dimensions()  # type: ignore[attr-defined]  # of read-only sheets, which have no type of their own
    formulas_of = itertools.repeat(()) if written is None else written.iter_rows()
    pairs = zip(sheet.iter_rows(), formulas_of, strict=False)
    for number, (cells, formulas) in enumerate(pairs, 1):
        texts = [_text(cell, Location(shown, number, at)) for at, cell in enumerate(cells, 1)]
        for at, formula in enumerate(formulas, 1):
            if formula.data_type == "f" and cells[at - 1].value is None:
                raise CaseError(
                    f"the value of the formula {show(str(formula.value))} is not stored in the file",
                    location=Location(shown, number, at),
                    hint="open the file in a spreadsheet program and save it, or save it as CSV",
                )
        while texts and not texts[-1]:
            texts.pop()
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


def _text(cell: Any, location: Location) -> str:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "e":
        raise CaseError(f"the cell contains the error {value}", location=location, hint="correct its formula")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), str(value))


# How a workbook writes characters that XML does not have (ECMA-376, ST_Xstring).
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_TO_ESCAPE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]|\r|_(?=x[0-9A-Fa-f]{4}_)")


def escape_cell(text: str) -> str:
    """Return a text as a cell of a workbook writes it; `read_xlsx` reverses that."""
    return _TO_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


def read_parquet(data: BinaryIO, shown: str) -> Iterator[Mapping[str, Json]]:
    """Yield the rows of a Parquet file as JSON values, a thousand in memory at a time.

    Times and dates are ISO 8601, durations seconds, decimals strings, bytes Base64. Raises CaseError for a file that is
    not Parquet and for NaN and infinities, which JSON does not have.
    """
    pyarrow = load_extra("pyarrow", "tables", "a .parquet file", Location(shown))
    parquet = load_extra("pyarrow.parquet", "tables", "a .parquet file", Location(shown))
    count = 0
    try:
        with parquet.ParquetFile(data) as file:
            header_names(list(file.schema_arrow.names), Location(shown))
            for batch in file.iter_batches(batch_size=_BATCH):
                for row in batch.to_pylist():
                    count += 1
                    yield {name: _json_of(value, (name,), count, shown) for name, value in row.items()}
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise CaseError(f"the file cannot be read as Parquet: {error}", location=Location(shown)) from None


def _json_of(value: Any, path: tuple[str, ...], row: int, shown: str) -> Json:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise CaseError(
            f"row {row}: {'.'.join(path)} is {value}, which JSON does not have",
            location=Location(shown),
            hint="write null for a missing value",
        )
    if isinstance(value, Mapping):
        return {str(name): _json_of(each, (*path, str(name)), row, shown) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_json_of(each, (*path, str(at)), row, shown) for at, each in enumerate(value)]
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise CaseError(
        f"row {row}: {'.'.join(path)} is of the type {type(value).__name__}, which has no JSON value",
        location=Location(shown),
    )
