"""A line of the journal reads back as what was written, or as damaged."""

from __future__ import annotations

import json
import math
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.engine.journal.record import (
    Record,
    calls_in,
    cleaned,
    journal_line,
    json_line,
    paid,
    read_journal_line,
    spent,
    was_judged,
)
from runner.errors import Location
from runner.files.versions import NewerFormatError

from .journal_lines import line


def read(data: bytes) -> dict[str, Any] | None:
    return read_journal_line(data, lambda: Location("results.jsonl", 3))


def written(record: dict[str, Any]) -> bytes:
    return journal_line(json_line(cast("Record", record)))


@given(st.text(), st.text())
def test_what_is_written_reads_back(case: str, text: str) -> None:
    record = line(case, text=text)
    assert read(written(record)) == record


def test_a_line_is_compact_and_readable_and_ends_with_its_checksum() -> None:
    assert (
        journal_line(json_line(cast("Record", {"text": "é"})))
        == '{"text":"é","checksum":"c182cc9c"}\n'.encode()
    )


def test_half_a_surrogate_pair_keeps_its_escape() -> None:
    assert json_line(cast("Record", {"text": "é\ud83d"})) == '{"text":"é\\ud83d"}'
    assert json_line(cast("Record", {"text": "\ud800\udfff"})) == '{"text":"\\ud800\\udfff"}'


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_number_that_is_no_json_is_not_written(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_line(cast("Record", {"cost": number}))


@given(st.integers(0), st.integers(1, 255))
def test_a_line_with_another_byte_is_damaged(at: int, change: int) -> None:
    data = written(line(text="a text that is long enough"))
    at %= data.index(b',"checksum"')
    changed = bytearray(data)
    changed[at] ^= change
    assert read(bytes(changed)) is None


def test_a_line_of_an_older_version_without_a_checksum_is_read() -> None:
    assert read(json.dumps(line()).encode() + b"\n") == line()


@pytest.mark.parametrize("data", [b"", b"{", b"[1]\n", b'"x"\n', b"\xff\n", b"null\n", b"[" * 100_000])
def test_what_is_no_object_is_damaged(data: bytes) -> None:
    assert read(data) is None


@pytest.mark.parametrize(("stated", "kept"), [(1, {}), (True, {"format": True}), (1.0, {"format": 1.0})])
def test_the_first_version_may_be_stated(stated: Any, kept: dict[str, Any]) -> None:
    assert read(written(line() | {"format": stated})) == line() | kept


def test_a_line_of_a_newer_runner_is_refused_where_it_is() -> None:
    with pytest.raises(NewerFormatError, match="this record was written by a newer runner") as refused:
        read(written(line() | {"format": 2}))
    assert refused.value.location == Location("results.jsonl", 3)


def test_a_text_that_looks_like_a_checksum_is_a_text() -> None:
    record = line(text=',"checksum":"00000000"}')
    assert read(written(record)) == record


@pytest.mark.parametrize(
    ("cost", "retries", "total"),
    [(None, None, None), (0.5, None, 0.5), (None, 0.25, 0.25), (0.5, 0.25, 0.75)],
)
def test_what_was_paid_for_a_record(cost: float | None, retries: float | None, total: float | None) -> None:
    record: Any = {"cost": cost} | ({} if retries is None else {"retries_cost": retries})
    assert paid(record) == total


ONE, TWO = {"judge": {"cost": 0.25}}, {"judge": [{"cost": 0.25}, {"cost": 0.5}, {"model": "m"}]}


@pytest.mark.parametrize(
    ("checks", "changes", "total"),
    [
        ([], {"cost": None}, None),
        ([], {"cost": 0.5}, 0.5),
        ([], {"cost": 0.5, "retries_cost": 0.25}, 0.75),
        ([], {"cost": 0.5, "choice": 0}, 0.5),
        ([], {"cost": 0.5, "choice": 1}, None),
        ([], {"cost": 0.5, "cached": True}, None),
        ([{"type": "equals"}], {"cost": 0.5}, 0.5),
        ([ONE], {"cost": 0.5}, 0.75),
        ([ONE], {"cost": None}, 0.25),
        ([ONE, {"type": "equals"}], {"cost": 0.5, "cached": True}, 0.25),
        ([ONE, TWO], {"cost": 0.5, "choice": 1}, 1.0),
        ([{"judge": {"model": "m"}}], {"cost": 0.5}, 0.5),
        ([{"judge": {"cost": "much"}}], {"cost": None}, None),
        ([{"judge": {"cost": "much"}}, {"judge": {"cost": 2}}], {"cost": 0.5}, 2.5),
    ],
)
def test_what_was_spent_on_a_result_includes_the_calls_that_judged_it(
    checks: list[Any], changes: dict[str, Any], total: float | None
) -> None:
    record = cast("Record", line(**{"checks": checks, **changes}))
    assert spent(record) == total
    assert was_judged(record) is any("judge" in check for check in checks)


@pytest.mark.parametrize(
    ("judge", "calls"),
    [
        ({"a": 1}, [{"a": 1}]),
        ([{"a": 1}, {"b": 2}], [{"a": 1}, {"b": 2}]),
        ("x", []),
        ([1, {"a": 1}], [{"a": 1}]),
    ],
)
def test_the_calls_of_a_check(judge: Any, calls: list[Any]) -> None:
    assert calls_in(cast("Any", {"type": "llm-rubric", "judge": judge})) == calls


def test_a_check_that_needed_no_call_has_none() -> None:
    assert calls_in(cast("Any", {"type": "equals"})) == []


def test_records_with_a_key_are_kept_and_written_without_it() -> None:
    records = [cast("Record", line(text=text)) for text in ("sk-123", "b")]
    kept, lines = cleaned(records, lambda text: text.replace("sk-123", "***"))
    assert [record["text"] for record in kept] == ["***", "b"]
    assert lines == b"".join(written(line(text=text)) for text in ("***", "b"))


def test_records_without_a_key_are_kept_as_they_are() -> None:
    records = [cast("Record", line(text=text)) for text in ("a", "b")]
    kept, lines = cleaned(records, lambda text: text)
    assert kept is records
    assert lines == b"".join(written(line(text=text)) for text in ("a", "b"))
