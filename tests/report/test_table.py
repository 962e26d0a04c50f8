from __future__ import annotations

import pytest

from runner.report.terminal.table import format_table
from runner.report.terminal.terminal_text import cell_width

HEADERS = ["run", "cases", "model"]
ROWS = [["20260714-a", "7", "gpt-4o"], ["重要", "1,200", "smollm2-135m-instruct"]]


def test_columns_line_up_with_figures_to_the_right() -> None:
    assert format_table(HEADERS, ROWS, right=["cases"]).splitlines() == [
        "run         cases  model",
        "20260714-a      7  gpt-4o",
        "重要        1,200  smollm2-135m-instruct",
    ]


def test_without_a_width_nothing_is_cut() -> None:
    assert "x" * 500 in format_table(["name"], [["x" * 500]])


def test_the_widest_column_gives_way_to_the_terminal() -> None:
    lines = format_table(["id", "text"], [["a", "x" * 500]], width=30).splitlines()
    assert [cell_width(line) for line in lines] == [8, 30]
    assert lines[1].startswith("a   xxx")
    assert lines[1].endswith("…")


def test_a_cell_cannot_break_its_row() -> None:
    assert format_table(["name"], [["two\nlines\x1b[2J"]]).splitlines()[1:] == [r"two lines\x1b[2J"]


def test_a_row_of_another_length_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="shorter"):
        format_table(["a", "b"], [["only one"]])


def test_no_rows_leave_the_headers() -> None:
    assert format_table(["a", "b"], []) == "a  b"
