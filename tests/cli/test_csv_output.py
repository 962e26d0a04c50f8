"""`--output FILE.csv`: a column for each variable and each declared field, for people who work with tables."""

from __future__ import annotations

import csv
import json
import threading
from pathlib import Path

import pytest

from tests.faults import FaultServer, Received, Steps, completion, reply

from .asking import KEY, held_after, run
from .project import ProjectFolder

BOM = b"\xef\xbb\xbf"
TRIAGE = """
name: triage
model: gpt-test
inputs: {ticket: {type: string}, tags: {type: array, default: []}, urgent: {type: boolean, default: false}}
messages: [{role: user, content: "{{ ticket }} {{ tags }} {{ urgent }}"}]
response_format:
  type: json_schema
  json_schema:
    name: ticket
    schema:
      $ref: "#/$defs/ticket"
      $defs:
        ticket:
          type: object
          properties: {category: {type: string}, score: {type: number}, parts: {type: array}, note: {type: [string, "null"]}}
          required: [category]
"""
ANSWER = {"category": 'größe, "XL"', "score": 0.5, "parts": [1, "é"], "note": None, "more": "kept"}
PLAIN = """
name: plain
model: gpt-test
messages: [{role: user, content: "{{ zeta }} {{ alpha }}"}]
"""


@pytest.fixture
def triage(asked: ProjectFolder, server: FaultServer) -> ProjectFolder:
    asked.write("t.prompt.yaml", TRIAGE)
    asked.write(
        "rows.jsonl",
        '{"ticket": "=1+1", "tags": ["a", {"b": 1}], "urgent": true}\n{"ticket": "two\\nlines"}\n{"ticket": "3"}\n',
    )
    server.play(completion(json.dumps(ANSWER)))
    return asked


BULK = ("t.prompt.yaml", "--input", "rows.jsonl", "--output", "out.csv", "--in-order")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return next(csv.reader(file))


def test_each_variable_and_each_declared_field_has_a_column_behind_those_of_before(
    triage: ProjectFolder,
) -> None:
    assert run(triage, *BULK).code == 0
    names = header(triage.folder / "out.csv")
    assert names[names.index("vars") :] == [
        "vars", "index", "vars.ticket", "vars.tags", "vars.urgent",
        "output.category", "output.score", "output.parts", "output.note",
    ]  # fmt: skip


def test_a_cell_is_the_value_itself_and_json_where_it_is_nested(triage: ProjectFolder) -> None:
    run(triage, *BULK)
    first, second, _ = table(triage.folder / "out.csv")
    assert {name: value for name, value in first.items() if "." in name} == {
        "vars.ticket": "=1+1",
        "vars.tags": '["a", {"b": 1}]',
        "vars.urgent": "true",
        "output.category": 'größe, "XL"',
        "output.score": "0.5",
        "output.parts": '[1, "é"]',
        "output.note": "",
    }
    assert (second["vars.ticket"], second["vars.tags"], second["vars.urgent"]) == (
        "two\nlines",
        "[]",
        "false",
    )


def test_what_has_no_column_is_in_the_whole_output(triage: ProjectFolder) -> None:
    run(triage, *BULK)
    row = table(triage.folder / "out.csv")[0]
    assert "output.more" not in row
    assert json.loads(row["output"]) == ANSWER
    assert json.loads(row["vars"]) == {"ticket": "=1+1", "tags": ["a", {"b": 1}], "urgent": True}


def test_index_is_the_number_of_the_row(triage: ProjectFolder) -> None:
    run(triage, *BULK)
    rows = table(triage.folder / "out.csv")
    assert [(row["index"], row["vars.ticket"]) for row in rows] == [
        ("0", "=1+1"),
        ("1", "two\nlines"),
        ("2", "3"),
    ]


def test_an_answer_that_is_no_object_leaves_the_columns_of_fields_empty(
    triage: ProjectFolder, server: FaultServer
) -> None:
    server.play(completion("[1]"))
    assert run(triage, *BULK).code == 1
    row = table(triage.folder / "out.csv")[0]
    assert (row["outcome"], row["output"], row["output.category"]) == ("invalid", "[1]", "")


def test_the_columns_are_those_of_all_prompts_of_the_run(triage: ProjectFolder, server: FaultServer) -> None:
    triage.write("p.prompt.yaml", PLAIN + "tests: [{id: one, vars: {alpha: a, zeta: z}}]\n")
    triage.write("t.prompt.yaml", TRIAGE + "tests: [{id: two, vars: {ticket: t}}]\n")
    assert run(triage, "p.prompt.yaml", "t.prompt.yaml", "--output", "out.csv").code == 0
    assert [name for name in header(triage.folder / "out.csv") if "." in name] == [
        "vars.alpha", "vars.zeta", "vars.ticket", "vars.tags", "vars.urgent",
        "output.category", "output.score", "output.parts", "output.note",
    ]  # fmt: skip
    rows = {row["case"]: row for row in table(triage.folder / "out.csv")}
    assert (rows["one"]["vars.zeta"], rows["one"]["vars.ticket"], rows["one"]["output.category"]) == (
        "z",
        "",
        "",
    )
    assert (rows["two"]["vars.zeta"], rows["two"]["vars.ticket"]) == ("", "t")


def test_a_variable_that_only_an_assertion_of_a_row_reads_has_a_column(
    asked: ProjectFolder, server: FaultServer
) -> None:
    asked.write("p.prompt.yaml", 'name: p\nmodel: m\nmessages: [{role: user, content: "{{ q }}"}]\n')
    checks = [{"type": "expr", "value": "vars.expected in text"}]
    row = {"id": "a", "vars": {"q": "x", "expected": "ok"}, "assert": checks}
    asked.write("rows.jsonl", json.dumps(row) + "\n")
    server.play(completion("ok"))
    assert run(asked, "p.prompt.yaml", "--input", "rows.jsonl", "--output", "out.csv").code == 0
    assert table(asked.folder / "out.csv")[0]["vars.expected"] == "ok"


# --- the byte order mark ------------------------------------------------------------------------------------------


def test_with_bom_the_file_begins_with_a_byte_order_mark_and_is_the_same_otherwise(
    triage: ProjectFolder,
) -> None:
    run(triage, *BULK)
    plain = (triage.folder / "out.csv").read_bytes()
    run(triage, *BULK, "--bom")
    marked = (triage.folder / "out.csv").read_bytes()
    assert (plain[:6], marked[:9], len(marked.splitlines())) == (
        b"prompt",
        BOM + b"prompt",
        len(plain.splitlines()),
    )


@pytest.mark.parametrize(
    "args",
    [
        ("--bom",),
        ("--bom", "--output", "x.jsonl"),
        ("--bom", "--output", "x.json"),
        ("--bom", "--output", "x.xml"),
    ],
)
def test_bom_without_a_csv_to_write_is_refused(
    triage: ProjectFolder, server: FaultServer, args: tuple[str, ...]
) -> None:
    done = run(triage, "t.prompt.yaml", "--input", "rows.jsonl", *args)
    assert (done.code, len(server.requests)) == (2, 0)
    assert "--bom " in done.err


# --- resumed and merged runs --------------------------------------------------------------------------------------


def test_a_resumed_run_writes_the_same_file(triage: ProjectFolder, server: FaultServer) -> None:
    server.play(completion(json.dumps(ANSWER)), reply(400, {"error": {"message": "no"}}))
    assert run(triage, *BULK, "--bom", "--jobs", "1").code == 3
    server.play(completion(json.dumps(ANSWER)))
    assert run(triage, "--resume", "last").code == 0
    data = (triage.folder / "out.csv").read_bytes()
    assert data.startswith(BOM + b"prompt,case,")
    rows = table(triage.folder / "out.csv")
    assert [(row["index"], row["vars.ticket"], row["output.score"]) for row in rows] == [
        ("0", "=1+1", "0.5"),
        ("1", "two\nlines", "0.5"),
        ("2", "3", "0.5"),
    ]


def test_a_complete_run_is_written_again_with_a_byte_order_mark(
    triage: ProjectFolder, server: FaultServer
) -> None:
    assert run(triage, *BULK).code == 0
    before = (triage.folder / "out.csv").read_bytes()
    server.requests.clear()
    assert run(triage, "--resume", "last", "--bom").code == 0
    assert (triage.folder / "out.csv").read_bytes() == BOM + before
    assert run(triage, "--resume", "last").code == 0
    assert ((triage.folder / "out.csv").read_bytes(), server.requests) == (BOM + before, [])


def test_merged_shards_are_the_same_table(triage: ProjectFolder) -> None:
    run(triage, *BULK)
    for shard in "12":
        run(triage, "t.prompt.yaml", "--input", "rows.jsonl", "--shard", f"{shard}/2")
    shards = sorted((triage.folder / ".runner" / "runs").iterdir())[-2:]
    done = triage.run("merge", *map(str, shards), "--output", "all.csv", "--bom")
    assert done.code == 0, done.err
    timing = ("latency_ms", "cached", "attempts")
    whole, merged = (
        [
            {name: cell for name, cell in row.items() if name not in timing}
            for row in table(triage.folder / name)
        ]
        for name in ("out.csv", "all.csv")
    )
    assert merged == whole
    assert (triage.folder / "all.csv").read_bytes().startswith(BOM)


@pytest.mark.parametrize("columns", [None, {}, {"vars": "ticket"}, {"vars": [1, None], "output": {}}, []])
def test_shards_of_a_version_that_recorded_no_columns_are_merged_without_them(
    triage: ProjectFolder, columns: object
) -> None:
    for shard in "12":
        run(triage, "t.prompt.yaml", "--input", "rows.jsonl", "--shard", f"{shard}/2")
    shards = sorted((triage.folder / ".runner" / "runs").iterdir())
    for folder in shards:
        manifest = json.loads((folder / "run.json").read_text())
        assert manifest["columns"]["vars"] == ["ticket", "tags", "urgent"]
        manifest["columns"] = columns
        (folder / "run.json").write_text(json.dumps(manifest))
    assert triage.run("merge", *map(str, shards), "--output", "all.csv").code == 0
    rows = table(triage.folder / "all.csv")
    assert [json.loads(row["vars"])["ticket"] for row in rows] == ["=1+1", "two\nlines", "3"]
    assert [name for name in rows[0] if "." in name] == []


# --- two processes ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "xml"])
def test_of_two_processes_with_one_output_the_second_is_refused_and_the_file_of_the_first_is_whole(
    asked: ProjectFolder, server: FaultServer, ending: str
) -> None:
    output = f"out.{ending}"
    under_way, released = threading.Event(), threading.Event()
    held = held_after(server, 0, released)

    def answer(request: Received) -> Steps:
        under_way.set()
        assert callable(held)
        return held(request)

    server.play(answer)
    first = asked.start("run", "--output", output, env={"FAKE_KEY": KEY})
    try:
        assert under_way.wait(60)
        second = run(asked, "--output", output, "--no-cache")
        assert second.code == 2
        assert f'error: --output "{output}" is being written by another process' in second.err
    finally:
        released.set()
        _, err = first.communicate(timeout=60)
    assert (first.returncode, len(server.requests)) == (0, 2), err
    text = (asked.folder / output).read_text()
    if ending == "json":
        assert len(json.loads(text)) == 2
    elif ending == "jsonl":
        assert [json.loads(line)["passed"] for line in text.splitlines()] == [True, True]
    elif ending == "csv":
        assert {row["text"] for row in table(asked.folder / output)} == {"Hello Ada", "Hello Bob"}
    else:
        assert 'tests="2" failures="0" errors="0"' in text
    assert [each.name for each in asked.folder.iterdir() if each.suffix == ".part"] == []
