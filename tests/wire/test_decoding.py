"""An answer is JSON or it is not; an envelope is read as far as it can be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.documents.json_outline import MAX_DEPTH
from runner.documents.json_reader import parse_json
from runner.errors import SyntaxFileError
from runner.wire.decoding import decode_envelope, parse_answer, visible


@pytest.mark.parametrize("text", ['{"a": 1}', ' \r\n\t{"a": 1}\n', '{"a": 1.0}'])
def test_json_is_read_with_white_space_around_it(text: str) -> None:
    assert parse_answer(text) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Expecting value at line 1, column 1"),
        (" ", "Expecting value at line 1, column 2"),
        ("x ", "Expecting value at line 1, column 1"),
        ('{"a": 1', "at line 1, column 8"),
        ('{"a": 1} more', "Extra data at line 1, column 10"),
        ('{\n "a": 1,\n "a": 2}', 'the key "a" appears twice (line 3, column 2)'),
        (r'{"a": 1, "\u0061": 2}', 'the key "a" appears twice (line 1, column 10)'),
        ('[{"a": 1}, {"b": [{"c": 1, "c": 1}]}]', "(line 1, column 28)"),
        ('{"a":\n NaN}', "NaN is not a JSON number (line 2, column 2)"),
        ("[1, -Infinity]", "-Infinity is not a JSON number (line 1, column 5)"),
        ("[1e999]", "the number 1e999 is too large (line 1, column 2)"),
        (r'["\ud83d"]', r"\ud83d is half a character (line 1, column 3)"),
        ("\ufeff{}", "at line 1, column 1"),
        ("['a']", "at line 1, column 2"),
        ("[" * 100_000, "nested more than 100 levels deep (line 1, column 101)"),
        ("9" * 5000, "digits"),
    ],
)
def test_what_is_doubtful_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ValueError) as refusal:
        parse_answer(text)
    assert said in str(refusal.value)


def test_the_same_key_in_two_objects_and_in_texts_is_no_duplicate() -> None:
    assert parse_answer('[{"a": {"a": "a"}}, {"a": "\\"a\\": {"}]') == [{"a": {"a": "a"}}, {"a": '"a": {'}]


def test_depth_is_counted_and_not_the_number_of_brackets() -> None:
    assert parse_answer("[" + "[]," * 500 + '"[[["]') is not None
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert parse_answer(deepest) is not None
    with pytest.raises(ValueError, match="nested more"):
        parse_answer(f"[{deepest}]")


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8)  # fmt: skip


@given(values)
def test_every_json_value_is_read_as_it_is(value: Any) -> None:
    assert parse_answer(json.dumps(value)) == value
    assert decode_envelope(json.dumps(value).encode()) == value


@given(st.text(max_size=30) | st.text('{}[]":,1eE.+-NaInfity\\ud8 ', max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        value = parse_answer(text)
    except ValueError:
        return
    assert json.loads(text) == value


def test_envelope_may_begin_with_a_bom_and_empty_lines() -> None:
    assert decode_envelope(b"\xef\xbb\xbf\n\n {}") == {}


def test_envelope_keeps_numbers_that_json_does_not_have_as_text() -> None:
    assert decode_envelope(b'{"a": NaN, "b": 1e999, "c": 1.5}') == {"a": "NaN", "b": "1e999", "c": 1.5}


@pytest.mark.parametrize(("digits", "kept"), [(308, False), (309, True), (5000, True)])
def test_envelope_keeps_an_integer_that_no_double_holds_as_text(digits: int, kept: bool) -> None:
    number = "1" * digits
    found = decode_envelope(f'{{"a": {number}}}'.encode())
    assert found == {"a": number if kept else int(number)}


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("before", range(0, 320, 7))
def test_a_long_integer_is_found_wherever_it_stands(before: int, sign: str) -> None:
    for digits in (307, 308, 309):
        number = f"{sign}{'1' * digits}"
        value = number if len(number) > 308 else int(number)
        body = f'{{"a": "{"x" * before}", "n": {number}, "b": 1}}'
        assert decode_envelope(body.encode()) == {"a": "x" * before, "n": value, "b": 1}


@pytest.mark.parametrize("body", [b"", b"\xff", b"<html>", b'{"a"', b"[" * 200_000])
def test_envelope_that_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        decode_envelope(body)


def test_half_a_surrogate_pair_is_spelled_out() -> None:
    assert visible({"\ud83d": ["a\udc00", "é😀"]}) == {r"\ud83d": [r"a\udc00", "é😀"]}


almost_json = st.text('{}[]":,1eE.+-NaInfity\\ud8 ', max_size=30) | st.recursive(
    st.sampled_from(["1", "1e999", "NaN", r'"\ud83d"', r'"\ud83d\ude00"', '"a"', "null"]),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
    | st.lists(inner, max_size=3).map(lambda items: "{" + ",".join(f'"a{i % 2}":{x}' for i, x in enumerate(items)) + "}"),
    max_leaves=8,
)  # fmt: skip


@given(almost_json)
def test_a_file_and_an_answer_are_held_to_the_same_rules(text: str) -> None:
    try:
        of_file = parse_json(text, "f.json").value
    except SyntaxFileError:
        with pytest.raises(ValueError):
            parse_answer(text)
    else:
        assert parse_answer(text) == of_file
