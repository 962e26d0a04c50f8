"""`--output` as a workbook or as Parquet, and `--force`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet
import pytest

from runner.files.rows import read_rows
from tests.faults import FaultServer, completion

from .asking import run
from .project import ProjectFolder

TRIAGE = """
name: triage
model: gpt-test
inputs: {ticket: {type: string}, level: {type: integer, default: 1}, tags: {type: array, default: []}}
messages: [{role: user, content: "{{ ticket }} {{ level }} {{ tags }}"}]
response_format:
  type: json_schema
  json_schema:
    name: ticket
    schema:
      type: object
      properties: {category: {type: string}, score: {type: [number, "null"]}, urgent: {type: boolean}}
"""
ANSWER = {"category": "=1+1", "score": 2, "urgent": True}


@pytest.fixture
def triage(asked: ProjectFolder, server: FaultServer) -> ProjectFolder:
    asked.write("t.prompt.yaml", TRIAGE)
    asked.write(
        "rows.jsonl", '{"ticket": "one", "tags": ["a"], "label": "x"}\n{"ticket": "two", "level": 3}\n'
    )
    server.play(completion(json.dumps(ANSWER)))
    return asked


def bulk(project: ProjectFolder, output: str, *more: str) -> int:
    done = run(project, "t.prompt.yaml", "--input", "rows.jsonl", "--output", output, "--in-order", *more)
    return done.code


def sheet(path: Path) -> list[dict[str, Any]]:
    book = openpyxl.load_workbook(path)
    names, *rows = book.active.iter_rows()
    return [dict(zip((cell.value for cell in names), row, strict=True)) for row in rows]


def test_a_workbook_has_a_row_for_each_result_and_texts_are_never_formulas(triage: ProjectFolder) -> None:
    assert bulk(triage, "out.xlsx") == 0
    first, second = sheet(triage.folder / "out.xlsx")
    assert (first["output.category"].value, first["output.category"].data_type) == ("=1+1", "s")
    assert (first["output.score"].value, first["output.urgent"].value) == (2, True)
    assert (first["vars.tags"].value, second["vars.level"].value) == ('["a"]', 3)
    assert (first["row.label"].value, second["row.label"].value) == ("x", None)


def test_what_a_cell_cannot_hold_is_said_in_it(triage: ProjectFolder, server: FaultServer) -> None:
    server.play(completion(json.dumps({"category": "x" * 40_000})))
    bulk(triage, "out.xlsx")
    assert sheet(triage.folder / "out.xlsx")[0]["output.category"].value == (
        "(40,000 characters, too many for a cell: see results.jsonl)"
    )


@pytest.mark.parametrize("number", [10**14, 10**15, -(2**53) - 1, 2**64])
def test_an_integer_of_a_row_has_all_its_digits_in_a_workbook(triage: ProjectFolder, number: int) -> None:
    triage.write("rows.jsonl", json.dumps({"ticket": "one", "number": number, "level": number}) + "\n")
    assert bulk(triage, "out.xlsx") == 0
    (first,) = sheet(triage.folder / "out.xlsx")
    assert (str(first["row.number"].value), str(first["vars.level"].value)) == (str(number), str(number))
    (row,) = read_rows(triage.folder / "out.xlsx", "out.xlsx")
    assert row.value["row.number"] == str(number)


@pytest.mark.parametrize("text", ["a\x00\x1f\x0bb", "_x0041_", "a\r\nb", "\ufffe"])
def test_a_workbook_read_again_has_the_same_text(
    triage: ProjectFolder, server: FaultServer, text: str
) -> None:
    server.play(completion(json.dumps({"category": text})))
    bulk(triage, "out.xlsx")
    row = next(iter(read_rows(triage.folder / "out.xlsx", "out.xlsx")))
    assert row.value["output.category"] == text


def test_parquet_has_the_types_that_inputs_and_schema_declare(triage: ProjectFolder) -> None:
    assert bulk(triage, "out.parquet") == 0
    table = pyarrow.parquet.read_table(triage.folder / "out.parquet")
    types = {name: str(table.schema.field(name).type) for name in table.schema.names}
    assert {name: types[name] for name in types if "." in name} == {
        "vars.ticket": "string", "vars.level": "int64", "vars.tags": "string",
        "output.category": "string", "output.score": "double", "output.urgent": "bool", "row.label": "string",
    }  # fmt: skip
    first, second = table.to_pylist()
    assert (first["output.score"], first["output.urgent"], first["row.label"]) == (2.0, True, "x")
    assert (second["vars.level"], second["row.label"], second["index"]) == (3, None, 1)


def test_a_value_of_another_type_than_its_column_is_null_there_and_whole_in_output(
    triage: ProjectFolder, server: FaultServer
) -> None:
    server.play(completion(json.dumps({"score": "much", "urgent": 1, "category": 5})))
    bulk(triage, "out.parquet")
    first = pyarrow.parquet.read_table(triage.folder / "out.parquet").to_pylist()[0]
    assert (first["output.score"], first["output.urgent"], first["output.category"]) == (None, None, "5")
    assert json.loads(first["output"]) == {"score": "much", "urgent": 1, "category": 5}


def test_parquet_is_written_in_groups_of_rows(triage: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.report.run.table_files._GROUP_ROWS", 1)
    bulk(triage, "out.parquet")
    assert pyarrow.parquet.ParquetFile(triage.folder / "out.parquet").num_row_groups == 2


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.json", "out.xml", "out.xlsx", "out.parquet"])
def test_an_output_of_an_earlier_run_is_replaced(triage: ProjectFolder, name: str) -> None:
    assert bulk(triage, name) == bulk(triage, name) == 0


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.json", "out.xml", "out.xlsx", "out.parquet"])
def test_any_other_file_is_replaced_only_with_force(
    triage: ProjectFolder, server: FaultServer, name: str
) -> None:
    kept = triage.write(name, "id,note\n1,mine\n")
    done = run(triage, "t.prompt.yaml", "--input", "rows.jsonl", "--output", name)
    assert done.code == 2
    assert f'--output "{name}" already exists and is not an output of runner' in done.err
    assert "--force" in done.err
    assert (kept.read_text(), server.requests) == ("id,note\n1,mine\n", [])
    assert bulk(triage, name, "--force") == 0


@pytest.mark.parametrize("name", ["out.md", "out.xml"])
def test_a_test_replaces_its_own_output_and_no_other(triage: ProjectFolder, name: str) -> None:
    arguments = ("test", "t.prompt.yaml", "--offline", "--output", name)
    triage.write("t.prompt.yaml", TRIAGE + "tests: [{vars: {ticket: a}}]\n")
    assert triage.run(*arguments).code == triage.run(*arguments).code == 4
    triage.write(name, "mine")
    assert triage.run(*arguments).code == 2
    assert triage.run(*arguments, "--force").code == 4


def test_force_without_an_output_is_an_error(triage: ProjectFolder) -> None:
    assert run(triage, "t.prompt.yaml", "--force").code == 2


def test_merged_shards_are_a_table_with_the_columns_of_all(triage: ProjectFolder) -> None:
    for part in ("1/2", "2/2"):
        run(triage, "t.prompt.yaml", "--input", "rows.jsonl", "--shard", part)
    runs = sorted(str(each) for each in (triage.folder / ".runner" / "runs").iterdir())
    done = triage.run("merge", *runs, "--output", "all.parquet")
    assert done.code == 0, done.err
    table = pyarrow.parquet.read_table(triage.folder / "all.parquet")
    assert str(table.schema.field("vars.level").type) == "int64"
    assert [row["row.label"] for row in table.to_pylist()] == ["x", None]
