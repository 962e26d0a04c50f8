"""Files of rows: lines are counted as an editor counts them, whichever line ends a file has."""

from __future__ import annotations

import pytest

from runner.errors import EncodingError
from runner.files.rows import read_rows


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_csv_file_may_have_any_line_end(end):
    data = end.join([b"a,b", b'1,"two', b'lines"', b"3,4", b""])
    rows = list(read_rows(data, "rows.csv"))
    assert [(row.value, row.location.line) for row in rows] == [
        ({"a": "1", "b": "two\nlines"}, 2),
        ({"a": "3", "b": "4"}, 4),
    ]


def test_a_lone_carriage_return_in_a_row_begins_a_line_but_no_row():
    rows = list(read_rows(b'{"a":\r1}\n{"a": 2}\n', "rows.jsonl"))
    assert [(row.value["a"], row.location.line) for row in rows] == [(1, 1), (2, 3)]


def test_a_wrong_byte_is_told_with_the_line_an_editor_shows():
    with pytest.raises(EncodingError) as caught:
        list(read_rows(b'{"a": 1}\n{"a":\r\xff}\n', "rows.jsonl"))
    assert str(caught.value.location) == "rows.jsonl:3:1"
