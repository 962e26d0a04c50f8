"""Values are printed as JSON, strings as themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import TemplateError

from .support import compile_text, render

JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)

PRINTED = compile_text("<{{ x }}>")
FILTERED = compile_text("{{ x | tojson }}")
INDENTED = compile_text("{{ x | tojson(indent=2) }}")
CONCATENATED = compile_text("{{ '' ~ x ~ '' }}")


@given(JSON_VALUES)
def test_a_value_is_printed_as_json_that_reads_back_the_same(value: Any) -> None:
    text = str(PRINTED.render({"x": value})[0]["content"])[1:-1]
    assert text == value if isinstance(value, str) else json.loads(text) == value


@given(JSON_VALUES)
def test_tojson_reads_back_the_same_for_every_value(value: Any) -> None:
    assert json.loads(str(FILTERED.render({"x": value})[0]["content"])) == value
    assert json.loads(str(INDENTED.render({"x": value})[0]["content"])) == value


@given(JSON_VALUES)
def test_concatenation_writes_a_value_as_printing_does(value: Any) -> None:
    assert (
        f"<{CONCATENATED.render({'x': value})[0]['content']}>" == PRINTED.render({"x": value})[0]["content"]
    )


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("none", "null"),
        ("true", "true"),
        ("1 == 1", "true"),
        ("[1, 'a', none]", '[1, "a", null]'),
        ("{'b': 1, 'a': {'é': '<&>\\''}}", '{"b": 1, "a": {"é": "<&>\'"}}'),
        ("(1, 2)", "[1, 2]"),
        ("1.0", "1.0"),
        ("none | upper", "NULL"),
        ("true | string", "true"),
        ("[none, true, 'a'] | join(' ')", "null true a"),
        ("{'b': 1, 'a': 2} | tojson", '{"b": 1, "a": 2}'),
        ("'<é>' | tojson", '"<é>"'),
        ("d.items", "mine"),
        ("d.get", "null"),
        ("d.items() | list | length", "2"),
        ("d.missing | default('x')", "x"),
        ("d['keys'] | default('none there')", "none there"),
        ("'b a'.split() | sort | join(',')", "a,b"),
        ("'7' | int + 1", "8"),
        ("'x' | int(0)", "0"),
        ("[3, 1] | sum", "4"),
        ("'one two three' | truncate(9, leeway=0)", "one..."),
        ("'a\nb' | indent(2)", "a\n  b"),
    ],
)  # fmt: skip
def test_an_expression_prints_what_a_reader_of_json_expects(expression: str, text: str) -> None:
    template = "{% set d = {'items': 'mine', 'get': none} %}{{ " + expression + " }}"
    assert render(template) == text


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("x.upper", "call it"),
        ("range", "call it"),
        ("range(3)", "list"),
        ("[1] | map('string')", "list"),
        ("{}.items()", "list"),
        ("namespace()", "not a JSON value"),
        ("{1: 2}", "quotes"),
        ("1e308 * 10", "inf"),
        ("'abc' | int", "'abc' is not a number"),
        ("'abc' | float", "not a number"),
        ("'a' + 1", "join text with `~`"),
        ("x.missing", "'missing'"),
        ("[] | first", "empty"),
        ("[1][5]", "no index 5"),
        ("{'total': 1}.totl", 'did you mean "total"'),
        ("1 / 0", "division by zero"),
        ("none | length", "null"),
    ],
)
def test_what_has_no_text_is_an_error_in_plain_words(expression: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        render("{% set x = 'a' %}{{ " + expression + " }}")


def test_a_lone_surrogate_is_refused_where_the_template_makes_it() -> None:
    with pytest.raises(TemplateError):
        render(r"{{ '\ud800' }}")


def test_an_inline_if_that_gives_nothing_says_how_to_print_nothing() -> None:
    with pytest.raises(TemplateError, match="inline `if` has no `else`") as refused:
        render("{{ 'a' if x }}", x=False)
    assert refused.value.hint == "add `else ''` to print nothing"
    assert render("{{ 'a' if x else '' }}", x=False) == ""
