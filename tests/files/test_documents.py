"""Positions point at the text of the value, through every way to write it."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from runner.documents.documents import Document, parse_document
from runner.documents.json_reader import parse_json
from runner.documents.text import decode
from runner.documents.yaml_reader import parse_yaml
from runner.errors import EncodingError, Location, SyntaxFileError
from runner.values import Json, JsonPath

PROMPT = """\
# a comment
defaults: &defaults
  role: user
  name: ada
messages:
  - role: system
    content: |-
      Answer in {{ lang }}.

        Indented {{ oops }}
  - <<: *defaults
    content: "one {{ x }}\\nt\\u0077o"
  - *defaults
tag: !!str &anchor 12
folded: >
  one
  two

  three
empty:
flow: {a: [1, {b: 2}]}
plain: one {{ two }}
single: 'it''s {{ x }}'
"""


@pytest.fixture(scope="module")
def prompt() -> Document:
    return parse_yaml(PROMPT, "p.yaml")


def at(location: Location) -> str:
    return f"{location.line}:{location.column}"


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ((), "2:1", "2:1"),
        (("defaults",), "2:1", "3:3"),
        (("defaults", "name"), "4:3", "4:9"),
        (("messages", 0), "6:5", "6:5"),
        (("messages", 0, "content"), "7:5", "7:14"),
        (("messages", 1, "role"), "3:3", "3:9"),
        (("messages", 1, "content"), "12:5", "12:14"),
        (("messages", 2), "3:3", "3:3"),
        (("messages", 2, "name"), "4:3", "4:9"),
        (("tag",), "14:1", "14:20"),
        (("empty",), "20:1", "20:7"),
        (("flow", "a", 1, "b"), "21:16", "21:19"),
    ],
)
def test_key_and_value_are_located(prompt: Document, path: JsonPath, key: str, value: str) -> None:
    assert at(prompt.locate_key(path)) == key
    assert at(prompt.locate(path)) == value


@pytest.mark.parametrize(
    ("path", "ancestor"),
    [
        (("nothing",), ()),
        (("messages", 9), ("messages",)),
        (("messages", -1), ("messages",)),
        (("messages", "role"), ("messages",)),
        (("defaults", 0), ("defaults",)),
        (("flow", "a", 1, "c", "d"), ("flow", "a", 1)),
        (("plain", "x"), ("plain",)),
    ],
)
def test_what_is_not_there_is_located_at_its_deepest_ancestor(
    prompt: Document, path: JsonPath, ancestor: JsonPath
) -> None:
    assert prompt.locate(path) == prompt.locate(ancestor)
    assert prompt.locate_key(path) == prompt.locate_key(ancestor)


@pytest.mark.parametrize(
    ("path", "line", "column", "expected"),
    [
        (("messages", 0, "content"), 1, 11, "8:17"),
        (("messages", 0, "content"), 3, 12, "10:18"),
        (("messages", 0, "content"), 3, None, "10:None"),
        (("messages", 0, "content"), 2, 1, "9:1"),
        (("messages", 1, "content"), 1, 5, "12:19"),
        (("messages", 1, "content"), 2, 1, "12:28"),
        (("messages", 1, "content"), 2, 3, "12:35"),
        (("folded",), 1, 5, "17:3"),
        (("folded",), 2, 2, "19:4"),
        (("plain",), 1, 5, "22:12"),
        (("single",), 1, 6, "23:16"),
        (("plain",), 7, 99, "22:21"),
        (("flow",), 3, 3, "21:7"),
    ],
)
def test_a_line_of_a_string_is_found_in_the_file(
    prompt: Document, path: JsonPath, line: int, column: int | None, expected: str
) -> None:
    assert at(prompt.text_location(path, line, column)) == expected


def test_a_source_line_is_given_as_it_stands(prompt: Document) -> None:
    assert prompt.source_line(3) == "  role: user"
    assert prompt.source_line(0) is None
    assert prompt.source_line(99) is None


_TEXT = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff\ufffe\uffff\u2028\u2029"
    )
    | st.sampled_from("\n\n  'a"),
    max_size=30,
)


@given(_TEXT, st.sampled_from(["|", ">", "'", '"', ""]), st.integers(8, 30))
@settings(max_examples=200)
def test_each_character_of_a_string_is_found(value: str, style: str, width: int) -> None:
    text = yaml.safe_dump({"a": {"k": value}}, default_style=style, allow_unicode=True, width=width)
    document = parse_yaml(text, "f.yaml")
    assume(document.value == {"a": {"k": value}})  # unquoted, some of these texts are not texts
    lines = text.split("\n")
    for number, line in enumerate(value.split("\n"), 1):
        for column, char in enumerate(line, 1):
            place = document.text_location(("a", "k"), number, column)
            assert place.line is not None
            assert place.column is not None
            written = lines[place.line - 1][place.column - 1 :]
            # A space may be a folded line break; others stand as they are, or as an escape.
            assert written[:1] == char or char == " " or written.startswith("\\")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.booleans())
@settings(max_examples=100)
def test_each_character_of_a_json_string_is_found(value: str, ascii_only: bool) -> None:
    text = json.dumps([value], ensure_ascii=ascii_only)
    document = parse_json(text, "f.json")
    offset = 2
    for number, line in enumerate(value.split("\n"), 1):
        for column, char in enumerate(line, 1):
            assert document.text_location((0,), number, column).column == offset + 1
            offset += len(json.dumps(char, ensure_ascii=ascii_only)) - 2
        offset += 2  # the escape of the line break


_marked = st.recursive(
    st.none(),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, min_size=1, max_size=3)
    ),
    max_leaves=10,
)


def _number(value: Json, counter: list[int]) -> Json:
    """Each leaf a text of its own, so that it can be recognised in the file."""
    if isinstance(value, dict):
        return {key: _number(item, counter) for key, item in value.items()}
    if isinstance(value, list):
        return [_number(item, counter) for item in value]
    counter[0] += 1
    return f"leaf{counter[0]}."


def _leaves(value: Json, path: JsonPath = ()) -> list[tuple[JsonPath, str]]:
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in _leaves(item, (*path, key))]
    if isinstance(value, list):
        return [leaf for index, item in enumerate(value) for leaf in _leaves(item, (*path, index))]
    assert isinstance(value, str)
    return [(path, value)]


@given(_marked, st.sampled_from([True, False, None]), st.sampled_from(["", '"', "|"]))
@settings(max_examples=150)
def test_every_leaf_and_key_is_found_in_yaml(shape: Json, flow: bool | None, style: str) -> None:
    value = _number(shape, [0])
    text = yaml.safe_dump(value, default_flow_style=flow, default_style=style, allow_unicode=True)
    _assert_found(parse_yaml(text, "f"), value, text)


@given(_marked, st.sampled_from([None, 2]))
@settings(max_examples=100)
def test_every_leaf_and_key_is_found_in_json(shape: Json, indent: int | None) -> None:
    value = _number(shape, [0])
    text = json.dumps(value, indent=indent)
    _assert_found(parse_json(text, "f"), value, text)


def _assert_found(document: Document, value: Json, text: str) -> None:
    lines = text.split("\n")
    assert document.value == value
    for path, leaf in _leaves(value):
        place = document.locate(path)
        assert place.line
        assert place.column
        rest = lines[place.line - 1][place.column - 1 :]
        if rest.startswith("|"):
            rest = lines[place.line].lstrip()
        assert rest.lstrip('"').startswith(leaf)
        if path and isinstance(path[-1], str):
            place = document.locate_key(path)
            assert place.line
            assert place.column
            rest = lines[place.line - 1][place.column - 1 :]
            assert rest.removeprefix("? ").lstrip('"|-').startswith(path[-1]) or rest.startswith("|")


def test_the_ending_chooses_the_format() -> None:
    assert parse_document(b'{"a": 1e3}', "x.JSON").value == {"a": 1000.0}
    assert parse_document(b"a: 1", "x.yml").value == {"a": 1}
    with pytest.raises(SyntaxFileError):
        parse_document(b"a: 1", "x.json")


def test_a_byte_order_mark_is_dropped_and_line_ends_are_one_kind() -> None:
    assert decode(b"\xef\xbb\xbfa\r\nb\rc\n", "f") == "a\nb\nc\n"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (
            b"a: 1\r\nb: \xfc",
            "f:2:4: byte 0xFC is not UTF-8 (save the file as UTF-8 (it may be Windows-1252 or Latin-1))",
        ),
        (
            "ä\nä".encode() + b"\xff",
            "f:2:2: byte 0xFF is not UTF-8 (save the file as UTF-8 (it may be Windows-1252 or Latin-1))",
        ),
        (
            b"\xed\xa0\x80",
            "f:1:1: byte 0xED is not UTF-8 (save the file as UTF-8 (it may be Windows-1252 or Latin-1))",
        ),
        ("a: 1".encode("utf-16"), "f:1:1: the file looks like UTF-16, not UTF-8 (save it as UTF-8)"),
        ("a: 1".encode("utf-32"), "f:1:1: the file looks like UTF-32, not UTF-8 (save it as UTF-8)"),
        (
            "a: 1".encode("utf-16-le"),
            "f:1:2: the text contains a NUL byte (it looks like UTF-16: save it as UTF-8)",
        ),
        (
            b"ab\ncd\0ef",
            "f:2:3: the text contains a NUL byte (remove it, or use another file if this one is binary)",
        ),
    ],
)
def test_other_bytes_than_utf_8_are_refused_at_their_place(data: bytes, told: str) -> None:
    with pytest.raises(EncodingError) as caught:
        decode(data, "f")
    assert str(caught.value) == told


@given(st.binary(max_size=40))
def test_any_bytes_are_text_or_an_encoding_error(data: bytes) -> None:
    try:
        text = decode(data, "f")
    except EncodingError as error:
        assert error.location is not None
        assert error.location.column is not None
    else:
        assert "\r" not in text
        assert "\0" not in text
