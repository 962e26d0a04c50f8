"""Workbooks and Parquet files as rows."""

from __future__ import annotations

import datetime
import decimal
import io
import zipfile
from typing import Any

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import CaseError
from runner.files.rows import Row, read_rows


def workbook(*rows: list[Any], **sheets: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for name, others in sheets.items():
        sheet = book.create_sheet(name)
        for row in others:
            sheet.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def parquet(**columns: Any) -> bytes:
    data = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), data)
    return data.getvalue()


def rows_of(data: bytes, name: str) -> list[Row]:
    return list(read_rows(data, name))


def refusal(data: bytes, name: str) -> str:
    with pytest.raises(CaseError) as caught:
        rows_of(data, name)
    return f"{caught.value.location}: {caught.value.message}"


def test_the_cells_of_a_workbook_are_the_texts_that_csv_would_have() -> None:
    when = datetime.datetime(2026, 1, 2)
    data = workbook(
        ["text", "whole", "real", "flag", "day", "time", "blank"],
        ["a\nb", 3.0, 0.5, True, when, when.replace(hour=3), None],
    )
    (row,) = rows_of(data, "r.xlsx")
    assert row.value == {
        "text": "a\nb", "whole": "3", "real": "0.5", "flag": "true",
        "day": "2026-01-02", "time": "2026-01-02T03:00:00", "blank": "",
    }  # fmt: skip


def test_a_cell_is_located_by_the_row_and_column_of_the_sheet() -> None:
    _, second = rows_of(workbook(["a", "b"], ["1", "2"], [None], ["3", "4"]), "r.xlsx")
    assert str(second.location) == "r.xlsx:4"
    assert str(second.locate(("b",))) == "r.xlsx:4:2"


def test_a_short_row_has_empty_cells_and_sheets_without_cells_do_not_count() -> None:
    (row,) = rows_of(workbook(["a", "b"], ["1"], empty=[]), "r.xlsx")
    assert row.value == {"a": "1", "b": ""}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (workbook(["a"], ["=1+1"]), 'r.xlsx:2:1: the value of the formula "=1+1" is not stored in the file'),
        (workbook(["a"], ["#N/A"]), "r.xlsx:2:1: the cell contains the error #N/A"),
        (workbook(["a"], ["1", "2"]), "r.xlsx:2:2: row 1 has 2 cells, the header has 1"),
        (workbook(["a", "a"]), 'r.xlsx:1: the header names "a" twice'),
        (workbook(["a", None, "b"]), "r.xlsx:1: column 2 of the header has no name"),
        (workbook(), "r.xlsx:1: the header is missing"),
        (workbook(["a"], notes=[["x"]]), 'r.xlsx: several sheets of the workbook have cells: "Sheet", "notes"'),
        (b"PK\3\4", "r.xlsx: this is not an XLSX workbook: File is not a zip file"),
    ],
    ids=["formula", "error", "long row", "name twice", "no name", "empty", "sheets", "no zip"],
)  # fmt: skip
def test_what_cannot_be_read_from_a_workbook_without_guessing_is_refused(data: bytes, message: str) -> None:
    assert refusal(data, "r.xlsx") == message


def test_a_wrong_dimension_in_a_workbook_cuts_no_row() -> None:
    data = io.BytesIO(workbook(["a"], ["1"], ["2"]))
    cut = io.BytesIO()
    with zipfile.ZipFile(data) as old, zipfile.ZipFile(cut, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'ref="A1:A3"', b'ref="A1:A2"'))
    assert b'ref="A1:A2"' in zipfile.ZipFile(cut).read("xl/worksheets/sheet1.xml")
    assert [row.value["a"] for row in rows_of(cut.getvalue(), "r.xlsx")] == ["1", "2"]


def test_the_values_of_parquet_keep_their_types() -> None:
    data = parquet(
        n=[3], real=[0.5], flag=[True], text=["a"], parts=[["x", None]], deep=[{"b": 1}],
        when=[datetime.datetime(2026, 1, 2, 3)], exact=[decimal.Decimal("1.10")], raw=[b"\0"], none=[None],
    )  # fmt: skip
    (row,) = rows_of(data, "r.parquet")
    assert row.value == {
        "n": 3, "real": 0.5, "flag": True, "text": "a", "parts": ["x", None], "deep": {"b": 1},
        "when": "2026-01-02T03:00:00", "exact": "1.10", "raw": "AA==", "none": None,
    }  # fmt: skip


def test_what_json_does_not_have_is_refused_with_its_row() -> None:
    assert refusal(parquet(n=[1.0, float("nan")]), "r.parquet") == (
        "r.parquet: row 2: n is nan, which JSON does not have"
    )


@given(
    st.binary(max_size=200),
    st.sampled_from(["r.xlsx", "r.parquet"]),
    st.sampled_from([b"", b"PK\3\4", b"PAR1"]),
)
def test_any_bytes_are_rows_or_a_located_error(data: bytes, name: str, start: bytes) -> None:
    with pytest.raises(CaseError) as caught:
        rows_of(start + data, name)
    assert caught.value.location is not None
