"""`--input` as spreadsheets write it, through the command line."""

from __future__ import annotations

import json

import pytest

from tests.faults import FaultServer

from .asking import run
from .project import ProjectFolder

TYPED = """
model: m
inputs: {q: {type: string}, n: {type: integer, default: 1}, b: {type: boolean, default: false}}
messages: [{role: user, content: "{{ q }} {{ n }} {{ b }}"}]
"""


def asked_for(project: ProjectFolder, content: str | bytes, name: str, *args: str) -> list[str]:
    project.write("t.prompt.yaml", TYPED)
    project.write(name, content)
    done = run(project, "t.prompt.yaml", "--input", name, "--json", *args)
    assert done.code == 0, done.err
    return [record["vars"] for record in done.json_lines()]


@pytest.mark.parametrize(
    ("name", "content", "args"),
    [
        ("excel.csv", "q,n,b\nx,3,TRUE\n", ()),
        ("pandas.csv", "q,n,b\nx,3.0,True\n", ()),
        ("europe.csv", "q;n;b\r\nx;3;true\r\n", ()),
        ("tabs.tsv", "q\tn\tb\nx\t3\ttrue\n", ()),
        ("pipes.csv", "q|n|b\nx|3|true\n", ("--delimiter", "|")),
        ("tabs.csv", "q\tn\tb\nx\t3\ttrue\n", ("--delimiter", "tab")),
        ("utf16.csv", "q;n;b\r\nx;3;true\r\n".encode("utf-16"), ("--encoding", "utf-16")),
    ],
)
def test_rows_arrive_typed(
    asked: ProjectFolder, name: str, content: str | bytes, args: tuple[str, ...]
) -> None:
    assert asked_for(asked, content, name, *args) == [{"q": "x", "n": 3, "b": True}]


def test_a_blank_cell_is_the_default(asked: ProjectFolder) -> None:
    assert asked_for(asked, "q,n,b\nx,,\n", "r.csv") == [{"q": "x", "n": 1, "b": False}]


def test_a_column_of_ids_stays_when_a_cell_is_corrected(asked: ProjectFolder) -> None:
    asked.write("t.prompt.yaml", TYPED)
    for text in ("tpyo", "typo"):
        asked.write("r.csv", f"ticket,q\nT-17,{text}\n")
        done = run(asked, "t.prompt.yaml", "--input", "r.csv", "--id", "ticket", "--json")
        (record,) = done.json_lines()
        assert (record["case"], record["vars"]["q"]) == ("t-17", text)


def test_a_run_goes_on_with_the_same_way_of_reading(asked: ProjectFolder, server: FaultServer) -> None:
    asked.write("t.prompt.yaml", TYPED)
    asked.write("r.csv", "no|q\n1|x\n2|y\n")
    args = ("t.prompt.yaml", "--input", "r.csv", "--delimiter", "|", "--id", "no")
    assert run(asked, *args).code == 0
    assert run(asked, "--resume", "last").code == 0
    refused = run(asked, "--resume", "last", "--id", "q")
    assert refused.code == 2


def test_a_run_that_an_older_version_began_can_be_resumed(asked: ProjectFolder) -> None:
    assert run(asked).code == 0
    (manifest,) = asked.folder.glob(".runner/runs/*/run.json")
    facts = json.loads(manifest.read_text())
    for key in ("delimiter", "encoding", "id_column"):
        del facts["arguments"]["asking"][key]
    manifest.write_text(json.dumps(facts))
    assert run(asked, "--resume", "last").code == 0


@pytest.mark.parametrize(
    "args",
    [
        ("--delimiter", ";;", "--input", "r.csv"),
        ("--delimiter", '"', "--input", "r.csv"),
        ("--encoding", "klingon", "--input", "r.csv"),
        ("--encoding", "base64", "--input", "r.csv"),
        ("--delimiter", ";"),
        ("--encoding", "cp1252"),
        ("--id", "n"),
        ("--delimiter", ";", "--input", "r.jsonl"),
        ("--id", "nope", "--input", "r.csv"),
    ],
)
def test_what_makes_no_sense_is_refused(
    asked: ProjectFolder, server: FaultServer, args: tuple[str, ...]
) -> None:
    asked.write("t.prompt.yaml", TYPED)
    asked.write("r.csv", "q\nx\n")
    asked.write("r.jsonl", '{"q": "x"}\n')
    done = run(asked, "t.prompt.yaml", *args)
    assert (done.code, server.requests) == (2, [])


@pytest.mark.parametrize("encoding", ["cp1252", "cp1250", "latin-1", "cp437", "utf-16"])
def test_a_utf8_mark_contradicts_any_other_encoding(
    asked: ProjectFolder, server: FaultServer, encoding: str
) -> None:
    asked.write("t.prompt.yaml", TYPED)
    (asked.folder / "r.csv").write_bytes("\ufeffq,n,b\nGrüße,3,true\n".encode())
    done = run(asked, "t.prompt.yaml", "--input", "r.csv", "--encoding", encoding)
    assert (done.code, server.requests) == (2, [])
    assert (
        "r.csv:1: error: the file begins with the byte order mark of UTF-8" in done.err
        or encoding == "utf-16"
    )
    assert run(asked, "t.prompt.yaml", "--input", "r.csv", "--encoding", "utf8", "--limit", "1").code in (
        0,
        1,
    )


def test_an_error_in_a_very_long_line_is_told_like_any_other(asked: ProjectFolder) -> None:
    """A line is searched for keys before it is shown: in time that grows with its length, not with the square of it."""
    asked.write("t.prompt.yaml", TYPED)
    asked.write("r.csv", "q,n,b\n" + "y" * 1_000_000 + ",three,\n")
    done = run(asked, "t.prompt.yaml", "--input", "r.csv")
    assert (done.code, "expected an integer" in done.err) == (2, True)
