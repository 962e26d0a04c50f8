"""Expressions of `assert: [{type: expr}]`."""

from __future__ import annotations

from typing import Any

import pytest

from .support import compile_expression

NAMES = frozenset({"output", "text", "vars"})
VALUES: dict[str, Any] = {
    "output": {"label": "refund", "items": [1, 2]},
    "text": "Hello",
    "vars": {"lang": "en"},
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("output.label == 'refund'", True),
        ("output['items'] | length > 2", False),
        ("output.items | sum", 3),
        ("text | lower ~ '!'", "hello!"),
        ("vars.lang in ['en', 'de'] and text is string", True),
        ("output.missing is defined", False),
        ("output.missing | default(none)", None),
        ("output.items | map('string') | list", ["1", "2"]),
        ("'a' if output else 'b'", "a"),
        ("2 + 3 * 4", 14),
        ("text is search('^h', )", False),
        ("text is search('(?i)^h.*o$')", True),
        ("text is not search('x')", True),
        ("'{\"a\": [1]}' | fromjson", {"a": [1]}),
        ("('{\"a\": 1}' | fromjson)['a'] == 1", True),
    ],
)
def test_an_expression_has_the_value_it_says(source: str, value: Any) -> None:
    assert compile_expression(source, names=NAMES).evaluate(**VALUES) == value


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("outptu.label", 'did you mean "output"'),
        ("zzz == 1", "an expression can read 'output', 'text', 'vars'"),
        ("output.label ==", "."),
        ("output | nope", "there is no filter 'nope'"),
        ("1 2", "more text follows after the end"),
        ("", "."),
        ("a" + ".b" * 5000, "nested too deeply"),
        ("{% set x = 1 %}", "."),
    ],
)
def test_an_expression_that_cannot_work_is_refused_when_it_is_compiled(source: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compile_expression(source, names=NAMES)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("output.lable", 'did you mean "label"'),
        ("output.label > 1", "does not work with these values"),
        ("1 / 0", "division by zero"),
        ("text.__class__", "not accessible"),
        ("text.upper", "call it"),
        ("output.items | map('string')", "add `| list`"),
        ("text * 10 ** 9", "longer than"),
        ("output.items.append(3)", "."),
    ],
)
def test_an_expression_that_fails_says_why(source: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compile_expression(source, names=NAMES).evaluate(**VALUES)
