"""A value that looks like a template is refused at its place, and the `expr` that the hint names says the same."""

from __future__ import annotations

import re
from typing import Any

import pytest

from runner.checks.assertions import AnswerView, compile_assertion
from runner.errors import FormatError, Location
from runner.files.model import Assertion
from runner.values import JsonPath

HERE = Location("p.prompt.yaml", 7)
TEXTS = ["", "abc", "ABC", "xabc", "abcx", "xABCx", "b"]

TEXT_TYPES = [
    "equals",
    "contains",
    "icontains",
    "starts-with",
    "ends-with",
    "istarts-with",
    "iends-with",
]


def refused(spec: dict[str, Any]) -> tuple[FormatError, tuple[JsonPath, bool] | None]:
    """Return the error, and the part of the assertion at which it stands: its path, and whether it is a key."""
    asked: list[tuple[JsonPath, bool]] = []

    def place(path: JsonPath, at_key: bool) -> Location:
        asked.append((path, at_key))
        return Location("p.prompt.yaml", 8)

    with pytest.raises(FormatError) as caught:
        compile_assertion(Assertion(spec, HERE, place))
    return caught.value, asked[-1] if asked else None


def expr_of(error: FormatError) -> str:
    found = re.fullmatch(
        r'use \{type: expr, value: "(.*)"\}; for literal braces use a `regex`: \\\{\\\{', error.hint or ""
    )
    assert found
    return found[1]


@pytest.mark.parametrize("negation", ["", "not-"])
@pytest.mark.parametrize("kind", TEXT_TYPES)
def test_the_expr_of_the_hint_passes_and_fails_where_the_assertion_would(kind: str, negation: str) -> None:
    error, _ = refused({"type": negation + kind, "value": "{{ v }}"})
    in_place = compile_assertion(Assertion({"type": negation + kind, "value": "abc"}, HERE))
    instead = compile_assertion(Assertion({"type": "expr", "value": expr_of(error)}, HERE))
    for text in TEXTS:
        expected = in_place.check(AnswerView(text)).passed
        assert instead.check(AnswerView(text, vars={"v": "abc"})).passed is expected, text


@pytest.mark.parametrize("negation", ["", "not-"])
@pytest.mark.parametrize("kind", TEXT_TYPES)
def test_the_expr_of_the_hint_reads_a_part_of_the_output_where_the_assertion_has_a_path(
    kind: str, negation: str
) -> None:
    error, _ = refused({"type": negation + kind, "value": "{{ v }}", "path": "$.PART"})
    in_place = compile_assertion(Assertion({"type": negation + kind, "value": "abc", "path": "$.PART"}, HERE))
    instead = compile_assertion(Assertion({"type": "expr", "value": expr_of(error)}, HERE))
    for text in TEXTS:
        answer = AnswerView("", {"PART": text}, parsed=True, vars={"v": "abc"})
        assert instead.check(answer).passed is in_place.check(answer).passed, text


@pytest.mark.parametrize(
    ("value", "variable"),
    [
        ("{{ label }}", "vars.label"),
        ("{{label}}", "vars.label"),
        ("the {{ first }} of {{ second }}", "vars.first"),
        ("{{ order.id }}", "vars.NAME"),
        ("{{ label | upper }}", "vars.NAME"),
        ("{% if x %}a{% endif %}", "vars.NAME"),
    ],
)
def test_the_expr_of_the_hint_names_the_variable_of_a_plain_template(value: str, variable: str) -> None:
    error, _ = refused({"type": "contains", "value": value})
    assert expr_of(error) == f"{variable} in text"


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({"type": "contains", "value": "{{ v }}"}, (("value",), False)),
        ({"type": "contains-any", "value": ["a", "{{ v }}"]}, (("value", 1), False)),
        ({"type": "equals", "value": {"a": [1, {"b": "{{ v }}"}]}}, (("value", "a", 1, "b"), False)),
        ({"type": "equals", "value": {"a": {"{{ v }}": 1}}}, (("value", "a", "{{ v }}"), True)),
        ({"type": "equals", "value": 1, "path": "$['{{ v }}']"}, (("path",), False)),
        ({"type": "expr", "value": "text == '{{ v }}'"}, (("value",), False)),
    ],
)
def test_a_template_is_refused_at_the_string_or_the_key_that_has_it(
    spec: dict[str, Any], place: tuple[JsonPath, bool]
) -> None:
    error, at = refused(spec)
    assert "is not a template" in error.message
    assert at == place


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({"type": "cost", "threshold": float("inf")}, (("threshold",), False)),
        ({"type": "regex", "value": "("}, (("value",), False)),
        ({"type": "equals", "value": 1, "path": "$."}, (("path",), False)),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_at_its_key(
    spec: dict[str, Any], place: tuple[JsonPath, bool]
) -> None:
    assert refused(spec)[1] == place


def test_an_expr_with_a_template_is_told_how_to_write_variables_and_braces() -> None:
    error, _ = refused({"type": "expr", "value": "{{ text == vars.v }}"})
    assert error.message == 'an expression is not a template: "{{ text == vars.v }}"'
    assert error.hint == (
        r"write it without braces, with variables as vars.NAME; for literal braces use a `regex`: \{\{"
    )


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "regex", "value": r"\{\{ v \}\}"},
        {"type": "regex", "value": r"\{% if"},
        *({"type": name, "value": {"type": "object", "required": ["a"], "properties": {"a": {"pattern": r"^\{%"}}}} for name in ("json-schema", "is-json", "contains-json")),
    ],
)  # fmt: skip
def test_a_pattern_escapes_the_braces_that_it_is_about(spec: dict[str, Any]) -> None:
    assert compile_assertion(Assertion(spec, HERE)).name == spec["type"]


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "regex", "value": "{{ v }}"},
        {"type": "regex", "value": r"\{\{ v \}\} {% if"},
        {"type": "json-schema", "value": {"const": "{{ v }}"}},
        {"type": "is-json", "value": {"const": "{{ v }}"}},
        {"type": "contains-json", "value": {"const": "{{ v }}"}},
        {"type": "contains", "value": r"\{{ v }}"},
    ],
)
def test_braces_without_a_backslash_are_a_template_in_a_pattern_and_any_braces_are_one_elsewhere(
    spec: dict[str, Any],
) -> None:
    error, _ = refused(spec)
    assert error.message.startswith("an assertion is not a template: ")
    assert error.message.endswith(" would be compared literally")
