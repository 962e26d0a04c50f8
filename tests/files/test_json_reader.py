"""Strict JSON: as fast as json.loads, stricter than it, and with a place for every complaint."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.documents.json_outline import outline
from runner.documents.json_reader import parse_json
from runner.documents.outline import start
from runner.documents.text import TextError
from runner.errors import FileError, SyntaxFileError
from runner.values import Json
from runner.visible import visible

json_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values, st.booleans(), st.sampled_from([None, 1, "\t"]))
@settings(max_examples=150)
def test_what_json_writes_loads_back_equal(value: Json, ascii_only: bool, indent: int | str | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    document = parse_json(text, "f.json")
    assert json.dumps(document.value) == json.dumps(value)
    assert start(outline(text)) == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "f.json:1:1: there is no JSON value here (write an empty value as null)"),
        ('{"a": 1,}', 'f.json:1:8: there is a comma before the closing "}" (remove the comma)'),
        ("[1,\n 2,\n]", 'f.json:2:3: there is a comma before the closing "]" (remove the comma)'),
        ("{a: 1}", 'f.json:1:2: expected a key in double quotes, found "a" (strings need double quotes)'),
        ("{'a': 1}", "f.json:1:2: the string is in single quotes (JSON allows only double quotes)"),
        ("[1 2]", 'f.json:1:4: expected a comma or "]", found "2"'),
        ("[1", 'f.json:1:1: the "[" that opens here is never closed (add the missing "]")'),
        ("[NaN]", "f.json:1:2: NaN is not a JSON number (write null, or a string in quotes)"),
        ("[-Infinity]", "f.json:1:2: -Infinity is not a JSON number (write null, or a string in quotes)"),
        ("[1e999]", "f.json:1:2: the number 1e999 is too large"),
        ("[01]", "f.json:1:2: a number begins with 0 (quote it if it is an identifier)"),
        ("[True]", 'f.json:1:2: expected a value, found "True" (write true)'),
        ("// x\n1", "f.json:1:1: JSON has no comments (remove it, or write the file in YAML)"),
        (
            '"a\nb"',
            r"f.json:1:1: the string that begins here has no closing quote (write a line break as \n)",
        ),
        ('"a\tb"', r"f.json:1:3: the string contains the control character U+0009 (write it as \u0009)"),
        (r'"\q"', r"f.json:1:2: \q is not a JSON escape (write a backslash as \\)"),
        ('{"a"}', 'f.json:1:5: expected a colon after the key, found "}"'),
        ('{"a":', "f.json:1:6: the file ends where a value is expected"),
        ("1 2", "f.json:1:3: more text follows after the end of the JSON value"),
        (
            r'"\ud800"',
            r"f.json:1:2: \ud800 is half a character (a surrogate must be followed by its other half)",
        ),
        ("[" * 101 + "]" * 101, "f.json:1:101: the values are nested more than 100 levels deep"),
        ("9" * 4301, "f.json:1:1: a number of 4301 digits (quote it if it is an identifier)"),
    ],
)
def test_a_mistake_is_explained_with_its_place(text: str, told: str) -> None:
    with pytest.raises(SyntaxFileError) as caught:
        parse_json(text, "f.json")
    assert str(caught.value) == told


@pytest.mark.parametrize(
    "text", ['{"a": 1,\n "a": 1}', '{"a": 1,\n "\\u0061": 1}', '[{"a": 1,\n "a": {"b": 2}}]']
)
def test_a_duplicate_key_names_both_lines(text: str) -> None:
    with pytest.raises(SyntaxFileError, match=r'the key "a" appears twice; the first is on line 1') as caught:
        parse_json(text, "f.json")
    assert str(caught.value.location) == "f.json:2:2"


@pytest.mark.parametrize(
    "text", ['"\\ud83d\\ude00"', "9007199254740993", "[" * 100 + "]" * 100, '"[[[["', "9" * 4300]
)
def test_what_is_unusual_and_right_is_accepted(text: str) -> None:
    assert parse_json(text, "f.json").value == json.loads(text)


def test_a_row_of_a_longer_file_keeps_the_lines_of_that_file() -> None:
    row = parse_json('{"a": 1}', "rows.jsonl", first_line=7)
    assert str(row.locate(("a",))) == "rows.jsonl:7:7"
    assert row.source_line(7) == '{"a": 1}'
    with pytest.raises(SyntaxFileError, match=r"rows\.jsonl:7:8: .*the first is on line 7"):
        parse_json('{"a":1,"a":1}', "rows.jsonl", first_line=7)


_PIECES = [*"{}[]:,\"\\u0123456789.eE+-tfn \n\t'#/", "true", "null", '"a"', "NaN", "\\ud83d"]


@given(st.text() | st.lists(st.sampled_from(_PIECES), max_size=20).map("".join))
@settings(max_examples=250)
def test_the_two_readings_agree_on_any_text(text: str) -> None:
    try:
        outline(text)
    except TextError as error:
        with pytest.raises(FileError) as caught:
            parse_json(text, "f.json")
        assert caught.value.message.startswith(visible(error.message))
        assert caught.value.location is not None
        assert caught.value.location.line is not None
    else:
        assert json.dumps(parse_json(text, "f.json").value) == json.dumps(json.loads(text))
