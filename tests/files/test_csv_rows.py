"""CSV as spreadsheets and programs write it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.files.cases import cases_of
from runner.files.csv_rows import read_csv
from runner.files.rows import read_rows

from .test_cases import prompt, refusal, rows

TYPED = "inputs: {ticket: {type: string}, n: {type: integer, default: 1}, b: {type: boolean, default: false}, m: {type: number, default: 0}}\n"


def variables(name: str, text: str, inputs: str = TYPED) -> list[dict[str, object]]:
    return [dict(case.vars) for case in rows(name, text, inputs=inputs)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.csv", "ticket,n,b\nx,3,TRUE\n"),
        ("r.csv", "ticket;n;b\nx;3;True\n"),
        ("r.csv", "ticket\tn\tb\nx\t3.0\ttrue\n"),
        ("r.tsv", "ticket\tn\tb\nx\t3.00\ttrue\n"),
        ("r.csv", "sep=;\nticket;n;b\nx;3;TRUE\n"),
        ("r.csv", '"sep=|"\r\nticket|n|b\r\nx|3|TRUE\r\n'),
        ("r.csv", '"ticket";"n";"b"\n"x";"3";"TRUE"\n'),
        ("r.csv", "\nticket;n;b\n\nx;3e0;TRUE\n"),
        ("r.ndjson", '{"ticket": "x", "n": 3, "b": true}\n'),
    ],
)
def test_spreadsheets_are_read_as_they_come(name: str, text: str) -> None:
    (case,) = variables(name, text)
    assert case == {"ticket": "x", "n": 3, "b": True, "m": 0}
    assert type(case["n"]) is int


def test_a_blank_cell_of_a_type_that_is_no_text_is_the_default() -> None:
    assert variables("r.csv", "ticket,n,b,m\n,,,\n") == [{"ticket": "", "n": 1, "b": False, "m": 0}]


def test_a_blank_cell_of_what_has_no_default_is_an_error() -> None:
    inputs = "inputs: {ticket: {type: string}, n: {type: integer}}\n"
    assert refusal("r.csv", "ticket,n\nx,\n", inputs=inputs) == [
        'r.csv:2: row 1: the variable "n" is missing (give it a value, or a default under inputs)'
    ]


@pytest.mark.parametrize("text", ["TRUE", "3.0", " x ", "", "007", "1E5", "=1+1"])
def test_text_stays_text_exactly(text: str) -> None:
    assert variables("r.csv", f'ticket,n\n"{text}",1\n')[0]["ticket"] == text


@pytest.mark.parametrize(
    ("cell", "column"),
    [("3.5", "n"), ("1e400", "n"), ("yes", "b"), ("1", "b"), ("1,5", "m"), ("nan", "m"), (" 3", "n")],
)
def test_what_cannot_be_the_declared_type_is_an_error_at_its_cell(cell: str, column: str) -> None:
    (told,) = refusal("r.csv", f'ticket;{column}\n"a\nb;";{cell}\n', inputs=TYPED)
    assert told.startswith(f"r.csv:3:5: row 1: {column}: expected ")


def test_a_value_beyond_its_schema_is_an_error_at_its_cell() -> None:
    inputs = "inputs: {ticket: {type: string}, n: {type: integer, maximum: 5}}\n"
    assert refusal("r.csv", "ticket,n\nx,9\n", inputs=inputs)[0].startswith("r.csv:2:3: row 1: n: ")


def test_a_cell_may_be_as_long_as_a_line() -> None:
    long = "y" * 1_000_000
    assert variables("r.csv", f"ticket\n{long}\n", inputs="")[0] == {"ticket": long}


def test_a_cell_beyond_that_is_told_its_limit() -> None:
    long = "\n".join(["y" * 1_000_000] * 22)
    with pytest.raises(Exception, match="field larger") as caught:
        list(read_rows(f'q\n"{long}"\n'.encode(), "r.csv"))
    assert "20 MiB" in str(caught.value)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("cp1252", "größe €"), ("utf-16", "größe שלום 🎉"), ("utf-8", "größe"), ("shift_jis", "日本")],
)
@pytest.mark.parametrize("name", ["r.csv", "r.jsonl", "r.json"])
def test_another_encoding_is_read_where_it_is_named(name: str, encoding: str, text: str) -> None:
    content = {
        "r.csv": f"q\r\n{text}\r\n",
        "r.jsonl": f'{{"q": "{text}"}}\n',
        "r.json": f'[{{"q": "{text}"}}]',
    }[name]
    (row,) = read_rows(content.encode(encoding), name, encoding=encoding)
    assert row.value == {"q": text}


def test_a_wrong_encoding_is_told_with_its_line() -> None:
    with pytest.raises(Exception, match=r"r\.csv:.*the file is not ascii"):
        list(read_rows("q\nä\n".encode(), "r.csv", encoding="ascii"))


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=20)


@given(st.sampled_from(",;\t|"), st.lists(st.lists(TEXTS, min_size=3, max_size=3), max_size=5))
def test_what_a_program_writes_is_read_back_with_the_place_of_each_cell(
    delimiter: str, table: list[list[str]]
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(["a", "b", "c"])
    writer.writerows(table)
    text = out.getvalue()
    found = (
        list(read_csv(text.splitlines(keepends=True) if "\n" in text else [text], "r.csv", delimiter))
        if plain(text)
        else None
    )
    if found is None:
        return
    assert [list(row.cells.values()) for row in found] == table
    lines = text.split("\n")
    for row in found:
        for name, cell in row.cells.items():
            line, column = row.place(name) or (0, 0)
            rest = lines[line - 1][column - 1 :]
            assert rest.startswith((cell.split("\n")[0], '"'))


def plain(text: str) -> bool:
    """Whether Python splits it where CSV does."""
    return text.splitlines() == text.removesuffix("\n").split("\n")


def test_a_row_of_csv_may_have_the_columns_of_a_case() -> None:
    text = 'id,vars,assert,tags,outcome\nrow-1,"{""ticket"": ""a""}","[{""type"": ""equals"", ""value"": ""b""}]",,\n,"{""ticket"": ""c""}",,"[""x""]",refused\n'
    first, second = rows("r.csv", text, inputs="")
    assert (first.id, first.vars, first.asserts[0].spec["value"]) == ("row-1", {"ticket": "a"}, "b")
    assert (second.vars, second.tags, second.outcome, second.asserts) == (
        {"ticket": "c"},
        ("x",),
        "refused",
        (),
    )
    assert second.id.startswith("case-")


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl"])
def test_a_column_names_the_cases(name: str) -> None:
    text = (
        "no,ticket\nT-17,a\nT-18,b\n"
        if name == "r.csv"
        else '{"no": "T-17", "ticket": "a"}\n{"no": 18, "ticket": "b"}\n'
    )
    loaded = prompt(f"tests: [{{file: {name}, id: no}}]\n", **{name: text})
    cases = list(cases_of(loaded))
    assert [case.id for case in cases] == (["t-17", "t-18"] if name == "r.csv" else ["t-17", "18"])
    assert "no" not in cases[0].vars


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no,ticket\nT 17,a\n", "r.csv:2:1: row 1: no: "),
        ("no,ticket\n,a\n", "r.csv:2:1: row 1: no: "),
        ("nr,ticket\nx,a\n", 'r.csv:2: row 1: there is no id column "no"'),
        ("no,ticket\nA,a\na,b\n", 'r.csv:3: row 2: the id "a" is already used at r.csv:2'),
    ],
)
def test_an_id_that_is_none_is_an_error_at_its_cell(text: str, told: str) -> None:
    with pytest.raises(Exception, match=r"r\.csv") as caught:
        list(cases_of(prompt("tests: [{file: r.csv, id: no}]\n", **{"r.csv": text})))
    assert str(caught.value).startswith(told)
