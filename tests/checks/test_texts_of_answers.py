"""JSON objects inside of a text, and how far two texts are apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.checks.edit_distance import within_distance
from runner.checks.json_in_text import objects_in

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
    ],
)
def test_the_outermost_objects_of_a_text_are_found(text, found):
    assert list(objects_in(text)) == found


@given(st.text('{}[]":,1a\\ ', max_size=60))
def test_no_text_breaks_the_search_for_objects(text):
    assert all(isinstance(each, dict) for each in objects_in(text))


def test_a_text_of_nothing_but_brackets_is_looked_at_and_left():
    assert list(objects_in('{"a":' * 3000)) == []
    assert list(objects_in("{" * 100_000)) == []
