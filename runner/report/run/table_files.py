"""Write results as an XLSX workbook (openpyxl) or a Parquet file (pyarrow), which need the extra `tables`."""

from __future__ import annotations

import re
from typing import Any, BinaryIO

from ...engine.columns import Columns, ColumnType
from ...engine.journal.record import Record
from ...errors import StorageError
from ...extras import load_extra
from ...files.xlsx_rows import escape_cell
from ..file_writer import TABLE_MARK
from ..terminal.figures import count
from .record_table import Cell, table_columns, table_row

__all__ = ["ParquetTable", "XlsxTable"]

_MAX_CELL = 32_767
"""The longest text of a cell in a workbook, in characters (Microsoft: Excel specifications and limits)."""
_MAX_ROWS = 1_048_576
"""The most rows of a sheet (the same source)."""

_MAX_DIGITS = 15
"""The most digits of a number in a sheet; a spreadsheet program replaces further ones with zeros (the same source)."""

_GROUP_ROWS = 10_000
_GROUP_TEXT = 32 * 1024 * 1024
"""Rows are written to a Parquet file once this many of them, or this many characters, are in memory."""


class XlsxTable:
    """Write records to one sheet of a workbook. Rows go to temporary files first; `end` builds the workbook from them.

    Text stays text, even if it begins with `=`. If a text is too long for a cell, only its length is written.
    An integer with too many digits for a sheet is written as text.
    """

    def __init__(self, file: BinaryIO, *, columns: Columns) -> None:
        self._cell = load_extra("openpyxl.cell", "tables", "an .xlsx file").WriteOnlyCell
        self._book = load_extra("openpyxl", "tables", "an .xlsx file").Workbook(write_only=True)
        self._sheet = self._book.create_sheet("results")
        self._sheet.freeze_panes = "A2"
        self._file = file
        self._columns = columns
        self._rows = 0
        self._append([name for name, _ in table_columns(columns)])

    def add(self, record: Record) -> None:
        """Add a row. Raises StorageError if the sheet is full."""
        if self._rows == _MAX_ROWS:
            raise StorageError(
                f"a sheet has at most {_MAX_ROWS:,} rows, and there are more results",
                hint="save them as .parquet or .csv",
            )
        self._append(table_row(record, self._columns))

    def _append(self, values: list[Any]) -> None:
        self._rows += 1
        self._sheet.append([self._value(value) for value in values])

    def _value(self, value: Any) -> Any:
        if isinstance(value, int) and abs(value) >= 10**_MAX_DIGITS:
            value = str(value)
        return self._text(value) if isinstance(value, str) else value

    def _text(self, value: str) -> Any:
        text = escape_cell(value)
        if len(text.encode("utf-16-le")) > 2 * _MAX_CELL:
            text = f"({count(len(value))} characters, too many for a cell: see results.jsonl)"
        cell = self._cell(self._sheet, text)
        cell.data_type = "s"  # never a formula
        return cell

    def end(self, *, complete: bool) -> None:
        """Write the workbook."""
        import zipfile

        writer = load_extra("openpyxl.writer.excel", "tables", "an .xlsx file").ExcelWriter
        # The archive must not seek, because the file is open for appending.
        with zipfile.ZipFile(_Forward(self._file), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.comment = TABLE_MARK
            writer(self._book, archive).write_data()


class ParquetTable:
    """Write records to a Parquet file in groups of rows, so that memory does not grow with their number.

    A value that does not have the type of its column is written as null; `output` and `vars` still contain it.
    """

    def __init__(self, file: BinaryIO, *, columns: Columns) -> None:
        self._arrow = load_extra("pyarrow", "tables", "a .parquet file")
        types = {
            "string": self._arrow.string(),
            "integer": self._arrow.int64(),
            "number": self._arrow.float64(),
            "boolean": self._arrow.bool_(),
        }
        self._table = table_columns(columns)
        mark = {"created_by": TABLE_MARK}
        self._schema = self._arrow.schema([(name, types[kind]) for name, kind in self._table], metadata=mark)
        self._writer = load_extra("pyarrow.parquet", "tables", "a .parquet file").ParquetWriter(
            _Forward(file), self._schema
        )
        self._columns = columns
        self._rows: list[list[Cell]] = []
        self._text = 0

    def add(self, record: Record) -> None:
        """Add a row."""
        row = table_row(record, self._columns)
        self._rows.append([_of_kind(value, kind) for value, (_, kind) in zip(row, self._table, strict=True)])
        self._text += sum(len(value) for value in row if isinstance(value, str))
        if len(self._rows) >= _GROUP_ROWS or self._text >= _GROUP_TEXT:
            self._flush()

    def _flush(self) -> None:
        columns = zip(*self._rows, strict=True)
        arrays = [
            self._arrow.array(values, field.type) for values, field in zip(columns, self._schema, strict=True)
        ]
        self._writer.write_batch(self._arrow.record_batch(arrays, schema=self._schema))
        self._rows, self._text = [], 0

    def end(self, *, complete: bool) -> None:
        """Write the last group of rows and the file's footer."""
        if self._rows:
            self._flush()
        self._writer.close()


def _of_kind(value: Cell, kind: ColumnType) -> Cell:
    if kind == "string":
        text = None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        return None if text is None else _HALF.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value if isinstance(value, bool) and kind == "boolean" else None
    if kind == "number":
        return float(value)
    is_whole = kind == "integer" and (isinstance(value, int) or value.is_integer())
    return int(value) if is_whole and abs(value) < 2**63 else None


_HALF = re.compile("[\ud800-\udfff]")
"""A lone surrogate, which UTF-8 cannot encode."""


class _Forward:
    """A write-only stream without `seek`, so that no library goes back to change what it has written."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = 0

    def write(self, data: Any) -> int:
        """Append the bytes."""
        self._file.write(data)
        size = memoryview(data).nbytes
        self._at += size
        return size

    def tell(self) -> int:
        """Return the number of bytes written."""
        return self._at

    def flush(self) -> None:
        """Do nothing: the file's owner flushes and closes it."""

    def close(self) -> None:
        """Leave the file open: its owner closes it."""

    def seekable(self) -> bool:
        """Return False."""
        return False

    def readable(self) -> bool:
        """Return False."""
        return False

    def writable(self) -> bool:
        """Return True."""
        return True
