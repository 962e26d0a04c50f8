"""Compact JSON is what `json.JSONEncoder` writes."""

from __future__ import annotations

import json
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.compact_json import compact_ascii, compact_json

leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@pytest.mark.slow
@given(values)
def test_a_value_is_written_as_by_the_encoder_of_python(value: object) -> None:
    assert compact_json(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert compact_ascii(value) == json.dumps(value, separators=(",", ":"))


@pytest.mark.parametrize("value", [nan, inf, -inf, [{"a": nan}]])
def test_a_number_that_json_does_not_have_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        compact_json(value)


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError):
        compact_json({"a": object()})


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(RecursionError):
        compact_json(value)
