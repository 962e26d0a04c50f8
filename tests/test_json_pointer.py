"""Names in JSON Pointers (runner/json_pointer.py)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.json_pointer import escape_token, unescape_token


@pytest.mark.parametrize(
    ("token", "name"), [("a~1b", "a/b"), ("m~0n", "m~n"), ("~01", "~1"), ("", ""), ("c%d", "c%d")]
)
def test_a_token_and_its_name_are_those_of_the_rfc(token: str, name: str) -> None:
    assert unescape_token(token) == name
    assert escape_token(name) == token


@given(st.text("~/01a"))
def test_every_name_survives_as_a_token_without_a_slash(name: str) -> None:
    token = escape_token(name)
    assert "/" not in token
    assert unescape_token(token) == name
