from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.checks.assertions import AnswerView, compile_assertion
from runner.checks.equality import difference
from runner.errors import FormatError, Location
from runner.files.model import Assertion

HERE = Location("p.prompt.yaml", 7, 5)
ORDER = {
    "label": "refund",
    "items": [{"sku": "A-1", "n": 2}, {"sku": "B-2", "n": 3}],
    "note": None,
    "ok": True,
}
JSON = AnswerView(text="{...}", output=ORDER, parsed=True, finish_reason="stop", latency_ms=120.0, cost=0.002)
TEXT = AnswerView(text="Hello, World.\nBye", finish_reason="length", vars={"name": "World"})

values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 1.5]) | st.text(max_size=2),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.sampled_from("ab"), children, max_size=2)
    ),
    max_leaves=8,
)


def check(answer, **spec):
    return compile_assertion(Assertion(spec, HERE)).check(answer)


HOLDING = [
    (JSON, {"type": "equals", "value": {**ORDER}}),
    (JSON, {"type": "equals", "path": "$.label", "value": "refund"}),
    (JSON, {"type": "equals", "path": "$.items[0].n", "value": 2.0}),
    (JSON, {"type": "equals", "path": "/items/1/sku", "value": "B-2"}),
    (JSON, {"type": "equals", "path": "$.note", "value": None}),
    (TEXT, {"type": "equals", "value": "Hello, World.\nBye"}),
    (TEXT, {"type": "contains", "value": "World"}),
    (JSON, {"type": "contains", "path": "$.label", "value": "fun"}),
    (TEXT, {"type": "icontains", "value": "WORLD"}),
    (TEXT, {"type": "contains-any", "value": ["x", "Bye"]}),
    (TEXT, {"type": "contains-all", "value": ["Hello", "Bye"]}),
    (TEXT, {"type": "starts-with", "value": "Hello"}),
    (TEXT, {"type": "ends-with", "value": "Bye"}),
    (TEXT, {"type": "istarts-with", "value": "hELLO"}),
    (TEXT, {"type": "iends-with", "value": "bYE"}),
    (TEXT, {"type": "regex", "value": r"W\w+d"}),
    (JSON, {"type": "regex", "path": "$.items[*].sku", "value": r"^[A-Z]-\d$"}),
    (JSON, {"type": "json-schema", "value": {"required": ["label"]}}),
    (JSON, {"type": "json-schema", "path": "$.items[*].n", "value": {"type": "integer"}}),
    (TEXT, {"type": "length", "value": 17}),
    (JSON, {"type": "length", "path": "$.items", "value": {"min": 1, "max": 2}}),
    (JSON, {"type": "length", "value": {"max": 4}}),
    (JSON, {"type": "length", "path": "$.label", "value": {"min": 6}}),
    (JSON, {"type": "cost", "threshold": 0.002}),
    (JSON, {"type": "latency", "threshold": 120}),
    (JSON, {"type": "finish-reason", "value": "stop"}),
    (JSON, {"type": "expr", "value": "output.label == 'refund' and output['items'] | length == 2"}),
    (TEXT, {"type": "expr", "value": "vars.name in text"}),
]

FAILING = [
    (JSON, {"type": "equals", "value": {**ORDER, "label": "x"}}, '$.label: expected "x", got "refund"'),
    (JSON, {"type": "equals", "value": {"label": "refund"}}, "$.items: expected no such key, got"),
    (JSON, {"type": "equals", "path": "$.label", "value": "other"}, '$.label: expected "other", got "refund"'),
    (JSON, {"type": "equals", "path": "$.ok", "value": 1}, "$.ok: expected 1, got true"),
    (JSON, {"type": "equals", "path": "$.items", "value": []}, "$.items: expected [] (0 items), got"),
    (JSON, {"type": "equals", "path": "$.items[*].n", "value": 2}, "$.items[1].n: expected 2, got 3"),
    (TEXT, {"type": "equals", "value": "hello"}, '''expected "hello", got "Hello, World.\\nBye"'''),
    (TEXT, {"type": "contains", "value": "world"}, 'expected text that contains "world", got "Hello, World.'),
    (TEXT, {"type": "icontains", "value": "moon"}, 'contains "moon" (in any case), got'),
    (TEXT, {"type": "contains-any", "value": ["x", "q"]}, 'contains one of "x", "q", got'),
    (TEXT, {"type": "contains-all", "value": ["Hello", "q"]}, '"q" is missing from'),
    (TEXT, {"type": "starts-with", "value": "Bye"}, "starts with"),
    (TEXT, {"type": "ends-with", "value": "Hello"}, "ends with"),
    (TEXT, {"type": "istarts-with", "value": "ello"}, 'starts with "ello" (in any case), got'),
    (TEXT, {"type": "iends-with", "value": "by"}, 'ends with "by" (in any case), got'),
    (TEXT, {"type": "regex", "value": "^Bye"}, "matches"),
    (JSON, {"type": "json-schema", "value": {"properties": {"ok": {"const": False}}}}, "$.ok: expected false, got true"),
    (TEXT, {"type": "length", "value": {"max": 3}}, "expected a length of at most 3, got 17 characters"),
    (JSON, {"type": "length", "path": "$.items", "value": 3}, "$.items: expected a length of 3, got 2 items"),
    (JSON, {"type": "length", "value": {"min": 5}}, "expected a length of at least 5, got 4 keys"),
    (JSON, {"type": "cost", "threshold": 0.0001}, "expected a cost of at most $0.0001, got $0.002"),
    (JSON, {"type": "latency", "threshold": 100}, "expected an answer within 100 ms, got 120 ms"),
    (TEXT, {"type": "finish-reason", "value": "stop"}, 'expected finish_reason "stop", got "length"'),
    (TEXT, {"type": "expr", "value": "text == ''"}, "expected text == '' to be true"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "spec"), HOLDING)
def test_what_holds_passes_and_its_negation_fails(answer, spec):
    result = check(answer, **spec)
    assert result.passed, result.message
    assert not check(answer, **{**spec, "type": f"not-{spec['type']}"}).passed


@pytest.mark.parametrize(("answer", "spec", "message"), FAILING)
def test_what_does_not_hold_fails_saying_where_what_was_expected_and_what_came(answer, spec, message):
    result = check(answer, **spec)
    assert not result.passed
    place = f"{result.path}: " if result.path else ""
    assert message in place + result.message


@pytest.mark.parametrize(
    ("answer", "spec"), [(answer, spec) for answer, spec, _ in FAILING if spec.get("path") != "$.items[*].n"]
)
def test_the_negation_of_what_does_not_hold_passes(answer, spec):
    assert check(answer, **{**spec, "type": f"not-{spec['type']}"}).passed


def test_a_negated_check_must_hold_at_every_place_a_path_selects():
    result = check(JSON, type="not-equals", path="$.items[*].n", value=3)
    assert not result.passed
    assert (result.path, result.message) == ("$.items[1].n", "expected anything but 3, got 3")


@pytest.mark.parametrize(("path", "actual"), [("$.items[0].sku", "A-1"), ("$.items[*].sku", ["A-1", "B-2"])])
def test_what_was_compared_is_the_value_of_the_place_or_the_list_of_all_values(path, actual):
    assert check(JSON, type="regex", path=path, value="-").actual == actual


@pytest.mark.parametrize("path", ["$.items[0].n", "$.items[*].n"])
def test_what_could_not_be_compared_is_kept_like_what_was(path):
    result = check(JSON, type="contains", path=path, value="a")
    assert result.code == "unknown"
    assert result.actual == (2 if path == "$.items[0].n" else [2, 3])


def test_of_several_places_the_value_of_the_first_that_fails_is_kept():
    assert check(JSON, type="equals", path="$.items[*].n", value=2).actual == 3


def test_several_failing_places_are_counted():
    assert "(and 1 more of 2 places)" in check(JSON, type="equals", path="$.items[*].n", value=9).message


@pytest.mark.parametrize("negation", ["", "not-"])
@pytest.mark.parametrize(
    ("answer", "spec", "reason"),
    [
        (JSON, {"type": "equals", "path": "$.nope", "value": 1}, "$.nope selects nothing"),
        (JSON, {"type": "contains", "path": "$.items[*].nope", "value": "a"}, "selects nothing"),
        (JSON, {"type": "contains", "path": "$.items", "value": "a"}, "is not text"),
        (JSON, {"type": "length", "path": "$.ok", "value": 1}, "but true has none"),
        (TEXT, {"type": "equals", "path": "$.label", "value": 1}, "a path needs JSON output"),
        (TEXT, {"type": "json-schema", "value": {"type": "string"}}, "there is no JSON output"),
        (AnswerView(), {"type": "contains", "value": "a"}, "the answer has no text"),
        (AnswerView(), {"type": "equals", "value": "a"}, "the answer has no text"),
        (AnswerView(), {"type": "latency", "threshold": 1}, "is unknown"),
        (AnswerView(), {"type": "finish-reason", "value": "stop"}, "has no finish_reason"),
        (AnswerView(model="m"), {"type": "cost", "threshold": 1}, "no price is known for model m: add one under models: in runner.yaml"),
        (JSON, {"type": "expr", "value": "output.nope == 1"}, "cannot be evaluated"),
        (JSON, {"type": "expr", "value": "output.label"}, "must be true or false"),
    ],
)  # fmt: skip
def test_nothing_compared_is_never_a_pass(answer, spec, reason, negation):
    result = check(answer, **{**spec, "type": negation + spec["type"]})
    assert not result.passed
    assert result.code == "unknown"
    assert reason in result.message


@pytest.mark.parametrize(
    ("spec", "message", "hint"),
    [
        ({"type": "cost", "threshold": float("nan")}, "a finite number", None),
        ({"type": "latency", "threshold": 10**400}, "a finite number", None),
        ({"type": "latency", "threshold": 0}, "no answer takes 0 ms", "milliseconds"),
        ({"type": "regex", "value": "(a"}, "not a regular expression", None),
        ({"type": "equals", "value": 1, "path": "label"}, "is not a path: column 1", None),
        ({"type": "json-schema", "value": {"type": "x"}}, "not a JSON Schema: $.type", None),
        ({"type": "length", "value": {"min": 3, "max": 2}}, "no length is", None),
        ({"type": "expr", "value": "output ="}, "not an expression", None),
        ({"type": "expr", "value": "outptu.a"}, "not an expression", None),
    ],
)
def test_an_assertion_that_cannot_mean_anything_is_refused_at_its_line(spec, message, hint):
    with pytest.raises(FormatError) as caught:
        compile_assertion(Assertion(spec, HERE))
    assert caught.value.location == HERE
    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


@pytest.mark.parametrize("negation", ["", "not-"])
def test_a_pattern_that_takes_too_long_for_the_answer_fails_in_both_forms(negation, monkeypatch):
    monkeypatch.setattr("runner.matching.SECONDS", 0.05)
    result = check(AnswerView("a" * 40 + "!"), type=f"{negation}regex", value="^(a+)+$")
    assert (result.passed, result.code) == (False, "unknown")
    assert result.message == ('"^(a+)+$" takes more than 0.05 seconds to match against a text of this length')


@pytest.mark.parametrize("kind", ["cost", "latency"])
def test_a_limit_is_any_number_that_a_measured_one_can_be_compared_with(kind):
    largest = sys.float_info.max
    assert check(JSON, type=kind, threshold=largest).passed
    for beyond in (float("inf"), 10 * int(largest)):
        with pytest.raises(FormatError, match="threshold must be a finite number"):
            check(JSON, type=kind, threshold=beyond)


def test_long_values_are_shortened_in_messages_but_kept_in_the_result():
    result = check(AnswerView(text="z" * 5000), type="equals", value="a" * 5000)
    assert len(result.message) < 400
    assert "more characters" in result.message
    assert (result.expected, result.actual) == ("a" * 5000, "z" * 5000)


@pytest.mark.parametrize(("characters", "whole"), [(118, True), (119, False)])
def test_a_value_that_an_expr_has_read_is_shown_up_to_120_characters_as_json(characters, whole):
    text = "a" * characters
    message = check(AnswerView(text), type="expr", value="text == ''").message
    assert (f'"{text}"' in message) is whole
    assert ("more characters" in message) is not whole


def test_a_text_with_braces_is_matched_by_a_regex_that_escapes_them():
    answer = AnswerView(text="Dear {{ name }}, {% if x %}", vars={"name": "x"})
    assert check(answer, type="regex", value=r"\{\{ name \}\}.*\{%").passed


def test_an_expression_cannot_leave_its_sandbox():
    try:
        result = check(TEXT, type="expr", value="text.__class__.__name__ == 'str'")
    except FormatError:
        return
    assert not result.passed


@given(values, values)
def test_equality_is_symmetric(one, two):
    assert (difference(one, two) is None) is (difference(two, one) is None)


@given(values)
def test_every_value_equals_itself_and_differs_from_a_list_of_it(value):
    assert difference(value, value) is None
    assert difference(value, [value]) is not None


@given(st.dictionaries(st.text(max_size=2), values, max_size=4))
def test_the_order_of_keys_does_not_matter(value):
    assert difference(value, dict(reversed(value.items()))) is None


def test_values_nested_beyond_the_recursion_limit_can_be_compared():
    one: object = 1
    two: object = 2
    for _ in range(5000):
        one, two = [one], [two]
    assert difference(one, two) == (0,) * 5000
