"""JSON objects inside of a text, and how far two texts are apart."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.checks.assertions import AnswerView, compile_assertion
from runner.checks.edit_distance import within_distance
from runner.checks.json_in_text import objects_in
from runner.documents.json_outline import MAX_DEPTH
from runner.errors import Location
from runner.files.model import Assertion
from runner.wire.decoding import parse_answer

short = st.text("ab ", max_size=7)


def distance(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for index, character in enumerate(one, 1):
        before, row[0] = row[0], index
        for column in range(1, len(other) + 1):
            before, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, before + (character != other[column - 1])),
            )
    return row[-1]


@given(short, short, st.integers(0, 8))
def test_the_bounded_distance_agrees_with_the_whole_table(one, other, most):
    assert within_distance(one, other, most) is (distance(one, other) <= most)


def test_a_long_answer_is_compared_within_the_bound_only():
    assert not within_distance("ab" * 20_000, "ba" * 20_000, 0)
    assert within_distance("ab" * 2_000, "ab" * 2_000 + "c", 5)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("no braces", []),
        ('a {"b": 1} c {"d": {"e": 2}}', [{"b": 1}, {"d": {"e": 2}}]),
        ('{"a": 1', []),
        ('{x} {"a": [1, {"b": 2}]}', [{"a": [1, {"b": 2}]}]),
        ("[1, 2]", []),
        ('{"a": "}"}', [{"a": "}"}]),
        ('{}{} { \n\t"a": 1}', [{}, {}, {"a": 1}]),
        ('{{"a": 1}} {{{}}} [{"b": 2}]', [{"a": 1}, {}, {"b": 2}]),
    ],
)
def test_the_outermost_objects_of_a_text_are_found(text, found):
    assert list(objects_in(text)) == found


@given(st.text('{}[]":,1a\\ ', max_size=60))
def test_no_text_breaks_the_search_for_objects(text):
    assert all(isinstance(each, dict) for each in objects_in(text))


def test_a_text_of_nothing_but_brackets_is_looked_at_and_left():
    assert list(objects_in("{" * 100_000)) == []
    assert list(objects_in("[{ " * 100_000)) == []
    assert list(objects_in("if (x) {y} " * 100_000 + '{"a": 1}')) == [{"a": 1}]


@pytest.mark.parametrize(
    "text",
    ['{"a": NaN}', '{"a": -Infinity}', '{"a": 1e999}', '{"a": 1, "a": 2}', r'{"a": "\ud800"}', '{"a": 01}'],
)
def test_what_is_json_is_json_among_other_words_too(text):
    with pytest.raises(ValueError, match=r"\w"):
        parse_answer(text)
    assert list(objects_in(f"Here: {text}.")) == []
    assert list(objects_in(f'{text} {{"b": 1}}')) == [{"b": 1}]


def test_an_object_is_found_inside_of_what_is_no_json():
    assert list(objects_in('{"a": NaN, "b": {"c": [{}]}, "d": {}}')) == [{"c": [{}]}, {}]


def test_the_objects_of_a_text_nest_as_deep_as_those_of_any_answer():
    def nested(levels):
        return '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)

    assert [json.dumps(each) for each in objects_in(nested(MAX_DEPTH))] == [
        json.dumps(parse_answer(nested(MAX_DEPTH)))
    ]
    assert list(objects_in("x" + nested(MAX_DEPTH + 1))) == list(objects_in(nested(MAX_DEPTH)))
    in_a_row = "[" * (MAX_DEPTH - 1) + "{}" + "]" * (MAX_DEPTH - 1)
    assert list(objects_in(f'{{"b": {in_a_row[1:-1]}}}')) == [parse_answer(f'{{"b": {in_a_row[1:-1]}}}')]


@pytest.mark.parametrize("negated", [False, True])
def test_a_text_with_too_many_braces_to_be_searched_passes_neither_form(negated):
    for count in (1000, 1001):
        text = '{"x' * count + '{"a": 1}'
        spec = {"type": "not-contains-json" if negated else "contains-json"}
        result = compile_assertion(Assertion(spec, Location("p"))).check(AnswerView(text))
        if count == 1000:
            assert (result.passed, result.code) == (not negated, None)
        else:
            assert (result.passed, result.code) == (False, "unknown")
            assert result.message.endswith("has more than 1,000 opening braces that begin no JSON object")
