"""Two values have the same key exactly if they are equal as JSON."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.checks.equality import difference
from runner.checks.json_key import identity
from runner.values import Json

values = st.recursive(
    st.none() | st.booleans() | st.sampled_from([0, 1, 1.0, -1, 0.5]) | st.sampled_from(["", "a", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab?"), inner, max_size=3),
    max_leaves=6,
)


@given(values, values)
def test_values_have_the_same_key_exactly_if_they_are_equal(one: Json, other: Json) -> None:
    assert (identity(one) == identity(other)) is (difference(one, other) is None)
    assert identity(one) == identity(one)
    assert len({identity(one), identity(other)}) == (1 if difference(one, other) is None else 2)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (True, 1),
        (False, 0),
        (True, False),
        ([True], [1]),
        ([True, [True]], [[True], True]),
        ([{}], [[]]),
        ({"?": 1, "a": 2}, {"?": 2, "a": 1}),
        ([], {}),
        ([[], []], [[[]]]),
        ([1, [2]], [[1], 2]),
        ([1, 2], [2, 1]),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}),
        ({"a": 1}, {"b": 1}),
        ({"a": None}, {}),
        (["[", 1], [[1]]),
        (["?", True], [True]),
        ("1", 1),
        (None, "null"),
    ],
)
def test_values_that_differ_have_different_keys(one: Json, other: Json) -> None:
    assert identity(one) != identity(other)


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1}), ([None, "a"], [None, "a"])]
)
def test_values_that_are_equal_have_one_key(one: Json, other: Json) -> None:
    assert identity(one) == identity(other)
    assert hash(identity(one)) == hash(identity(other))


def test_a_value_nested_beyond_the_recursion_limit_has_a_key() -> None:
    def nested(innermost: Json) -> Json:
        for _ in range(5000):
            innermost = [innermost]
        return innermost

    assert identity(nested(1)) == identity(nested(1.0))
    assert identity(nested(1)) != identity(nested(2))
