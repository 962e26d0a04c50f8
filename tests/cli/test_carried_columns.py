"""Columns of a row that are not variables: carried through to the results, and read by `expr` and `--where`."""

from __future__ import annotations

import csv
import json

import pytest

from tests.faults import FaultServer

from .asking import run
from .project import ProjectFolder

TRIAGE = """
name: triage
model: gpt-test
inputs: {ticket: {type: string}, lang: {type: string, default: en}}
messages: [{role: user, content: "{{ ticket }} {{ lang }}"}]
"""
LABELLED = TRIAGE + "assert:\n  - {type: expr, value: 'row.label in text'}\n"
WITHOUT_INPUTS = """
model: gpt-test
messages: [{role: user, content: "{{ ticket }}{% if lang is defined %} {{ lang }}{% endif %}"}]
"""
ROWS = "Ticket-ID,ticket,label,note\nT-1,one,echo,\nT-2,two,absent,x\n"


@pytest.fixture
def triage(asked: ProjectFolder) -> ProjectFolder:
    asked.write("t.prompt.yaml", TRIAGE)
    asked.write("rows.csv", ROWS)
    return asked


@pytest.mark.parametrize("prompt", [TRIAGE, WITHOUT_INPUTS], ids=["inputs", "no inputs"])
def test_a_column_that_is_no_variable_is_in_the_record_and_not_in_the_request(
    triage: ProjectFolder, server: FaultServer, prompt: str
) -> None:
    triage.write("t.prompt.yaml", prompt)
    done = run(triage, "t.prompt.yaml", "--input", "rows.csv", "--json", "--jobs", "1")
    first, _ = done.json_lines()
    assert first["row"] == {"Ticket-ID": "T-1", "label": "echo", "note": ""}
    assert first["vars"]["ticket"] == "one"
    assert all("label" not in json.dumps(each.json) for each in server.requests)


def test_the_column_of_ids_keeps_its_spelling(triage: ProjectFolder) -> None:
    done = run(triage, "t.prompt.yaml", "--input", "rows.csv", "--id", "Ticket-ID", "--json", "--jobs", "1")
    assert [(each["case"], each["row"]["Ticket-ID"]) for each in done.json_lines()] == [
        ("t-1", "T-1"),
        ("t-2", "T-2"),
    ]


def test_a_csv_file_has_the_columns_of_the_rows_last(triage: ProjectFolder) -> None:
    run(triage, "t.prompt.yaml", "--input", "rows.csv", "--output", "out.csv", "--in-order")
    with (triage.folder / "out.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert list(first)[-3:] == ["row.Ticket-ID", "row.label", "row.note"]
    assert (first["row.label"], second["row.note"]) == ("echo", "x")


def test_an_expression_checks_the_answer_against_its_row(triage: ProjectFolder, server: FaultServer) -> None:
    triage.write("t.prompt.yaml", LABELLED.replace("'row.label in text'", "'row.label in [\"echo\", text]'"))
    done = run(triage, "t.prompt.yaml", "--input", "rows.csv", "--json", "--jobs", "1")
    assert [each["passed"] for each in done.json_lines()] == [True, False]
    assert 'row.label is "absent"' in done.json_lines()[1]["checks"][0]["message"]


def test_where_reads_the_row(triage: ProjectFolder) -> None:
    done = run(
        triage,
        "t.prompt.yaml",
        "--input",
        "rows.csv",
        "--where",
        'row.label == "absent"',
        "--json",
        "--jobs",
        "1",
    )
    assert [each["vars"]["ticket"] for each in done.json_lines()] == ["two"]


def test_a_column_that_an_expression_reads_and_a_row_lacks_is_an_error_before_anything_is_sent(
    triage: ProjectFolder, server: FaultServer
) -> None:
    triage.write("t.prompt.yaml", LABELLED)
    triage.write("rows.jsonl", '{"ticket": "one", "label": "x"}\n{"ticket": "two", "lable": "x"}\n')
    done = run(triage, "t.prompt.yaml", "--input", "rows.jsonl")
    assert done.code == 2
    assert "rows.jsonl:2:1: error: expr: there is no column 'label'" in done.err
    assert not server.requests


@pytest.mark.parametrize("prompt", [TRIAGE, WITHOUT_INPUTS], ids=["inputs", "no inputs"])
def test_a_column_that_looks_like_a_misspelt_variable_is_an_error(
    triage: ProjectFolder, server: FaultServer, prompt: str
) -> None:
    triage.write("t.prompt.yaml", prompt)
    triage.write("rows.csv", "ticket,lnag\none,de\n")
    done = run(triage, "t.prompt.yaml", "--input", "rows.csv")
    assert done.code == 2
    assert 'did you mean "lang"?' in done.err
    assert not server.requests


def test_rows_whose_columns_differ_without_end_are_refused(triage: ProjectFolder) -> None:
    lines = (json.dumps({"ticket": str(each), f"x{each}y{each}z{each}q": 1}) for each in range(1_002))
    triage.write("rows.jsonl", "\n".join(lines))
    done = run(triage, "t.prompt.yaml", "--input", "rows.jsonl", "--dry-run")
    assert done.code == 2
    assert "more than 1,000 different columns" in done.err


def test_check_has_no_remark_about_a_column_that_is_no_variable(triage: ProjectFolder) -> None:
    triage.write("t.prompt.yaml", LABELLED + "tests: [{file: rows.csv}]\n")
    done = triage.run("check", "t.prompt.yaml")
    assert (done.code, done.err) == (0, "")


def test_a_corrected_column_changes_no_id_but_the_verdict_of_a_resumed_test(
    triage: ProjectFolder, server: FaultServer
) -> None:
    triage.write("t.prompt.yaml", LABELLED + "tests: [{file: rows.csv}]\n")
    before = triage.run(
        "run", "t.prompt.yaml", "--json", "--jobs", "1", env={"FAKE_KEY": "sk-0123456789"}
    ).json_lines()
    triage.write("rows.csv", ROWS.replace("absent", "tw"))
    after = triage.run(
        "run", "t.prompt.yaml", "--json", "--jobs", "1", env={"FAKE_KEY": "sk-0123456789"}
    ).json_lines()
    assert [each["case"] for each in before] == [each["case"] for each in after]
    assert [each["passed"] for each in before] != [each["passed"] for each in after]
