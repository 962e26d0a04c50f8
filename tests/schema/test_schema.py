from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.schema import SchemaProblem, Validator, json_path, show

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 5},
        "age": {"type": "integer", "minimum": 0},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}


def messages(schema, value):
    return [f"{each.json_path} {each.message}" for each in Validator(schema).check(value)]


def test_a_valid_value_has_no_violation():
    assert Validator(PERSON).check({"name": "Ada", "age": 36, "tags": ["a"]}) == ()


def test_every_violation_is_told_and_those_nearest_the_root_first():
    assert messages(PERSON, {"name": "Archibald", "tags": ["a", "c"], "x": 1}) == [
        '$ required property "age" is missing',
        '$ unexpected property "x"',
        "$.name expected at most 5 characters, got 9",
        '$.tags[1] expected one of "a", "b", got "c"',
    ]


def test_a_violation_names_its_place_and_its_keyword():
    (violation,) = Validator(PERSON).check({"name": "Ada", "age": -1})
    assert violation.path == ("age",)
    assert violation.keyword == "minimum"


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"type": "string"}, 3, "expected string, got number 3"),
        ({"type": ["string", "null"]}, True, "expected string or null, got boolean true"),
        ({"type": "string"}, None, "expected string, got null"),
        ({"type": "array"}, {}, "expected array, got object {}"),
        ({"type": "object"}, [], "expected object, got array []"),
        ({"type": "integer"}, True, "expected integer, got boolean true"),
        ({"const": "a"}, "b", 'expected "a", got "b"'),
        ({"enum": [1]}, True, "expected one of 1, got true"),
        ({"exclusiveMaximum": 1}, 1, "expected less than 1, got 1"),
        ({"minItems": 2}, [1], "expected at least 2 items, got 1"),
        ({"pattern": "^a"}, "b", 'expected a string that matches "^a", got "b"'),
        ({"uniqueItems": True}, [1, 1], "expected no duplicate items, got [1, 1]"),
        ({"not": {"type": "null"}}, None, 'expected a value that does not match {"type": "null"}, got null'),
        ({"oneOf": [{"type": "string"}, {"minLength": 1}]}, "a", "expected a value that matches exactly one of 2 alternatives, got \"a\""),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, "expected a value that matches one of 2 alternatives, got 1"),
        (False, 1, "no value is allowed here, got 1"),
        ({"additionalProperties": False, "patternProperties": {"^x": {}}}, {"xa": 1, "b": 2}, 'unexpected property "b"'),
    ],
)  # fmt: skip
def test_a_message_says_what_was_expected_and_what_came(schema, value, message):
    assert [each.message for each in Validator(schema).check(value)] == [message]


def test_inside_any_of_the_branch_that_comes_closest_is_told():
    schema = {"anyOf": [{"type": "object", "properties": {"k": {"const": 1}}}, {"type": "null"}]}
    assert messages(schema, {"k": 2}) == ["$.k expected 1, got 2"]


def test_long_values_are_shortened_in_messages_and_counted():
    (message,) = messages({"const": "a"}, "z" * 1000)
    assert len(message) < 200
    assert "more characters" in message


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date-time", "2026-01-31T12:00:00Z", "2026-01-31 12:00"),
        ("time", "12:00:00Z", "25:00:00Z"),
        ("date", "2026-01-31", "2026-02-31"),
        ("duration", "P1DT2H", "1 day"),
        ("email", "a@example.org", "a.example.org"),
        ("hostname", "www.example.org", "-bad-.example"),
        ("ipv4", "127.0.0.1", "127.0.0.256"),
        ("ipv6", "::1", "::g"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567"),
    ],
)
def test_each_format_of_the_strict_subset_is_really_checked(name, good, bad):
    validator = Validator({"type": "string", "format": name})
    assert validator.check(good) == ()
    assert [each.keyword for each in validator.check(bad)] == ["format"]


def test_an_unknown_format_is_an_annotation():
    assert Validator({"format": "zip-code"}).check("anything") == ()


@settings(max_examples=50)
@given(
    st.text(max_size=20),
    st.sampled_from(["date-time", "time", "date", "duration", "hostname", "ipv6", "uuid", "email"]),
)
def test_no_text_makes_a_format_check_fail_otherwise_than_by_a_violation(text, name):
    assert len(Validator({"format": name}).check(text)) <= 1


@pytest.mark.parametrize(
    ("divisor", "value", "multiple"),
    [
        (0.01, 19.99, True),
        (0.01, 4.35, True),
        (0.1, 0.3, True),
        (0.01, 19.991, False),
        (1e-7, 3e-7, True),
        (3, 9, True),
        (3, 10, False),
        (0.5, 10**400, True),
        (2, float("nan"), False),
    ],
)
def test_multiple_of_is_exact_on_the_decimal_numbers_as_written(divisor, value, multiple):
    assert (Validator({"multipleOf": divisor}).check(value) == ()) is multiple


@given(st.integers(-(10**9), 10**9))
def test_any_number_of_cents_is_a_multiple_of_a_cent(cents):
    assert Validator({"multipleOf": 0.01}).check(json.loads(f"{cents / 100:.2f}")) == ()


@pytest.mark.parametrize(("value", "valid"), [("abc", True), ("abc\n", False), ("a$", False)])
def test_a_dollar_in_a_pattern_is_the_very_end(value, valid):
    assert (Validator({"pattern": "^[a-z]+$"}).check(value) == ()) is valid


def test_a_dollar_that_is_escaped_or_in_a_class_is_a_dollar():
    assert Validator({"pattern": r"^\$[$]$"}).check("$$") == ()


@pytest.mark.parametrize(
    ("schema", "path", "message"),
    [
        ({"type": "strin"}, ("type",), "unknown type"),
        ({"properties": {"a": {"type": "x"}}}, ("properties", "a", "type"), "unknown type"),
        ({"properties": {"type": "x"}}, ("properties", "type"), "expected object or boolean"),
        ({"minLength": -1}, ("minLength",), "at least 0"),
        ({"pattern": "(a"}, ("pattern",), "not a regular expression"),
        ({"$schema": "https://example.org/mine"}, ("$schema",), "not a JSON Schema draft"),
        ({"$schema": 3}, ("$schema",), "not a JSON Schema draft"),
        (3, (), "a schema is an object"),
        (None, (), "a schema is an object"),
        ({"$ref": "#/$defs/x"}, ("$ref",), "is not defined in this schema"),
        ({"items": {"$ref": "#/anyOf/x"}, "anyOf": [{}]}, ("items", "$ref"), "is not defined in this schema"),
        ({"$ref": "https://example.org/s.json"}, ("$ref",), "never fetched"),
        ({"$ref": "other.json"}, ("$ref",), "never fetched"),
        ({"$ref": "#/minLength/0", "minLength": 1}, ("$ref",), "is not defined in this schema"),
        ({"$ref": "#/title", "title": "a"}, ("$ref",), "does not lead to a schema"),
        ({"$ref": "#/x", "x": {"pattern": "("}}, ("$ref",), "not a schema: .*not a regular expression"),
        ({"pattern": "a{4294967296}"}, ("pattern",), "not a regular expression"),
        ({"pattern": "a{" + "9" * 4400 + "}"}, ("pattern",), "not a regular expression"),
        ({"$schema": "http://json-sche[ma.org/draft-07/schema#"}, ("$schema",), "not a JSON Schema draft"),
        ({"$schema": "hTTp://json-schema.org/draft-07/schema#"}, ("$schema",), "not a JSON Schema draft"),
        ({"not": {"$schema": "the current one"}}, ("not", "$schema"), "not a JSON Schema draft"),
        ({"$ref": "#"}, ("$ref",), "refers to itself endlessly"),
        ({"anyOf": [{"$ref": "#"}, {"type": "null"}]}, ("anyOf", 0, "$ref"), "refers to itself endlessly"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, ("$defs", "b", "$ref"), "endlessly"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_used_is_refused_when_it_is_built(schema, path, message):
    with pytest.raises(SchemaProblem) as caught:
        Validator(schema)
    assert re.search(message, caught.value.message)
    assert caught.value.path == path or message == "endlessly"


def test_a_schema_that_is_nested_beyond_reason_is_refused():
    schema: object = {}
    for _ in range(3000):
        schema = {"items": schema}
    with pytest.raises(SchemaProblem, match="too deeply"):
        Validator(schema)


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {"properties": {"$ref": {"type": "string"}}},
        {"properties": {"a": {"const": {"$ref": "#/nowhere"}}}},
        {"enum": [{"$ref": "https://example.org"}, "text"]},
        {"$defs": {"a": {"$anchor": "here", "type": "string"}}, "$ref": "#here"},
        {
            "$id": "https://example.org/root",
            "$ref": "other",
            "$defs": {"a": {"$id": "other", "type": "string"}},
        },
        {"$schema": DRAFT_7, "definitions": {"a": {"type": "string"}}, "$ref": "#/definitions/a"},
        {"properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}},
    ],
)
def test_references_inside_the_document_are_fine(schema):
    assert Validator(schema).check("text") == ()


def test_a_reference_changes_nothing_about_how_the_draft_is_read():
    schema = {"$schema": DRAFT_2020, "multipleOf": 0.1, "properties": {"a": {"$ref": "#"}}}
    assert Validator(schema).check({"a": 0.3}) == ()


def test_what_a_keyword_unknown_to_the_draft_holds_is_not_looked_at():
    schema = {"$schema": DRAFT_7, "unevaluatedItems": {"$ref": "#/nowhere"}}
    assert Validator(schema).check([1]) == ()


def test_a_pattern_that_python_wonders_about_is_checked_in_silence(recwarn):
    assert Validator({"pattern": "^[[a]$"}).check("[") == ()
    assert not recwarn.list


@pytest.mark.parametrize(
    ("items", "valid"),
    [
        ([1, True], True),
        ([0, False, "0", None, [0], {"a": 0}], True),
        ([1, 1.0], False),
        ([{"a": 1, "b": [True]}, {"b": [True], "a": 1.0}], False),
        ([[1, 2], [2, 1]], True),
        ([{"a": [1]}, {"a": [True]}], True),
    ],
)
def test_items_are_the_same_where_json_schema_says_so(items, valid):
    assert (Validator({"uniqueItems": True}).check(items) == ()) is valid


def test_the_declared_draft_is_honoured():
    tuple_of_draft_7 = {"$schema": DRAFT_7, "items": [{"type": "string"}]}
    assert len(Validator(tuple_of_draft_7).check([1])) == 1


def test_a_recursive_schema_holds_at_every_level():
    schema = {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
        "required": ["next"],
    }
    value: dict[str, object] = {}
    for _ in range(20):
        value = {"next": value}
    (violation,) = Validator(schema).check(value)
    assert violation.path == ("next",) * 20


def test_a_value_nested_too_deeply_is_a_violation_and_no_crash():
    schema = {"properties": {"next": {"$ref": "#"}}}
    value: object = 1
    for _ in range(5000):
        value = {"next": value}
    assert [each.keyword for each in Validator(schema).check(value)] == ["depth"]


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=3), lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(max_size=3), c, max_size=3)))  # fmt: skip
def test_check_never_raises_whatever_the_value(value):
    Validator(PERSON).check(value)


@pytest.mark.parametrize(
    ("path", "spelled"),
    [
        ((), "$"),
        (("items", 0, "score"), "$.items[0].score"),
        (("a b",), "$['a b']"),
        (("it's", "back\\slash"), r"$['it\'s']['back\\slash']"),
        (("two\nlines",), r"$['two\u000alines']"),
        (("_x", "1"), "$['_x']['1']"),
    ],
)
def test_a_path_is_spelled_as_json_path(path, spelled):
    assert json_path(path) == spelled


def test_what_cannot_be_printed_is_shown_escaped():
    assert show("\ud800é\n") == r'"\ud800é\n"'


def test_a_value_without_bottom_can_be_shown():
    value: object = 1
    for _ in range(5000):
        value = [value]
    assert show(value) == "a very deeply nested value"
