"""Regular expressions of users: what `re` refuses is refused in one way, and what it wonders about is nobody's business."""

from __future__ import annotations

import pytest

from runner.patterns import PatternError, compile_pattern


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("(", "unterminated subpattern"),
        ("a{4294967296}", "repetition number is too large"),
        ("(" * 5000 + ")" * 5000, "nested too deeply"),
        ("[z-a]", "bad character range"),
        ("a{" + "9" * 4400 + "}", "a number in it is too long"),
    ],
)
def test_what_is_no_regular_expression_is_refused_with_the_reason(source, why):
    with pytest.raises(PatternError, match=why):
        compile_pattern(source)


def test_a_pattern_that_python_wonders_about_compiles_in_silence(recwarn):
    assert compile_pattern("[[a]").search("[")
    assert not recwarn.list
