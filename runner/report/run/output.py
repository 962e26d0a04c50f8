"""`--output FILE`: write the records to a file as they arrive, in constant memory."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ...engine.columns import Columns
from ...engine.journal.record import Record, json_line
from ...errors import UsageError
from ..file_writer import FileWriter, Format
from .junit import JUnitFormat
from .record_table import Cell, table_columns, table_row
from .table_files import ParquetTable, XlsxTable

__all__ = ["OutputWriter"]


class OutputWriter(FileWriter[Record]):
    """Writes the records of a run as .jsonl, .json, .csv, .xlsx, .parquet or .xml (JUnit).

    A table (see `table_columns`) has a column for each of `columns`; with `bom`, a .csv file begins with a byte order
    mark, by which Excel recognises UTF-8. Raises UsageError for `bom` with another format and for a table without the
    extra `tables`; otherwise like FileWriter.
    """

    def __init__(
        self, path: str | Path, columns: Columns | None = None, *, bom: bool = False, force: bool = False
    ) -> None:
        if bom and Path(path).suffix.lower() != ".csv":
            raise UsageError(f'--bom is only for .csv files, but --output is "{path}".')
        columns = columns or Columns()
        formats: Mapping[str, Callable[[BinaryIO], Format[Record]]] = {
            ".jsonl": _JsonLines,
            ".json": _JsonArray,
            ".csv": partial(_Csv, columns=columns, bom=bom),
            ".xlsx": partial(XlsxTable, columns=columns),
            ".parquet": partial(ParquetTable, columns=columns),
            ".xml": JUnitFormat,
        }
        super().__init__(path, formats, force=force)


class _JsonLines:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, record: Record) -> None:
        self._file.write(json_line(record).encode() + b"\n")
        self._file.flush()

    def end(self, *, complete: bool) -> None:
        """Write nothing: a shorter file is valid."""


class _JsonArray:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._before = b"[\n"

    def add(self, record: Record) -> None:
        self._file.write(self._before + json_line(record).encode())
        self._before = b",\n"

    def end(self, *, complete: bool) -> None:
        self._file.write(b"[]\n" if self._before == b"[\n" else b"\n]\n")


class _Csv:
    """CSV by RFC 4180 with a header line, in UTF-8.

    Cells that begin with `=`, `+`, `-` or `@` are not changed, because a measuring tool does not alter its data. A
    spreadsheet may treat them as formulas, so import the columns of an untrusted file as text.
    """

    def __init__(self, file: BinaryIO, *, columns: Columns, bom: bool) -> None:
        self._file = file
        self._columns = columns
        if bom:
            file.write(codecs.BOM_UTF8)
        self._rows = csv.writer(self)
        self._rows.writerow(name for name, _ in table_columns(columns))

    def add(self, record: Record) -> None:
        self._rows.writerow(map(_cell, table_row(record, self._columns)))

    def end(self, *, complete: bool) -> None:
        """Write nothing."""

    def write(self, line: str) -> None:
        # A lone surrogate, which UTF-8 cannot encode, becomes an escape.
        self._file.write(line.encode("utf-8", "backslashreplace"))


def _cell(value: Cell) -> Cell:
    return str(value).lower() if isinstance(value, bool) else value
