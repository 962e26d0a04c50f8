"""Files of rates: a line a case, the same read as written, merged line by line, and refused at the place of an edit."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runner.documents.yaml_reader import parse_yaml
from runner.engine.measured import spelled_label
from runner.errors import FormatError
from runner.files.versions import NewerFormatError
from runner.regress.gates.rates import Rate, Rates, read_rates, short, write_rates
from runner.regress.snapshots.reader import ConflictError

HEX = st.text("0123456789abcdef", min_size=8, max_size=8) | st.sampled_from(
    ["12345678", "1e345678", "0b110101", "00000000", "123e4567"]
)
IDS = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,12}", fullmatch=True) | st.sampled_from(
    ["null", "1e3", "yes", "007"]
)
SHARES = st.integers(1, 99).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))
RATE = st.builds(
    lambda request, share, came, scores: Rate(request, *share, came, scores),
    HEX,
    SHARES,
    st.dictionaries(
        (
            st.text(min_size=1, max_size=8)
            | st.sampled_from(["1", "true", "NaN", '"', "[1]", " 1"])
            | st.integers()
            | st.booleans()
        ).map(spelled_label),
        st.integers(0, 9),
        max_size=2,
    ),
    st.dictionaries(
        st.sampled_from(["tone", "within", "on topic"]),
        st.dictionaries(st.sampled_from([0.0, 1.0, 0.5, 0.333333, 1e-05]), st.integers(0, 9), max_size=2),
        max_size=2,
    ),
)
TEXTS = st.none() | st.text(min_size=1, max_size=20)


@pytest.mark.slow
@given(st.integers(1, 50), st.dictionaries(IDS, RATE, max_size=5), TEXTS, TEXTS)
def test_what_is_written_is_read_by_every_yaml(
    samples: int, cases: dict[str, Rate], served: str | None, judged: str | None
) -> None:
    rates = Rates(samples, cases, served, judged)
    text = write_rates(rates)
    assert read_rates(text, "x") == rates
    assert parse_yaml(text, "x").value == yaml.safe_load(text)
    assert write_rates(read_rates(text, "x")) == text


FILE = """\
runner_rates: 1
samples: 10
served_model: gpt-5-mini-2026-04-14
cases:
  late-parcel: {request: 6d1c0f2a, passed: 9/10}
  refund-late: {request: 1f3a9c02, passed: 10/10, came: {payment: 10}}
  sso-denied: {request: 77ab01de, passed: 3/10, came: {bug: 6, login: 3, payment: 1}}
"""


def test_a_file_has_a_line_for_each_case_sorted_by_id() -> None:
    rates = read_rates(FILE, "x")
    assert rates.cases["late-parcel"] == Rate("6d1c0f2a", 9, 10)
    assert rates.cases["sso-denied"].came == {'"bug"': 6, '"login"': 3, '"payment"': 1}
    assert (rates.samples, rates.served_model) == (10, "gpt-5-mini-2026-04-14")
    written = write_rates(Rates(10, dict(reversed(rates.cases.items())), rates.served_model))
    assert written.replace('"', "") == FILE


def test_a_request_is_known_by_its_first_digits_whatever_the_version_of_its_fingerprint() -> None:
    assert short("sha256:1f3a9c02aa") == short("v2:sha256:1f3a9c02bb") == "1f3a9c02"


CONFLICT = """\
runner_rates: 1
samples: 10
cases:
  a: {request: 6d1c0f2a, passed: 9/10}
<<<<<<< HEAD
  b: {request: 6d1c0f2a, passed: 9/10}
=======
  b: {request: 77ab01de, passed: 3/10}
>>>>>>> theirs
  c: {request: 77ab01de, passed: 3/10}
"""


def test_a_conflict_in_one_line_is_that_of_one_case() -> None:
    rates = read_rates(CONFLICT, "x")
    assert (set(rates.cases), rates.conflicts) == ({"a", "c"}, {"b"})
    with_base = CONFLICT.replace("=======", "||||||| 1a2b\n  b: {request: 77ab01de, passed: 1/10}\n=======")
    assert read_rates(with_base, "x") == rates


def test_where_all_cases_conflict_none_has_a_rate() -> None:
    lines = CONFLICT.splitlines(keepends=True)
    rates = read_rates("".join(lines[:3] + lines[4:9]), "x")
    assert (rates.cases, rates.conflicts) == ({}, {"b"})


def test_a_conflict_in_what_all_cases_share_is_told_at_its_line() -> None:
    text = FILE.replace("samples: 10\n", "<<<<<<< a\nsamples: 10\n=======\nsamples: 5\n>>>>>>> b\n")
    with pytest.raises(ConflictError, match="conflict in the lines that all cases share") as caught:
        read_rates(text, "x")
    assert str(caught.value.location) == "x:3"


@pytest.mark.parametrize(
    ("old", "new", "where", "said"),
    [
        ("runner_rates: 1", "runner_rates: true", "x:1:1", "runner_rates must be 1"),
        ("runner_rates: 1\n", "", "x:1:1", "runner_rates must be 1"),
        ("samples: 10", "samples: 0", "x:2:1", "samples must be a number"),
        ("samples: 10", "samples: ten", "x:2:1", "samples must be a number"),
        ("samples: 10", "samples: 10\nmood: 1", "x:3:1", 'unknown key "mood"'),
        ("gpt-5-mini-2026-04-14", "5", "x:3:1", "served_model must be a string"),
        ("passed: 9/10}", "passed: 11/10}", "x:5:", "passed/total"),
        ("passed: 9/10}", "passed: 9/0}", "x:5:", "passed/total"),
        ("passed: 9/10}", "passed: 0.9}", "x:5:", "passed/total"),
        ("passed: 9/10}", "passed: 9/10, mood: 1}", "x:5:3", "a case needs request and passed"),
        ("6d1c0f2a", "6d1c0f2", "x:5:", "8 hex digits"),
        ("6d1c0f2a", "12345678", "x:5:", "8 hex digits"),
        ("{payment: 10}", "{payment: ten}", "x:6:", "came must count each label"),
        ("{payment: 10}", "[10]", "x:6:", "came must count each label"),
        ("came: {payment: 10}", "scores: {tone: 3}", "x:6:", "scores must count"),
        ("came: {payment: 10}", "scores: {tone: {'2': 3}}", "x:6:", "scores must count"),
    ],
)
def test_an_edit_is_told_at_its_place(old: str, new: str, where: str, said: str) -> None:
    with pytest.raises(FormatError, match=said) as caught:
        read_rates(FILE.replace(old, new, 1), "x")
    assert str(caught.value.location).startswith(where)


@pytest.mark.parametrize("text", ["", "[]\n", "cases: 1\n", "runner_rates: 1\nsamples: 1\ncases: 3\n"])
def test_what_is_no_file_of_rates_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        read_rates(text, "x")


def test_a_newer_version_asks_for_an_upgrade() -> None:
    with pytest.raises(NewerFormatError, match=r"was written by a newer runner \(format 3") as caught:
        read_rates("runner_rates: 3\nmood: fine\n", "x")
    assert str(caught.value.location) == "x:1:1"


def test_a_file_without_cases_is_one() -> None:
    rates: Any = Rates(3, {})
    assert read_rates(write_rates(rates), "x") == rates


def test_only_a_file_with_scores_needs_the_second_version() -> None:
    rate = Rate("6d1c0f2a", 9, 10, {'"bug"': 10})
    assert write_rates(Rates(10, {"a": rate})).startswith("runner_rates: 1\n")
    scored = Rate("6d1c0f2a", 9, 10, {'"bug"': 10}, {"tone": {1.0: 8, 0.5: 2}})
    text = write_rates(Rates(10, {"a": scored}))
    assert text.startswith("runner_rates: 2\n")
    assert 'came: {bug: 10}, scores: {tone: {"0.5": 2, "1": 8}}' in text
    assert read_rates(text, "x").cases["a"] == scored
