"""Searches that `re` alone would make for hours end, and those that it makes at once give the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import matching
from runner.checks.assertions import AnswerView, compile_assertion
from runner.errors import Location
from runner.files.model import Assertion
from runner.matching import TooSlowError, is_found
from runner.regress.rules.comparators import regex
from runner.schema import Validator

ENDLESS = [
    "(a+)+$",
    "(a|a)*$",
    "(?:a|aa)+$",
    r"^(\w+\s?)*$",
    "(a*)*b",
    "a*" * 30 + "$",
    "a?" * 40 + "a" * 40 + "$",
]
TEXT = "a" * 60 + "!"


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(matching, "SECONDS", 0.3)


@pytest.mark.slow
@pytest.mark.parametrize("source", ENDLESS)
def test_a_search_that_takes_too_long_is_ended_and_the_next_one_answers(source):
    with pytest.raises(TooSlowError, match="takes more than"):
        is_found(re.compile(source), TEXT)
    assert is_found(re.compile("(a+)+!"), TEXT)


@pytest.mark.parametrize("type_", ["regex", "not-regex"])
@pytest.mark.parametrize("path", [None, "$.a"])
def test_an_assertion_whose_pattern_takes_too_long_fails_in_both_forms(type_, path):
    spec = {"type": type_, "value": "(a+)+$", **({"path": path} if path else {})}
    result = compile_assertion(Assertion(spec, Location("p"))).check(
        AnswerView(TEXT, {"a": TEXT}, parsed=True)
    )
    assert (result.passed, result.code) == (False, "unknown")
    assert "takes more than 0.3 seconds" in result.message


@pytest.mark.parametrize(
    "schema",
    [
        {"pattern": "(a+)+$"},
        {"not": {"pattern": "(a+)+$"}},
        {"anyOf": [{"pattern": "(a+)+$"}, {"type": "string"}]},
    ],
)
def test_a_value_is_never_valid_where_a_pattern_takes_too_long(schema):
    [found] = Validator(schema).check(TEXT)
    assert "takes more than 0.3 seconds" in found.message


def test_a_rule_whose_pattern_takes_too_long_holds_nothing_for_equal():
    assert regex(re.compile("(a+)+"))("x", TEXT) == (
        False,
        "the pattern takes more than 0.3 seconds to match against a text of this length",
    )


@given(
    st.lists(
        st.sampled_from(["a", "b*", "(a|b)+", "[^a]", ".", "$", "^", r"\n", "(?i:A)", "é"]), max_size=4
    ).map("".join),
    st.text("ab\né\ud83d", max_size=30),
    st.booleans(),
)
def test_the_other_process_finds_what_this_one_does(source, text, whole):
    pattern = re.compile(source)
    here = (pattern.fullmatch(text) if whole else pattern.search(text)) is not None
    assert matching._CHILD.ask(pattern, text, "whole" if whole else "found") is here
    there = matching._CHILD.ask(pattern, text, "spans")
    assert [[tuple(each) for each in match] for match in there] == matching.spans(pattern, text)


@pytest.mark.parametrize(
    "source", [r"^[A-Z]{2}-\d+$", "refund|order", r"\d{4}-\d\d-\d\d", "^(yes|no)$", "(?s)a.*b"]
)
def test_what_people_write_is_searched_here(source, monkeypatch):
    monkeypatch.setattr(matching, "_CHILD", None)
    assert is_found(re.compile(source), "x" * 200) is False
