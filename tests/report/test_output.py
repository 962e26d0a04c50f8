from __future__ import annotations

import csv
import io
import json
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.engine.columns import Columns
from runner.engine.journal.record import Record, json_line
from runner.errors import StorageError, UsageError
from runner.report.run.output import OutputWriter
from tests.golden_files import assert_golden

from .records import TIMEOUT, errored, failed, record, truncated

RUN = [
    record(),
    record(prompt="greet", case="hello", output=None, text='Hello,\n"you" & <all>!', cached=True, attempts=0),
    failed(case="angry-caller", variant="gpt-5-mini", sample=1, choice=0),
    truncated(case="endless"),
    errored(case="limit"),
    errored(TIMEOUT, prompt="greet", case="slow", latency_ms=None),
]
FORMATS = [".jsonl", ".json", ".csv", ".xml"]


def written(path: Path, records: list[Record], *, complete: bool = True) -> str:
    writer = OutputWriter(path)
    for one in records:
        writer.write(one)
    writer.close(complete=complete)
    return path.read_bytes().decode()


@pytest.mark.parametrize("suffix", [".csv", ".xml"])
def test_the_file_is_the_golden_one(tmp_path: Path, suffix: str) -> None:
    assert_golden(f"report/output{suffix}", written(tmp_path / f"out{suffix}", RUN))


def test_json_lines_are_the_records(tmp_path: Path) -> None:
    lines = written(tmp_path / "out.jsonl", RUN).split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == RUN


def test_json_lines_can_be_followed_while_they_come(tmp_path: Path) -> None:
    with OutputWriter(tmp_path / "out.jsonl") as writer:
        writer.write(RUN[0])
        assert (tmp_path / "out.jsonl").read_text() == json_line(RUN[0]) + "\n"


@pytest.mark.parametrize("records", [RUN, RUN[:1], []], ids=len)
def test_json_is_an_array_of_the_records(tmp_path: Path, records: list[Record]) -> None:
    assert json.loads(written(tmp_path / "out.json", records)) == records


def test_csv_gives_every_text_back_unaltered(tmp_path: Path) -> None:
    texts = ["=1+1", "a,b", 'say "x"', "line\nline", "crlf\r\n", " spaces ", "重要"]
    rows = csv.DictReader(
        io.StringIO(written(tmp_path / "out.csv", [record(text=text) for text in texts]), newline="")
    )
    assert [row["text"] for row in rows] == texts


def test_csv_holds_variables_and_output_as_json(tmp_path: Path) -> None:
    (row,) = csv.DictReader(io.StringIO(written(tmp_path / "out.csv", [RUN[0]]), newline=""))
    assert (json.loads(row["vars"]), json.loads(row["output"])) == (RUN[0]["vars"], RUN[0]["output"])


@given(variables=st.dictionaries(st.text(), st.text()), fields=st.dictionaries(st.text(), st.text()))
def test_csv_gives_every_text_back_in_the_column_of_its_variable_or_field(
    variables: dict[str, str], fields: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    with OutputWriter(path, Columns(tuple(variables), tuple(fields))) as writer:
        writer.write(record(vars=variables, output=fields))
    names, cells = csv.reader(io.StringIO(path.read_bytes().decode(), newline=""))
    found = dict(zip(names, cells, strict=True))
    assert {name: cell for name, cell in found.items() if name.startswith("vars.")} == {
        f"vars.{name}": text for name, text in variables.items()
    }
    assert [found[f"output.{name}"] for name in fields] == list(fields.values())


def test_junit_counts_failures_and_errors_apart(tmp_path: Path) -> None:
    root = ElementTree.fromstring(written(tmp_path / "out.xml", RUN))
    counts = {
        suite.get("name"): (suite.get("tests"), suite.get("failures"), suite.get("errors"))
        for suite in [root, *root]
    }
    assert counts == {"runner": ("6", "2", "2"), "triage": ("4", "2", "1"), "greet": ("2", "0", "1")}


def test_junit_gathers_the_cases_of_a_prompt_in_whichever_order_they_come(tmp_path: Path) -> None:
    records = [record(prompt=f"p{number % 3}", case=f"c{number}") for number in range(30)]
    root = ElementTree.fromstring(written(tmp_path / "out.xml", records))
    assert {suite.get("name"): [case.get("name") for case in suite] for suite in root} == {
        f"p{prompt}": [f"c{number}" for number in range(30) if number % 3 == prompt] for prompt in range(3)
    }


def test_junit_takes_an_expected_refusal_for_a_pass(tmp_path: Path) -> None:
    (suite,) = ElementTree.fromstring(written(tmp_path / "out.xml", [record(outcome="refused", output=None)]))
    assert (suite.get("failures"), suite.get("errors"), len(suite[0])) == ("0", "0", 0)


@given(text=st.text(), message=st.text())
def test_junit_is_well_formed_whatever_a_model_says(
    text: str, message: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    check = {"type": "equals", "passed": False, "path": None, "message": message}
    one = failed(case=f"c{message}", text=text, output=None, checks=[check])
    path = tmp_path_factory.getbasetemp() / "any.xml"
    (suite,) = ElementTree.fromstring(written(path, [one]))
    assert suite.get("failures") == "1"


def test_junit_spells_out_what_xml_cannot_hold(tmp_path: Path) -> None:
    text = written(
        tmp_path / "out.xml", [failed(text="nul \x00 esc \x1b half \ud83d end \uffff", output=None)]
    )
    assert r"nul \u0000 esc \u001b half \ud83d end \uffff" in text


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_run_cut_short_leaves_what_it_received(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    with pytest.raises(KeyboardInterrupt), OutputWriter(path) as writer:
        writer.write(RUN[0])
        raise KeyboardInterrupt
    assert "refund-late" in path.read_text()


def test_junit_of_a_run_cut_short_does_not_look_like_a_pass(tmp_path: Path) -> None:
    root = ElementTree.fromstring(written(tmp_path / "out.xml", RUN[:1], complete=False))
    assert root.get("errors") == "1"


@pytest.mark.parametrize("suffix", [".json", ".csv", ".xml"])
def test_an_older_file_stays_until_the_new_one_is_whole(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    path.write_text("older")
    writer = OutputWriter(path, force=True)
    writer.write(RUN[0])
    before = path.read_text()
    writer.close(complete=True)
    assert (before, path.read_text() != "older", list(tmp_path.iterdir())) == ("older", True, [path])


@pytest.mark.parametrize("suffix", FORMATS)
def test_half_a_surrogate_pair_loses_no_answer(tmp_path: Path, suffix: str) -> None:
    text = written(tmp_path / f"out{suffix}", [failed(text="cut \ud83d", output=None)])
    assert r"cut \ud83d" in text


@pytest.mark.parametrize("name", ["out.txt", "out", "out.yaml", "jsonl"])
def test_an_unknown_ending_is_refused_with_the_four_that_are_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        OutputWriter(tmp_path / name)
    assert all(suffix in (caught.value.hint or "") for suffix in FORMATS)


def test_the_ending_may_be_in_capitals(tmp_path: Path) -> None:
    assert json.loads(written(tmp_path / "OUT.JSON", RUN)) == RUN


def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    assert written(tmp_path / "reports" / "new" / "out.jsonl", RUN[:1])


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "out.json").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        OutputWriter(tmp_path / "out.json")


def test_a_place_that_cannot_be_written_is_told_before_anything_is_paid_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        OutputWriter(tmp_path / "file" / "out.jsonl")


@contextmanager
def small_disk() -> Iterator[None]:
    """No file of this process grows beyond 8 kB, as if the disk were full.

    Not a fixture: pytest reports between a test and its teardown, and its own output may be such a file.
    """
    resource = pytest.importorskip("resource", reason="POSIX limits file sizes")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_full_disk_is_a_storage_error_and_leaves_nothing_half_written(tmp_path: Path, suffix: str) -> None:
    with (
        small_disk(),
        pytest.raises(StorageError, match="cannot be written"),
        OutputWriter(tmp_path / f"out{suffix}") as writer,
    ):
        for _ in range(300):
            writer.write(failed())
    assert [path.name for path in tmp_path.iterdir()] == (["out.jsonl"] if suffix == ".jsonl" else [])


@pytest.mark.slow
@pytest.mark.parametrize("suffix", FORMATS)
def test_memory_does_not_grow_with_the_records(tmp_path: Path, suffix: str) -> None:
    def peak(number: int) -> int:
        tracemalloc.start()
        with OutputWriter(tmp_path / f"out{suffix}") as writer:
            for index in range(number):
                writer.write(failed(prompt=f"p{index % 2}", case=f"case-{index}"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak(3_000)  # what is built on first use is not counted
    assert peak(3_000) < peak(200) + 150_000


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(json_values)
def test_a_json_line_is_one_line_of_utf8_that_reads_back(value: Any) -> None:
    line = json_line(record(output=value))
    assert "\n" not in line
    assert json.loads(line.encode())["output"] == value


def test_a_json_line_refuses_what_is_not_json() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_line(record(cost=float("nan")))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX only")
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_pipe_or_a_device_is_written_to_and_stays_what_it_is(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with OutputWriter(path) as writer:
            writer.write(RUN[0])
        came = os.read(reader, 100_000)
    finally:
        os.close(reader)
    assert RUN[0]["case"].encode() in came
    assert path.is_fifo()
