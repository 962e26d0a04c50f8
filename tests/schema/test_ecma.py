"""Patterns of JSON Schema mean what ECMA-262 says, not what Python's `re` says."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.patterns import PatternError
from runner.schema import SchemaProblem, Validator
from runner.schema.ecma import compile_ecma

MEANT = [
    (r"^\p{L}+$", ["Äb", "漢"], ["1", "a\n", ""]),
    (r"^\d+$", ["12"], ["٣"]),
    (r"^\w$", ["a", "_"], ["é"]),
    (r"^\D\W\S$", ["٣éa"], ["1éa", "٣aa", "٣é "]),
    (r"^\s$", ["\ufeff", " ", "\u2028"], ["\x1c", "a"]),
    (r"^[\p{Lu}\d_-]+$", ["A1_-"], ["a"]),
    (r"^\P{L}[^\p{Letter}][\P{L}]$", ["123"], ["a23", "1b3", "12c"]),
    (r"^\p{gc=Lu}\p{General_Category=Decimal_Number}$", ["A1"], ["a1"]),
    (r"^\u{1F600}\ud83d\ude00$", ["😀😀"], ["x"]),
    (r"^a.b$", ["axb"], ["a\u2028b", "a\rb"]),
    (r"^(?<year>\d{4})-\k<year>$", ["2020-2020"], ["2020-2021"]),
    (r"(?<=a)b(?!c)", ["ab"], ["b", "abc"]),
    (r"^é\b", [], ["é"]),
    (r"^\$[$]\/$", ["$$/"], ["$"]),
    (r"^\cJ$", ["\n"], ["J"]),
]


@pytest.mark.parametrize(("pattern", "fits", "fails"), MEANT, ids=[each[0] for each in MEANT])
def test_a_pattern_means_what_ecma_says(pattern: str, fits: list[str], fails: list[str]) -> None:
    compiled = compile_ecma(pattern)
    assert [text for text in fits if not compiled.search(text)] == []
    assert [text for text in fails if compiled.search(text)] == []


@pytest.mark.parametrize(
    "pattern", [r"\p{Script=Greek}", r"\p{Emoji}", r"\p{}", r"\p{L", "(", "[a", r"\u{110000}"]
)
def test_what_cannot_be_matched_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_ecma(pattern)
    with pytest.raises(SchemaProblem):
        Validator({"pattern": pattern})


def test_a_property_that_python_does_not_know_is_told_as_that() -> None:
    with pytest.raises(
        SchemaProblem, match=r"\\p{Script=Greek} is a character property that cannot be checked"
    ):
        Validator({"pattern": r"\p{Script=Greek}"})


def test_names_of_properties_are_matched_in_the_same_dialect() -> None:
    validator = Validator(
        {"patternProperties": {r"^\p{Lu}": {"type": "string"}}, "additionalProperties": False}
    )
    assert [each.message for each in validator.check({"Ä": 1})] == ["expected string, got number 1"]
    assert validator.check({"Ä": "x"}) == ()
    assert [each.message for each in validator.check({"ä": 1})] == ['unexpected property "ä"']


def test_what_the_library_would_read_in_its_own_dialect_is_refused() -> None:
    with pytest.raises(SchemaProblem, match="cannot be checked together with unevaluatedProperties"):
        Validator({"patternProperties": {r"^\p{L}": {}}, "unevaluatedProperties": False})


@given(st.text(alphabet=r"\pPuckdDwWsSbB{}[]^$.()<>?+*|-LNa1é", max_size=12))
def test_whatever_is_written_is_a_pattern_or_refused(source: str) -> None:
    try:
        compiled = compile_ecma(source)
    except PatternError:
        return
    assert isinstance(compiled, re.Pattern)
