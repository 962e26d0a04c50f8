"""Schemas that refuse nothing, by proof; and that no schema which refuses something is called one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.schema import SchemaProblem, Validator, accepted_types, unknown_keywords, vacuity
from runner.schema.vacuity import TYPES

NOTHING: list[Any] = [
    {}, True, {"title": "t", "description": "d", "default": 1, "examples": [1]}, {"$defs": {"a": {"type": "string"}}},
    {"anyOf": [{}, {"type": "string"}]}, {"anyOf": [True]}, {"allOf": [{}, True]}, {"oneOf": [{}]},
    {"oneOf": [{"type": "string"}, {}, False][1:]}, {"not": False}, {"not": {"not": {}}}, {"if": {"type": "string"}},
    {"if": {"type": "string"}, "then": {}, "else": True}, {"then": {"type": "string"}}, {"properties": {"a": {}}},
    {"properties": {}}, {"required": []}, {"minLength": 0, "minItems": 0, "uniqueItems": False}, {"items": {}},
    {"additionalProperties": True}, {"type": ["object", "array", "string", "number", "boolean", "null"]},
    {"$ref": "#/$defs/a", "$defs": {"a": {}}}, {"properties": {"next": {"$ref": "#"}}},
    {"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/a", "type": "string", "definitions": {"a": {}}},
    {"$ref": "#a", "$defs": {"x": {"$anchor": "a"}}}, {"$dynamicRef": "#a", "$defs": {"x": {"$dynamicAnchor": "a"}}},
    {"properties": {"next": {"$recursiveRef": "#"}}, "$schema": "https://json-schema.org/draft/2019-09/schema"},
    {"name": "a"}, {"dependentRequired": {"a": []}}, {"x-note": 1},
]  # fmt: skip
SOMETHING: list[Any] = [
    False, {"type": "object"}, {"type": "integer"}, {"type": ["object", "array", "string", "integer", "boolean", "null"]},
    {"enum": [1]}, {"const": {}}, {"required": ["a"]}, {"properties": {"a": {"type": "string"}}}, {"not": {}},
    {"anyOf": [{"type": "string"}]}, {"oneOf": [{}, {}]}, {"oneOf": [{}, {"type": "string"}]}, {"minimum": 0},
    {"if": {"type": "string"}, "then": False}, {"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}},
    {"properties": {"next": {"$ref": "#"}, "a": {"type": "string"}}}, {"items": {"type": "string"}}, {"contains": {}},
    {"$ref": "#a", "$defs": {"x": {"$anchor": "a", "type": "string"}}},
    {"$dynamicRef": "#a", "$defs": {"x": {"$dynamicAnchor": "a", "type": "string"}}},
    {"allOf": [{}, {"minLength": 1}]}, {"additionalProperties": False}, {"propertyNames": {"pattern": "^a"}},
    {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "#/$defs/a", "type": "string", "$defs": {"a": {}}},
]  # fmt: skip


@pytest.mark.parametrize("schema", NOTHING, ids=str)
def test_a_schema_that_refuses_nothing_is_no_test(schema: Any) -> None:
    assert accepted_types(schema) == TYPES
    assert vacuity(schema) is not None


@pytest.mark.parametrize("schema", SOMETHING, ids=str)
def test_a_schema_that_can_refuse_is_one(schema: Any) -> None:
    assert accepted_types(schema) != TYPES
    assert vacuity(schema) is None


TICKET = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
TOLD: list[tuple[Any, str]] = [
    ({"name": "x", "strict": True, "schema": TICKET}, "the schema itself is under schema"),
    ({"type": "json_schema", "json_schema": {"name": "x", "schema": TICKET}}, "the schema itself is under json_schema.schema"),
    ({"json_schema": {"schema": TICKET}}, "the schema itself is under json_schema.schema"),
    ({"response_format": {"type": "json_schema", "json_schema": {"schema": TICKET}}}, "the schema itself is under response_format.json_schema.schema"),
    ({"text": {"format": {"type": "json_schema", "schema": TICKET}}}, "the schema itself is under text.format.schema"),
    ({"type": "object", "schema": TICKET}, "the schema itself is under schema"),
    ({"type": "function", "function": {"name": "f", "parameters": TICKET}}, "the schema itself is under function.parameters"),
    ({"type": "object", "property": {}, "require": ["a"]}, 'JSON Schema has no keyword "property" (did you mean "properties"?), "require" (did you mean "required"?)'),
    ({"any_of": [TICKET]}, 'JSON Schema has no keyword "any_of" (did you mean "anyOf"?)'),
    ({"category": {"type": "string"}}, 'JSON Schema has no keyword "category" (properties are declared under "properties")'),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "hint"), TOLD, ids=[hint for _, hint in TOLD])
def test_what_was_meant_is_told(schema: Any, hint: str) -> None:
    found = vacuity(schema)
    assert found is not None
    assert found.hint == hint


@pytest.mark.parametrize(
    "schema",
    [
        TICKET,
        {"type": "object", "properties": {"schema": {"type": "object"}}},
        {"type": "array"},
        {"enum": [1]},
    ],
)
def test_an_ordinary_schema_is_left_alone(schema: Any) -> None:
    assert vacuity(schema) is None


def test_unknown_keywords_are_found_wherever_a_schema_stands() -> None:
    schema = {
        "properties": {"requird": {"minLenght": 1}},
        "allOf": [{"maxx": 1}],
        "not": {"zz": 1},
        "const": {"aa": 1},
        "default": {"bb": 1},
        "x-mine": {"cc": 1},
    }
    assert list(unknown_keywords(schema)) == [
        (("properties", "requird"), "minLenght"),
        (("allOf", 0), "maxx"),
        (("not",), "zz"),
    ]


_leaves = st.sampled_from(
    [{}, True, False, {"type": "string"}, {"type": "object"}, {"type": "null"}, {"$ref": "#"}, {"$ref": "#/$defs/d"}, {"enum": [True, False, None]}, {"minLength": 0}, {"required": ["a"]}, {"not": {}}]
)  # fmt: skip
_schemas = st.recursive(
    _leaves,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "items": inner,
            "properties": st.fixed_dictionaries({"a": inner}),
            "additionalProperties": inner,
            "propertyNames": inner,
        },
    ),
    max_leaves=6,
)
VALUES: list[Any] = [
    {},
    {"a": 1},
    {"a": {"a": ""}},
    {"b": []},
    [],
    [1],
    ["a", {}],
    "",
    "x",
    0,
    1.5,
    True,
    False,
    None,
]


@given(_schemas, _schemas)
def test_what_is_called_accepted_is_accepted(schema: Any, definition: Any) -> None:
    whole = {**schema, "$defs": {"d": definition}} if isinstance(schema, dict) else schema
    try:
        validator = Validator(whole)
    except SchemaProblem:
        return
    accepted = accepted_types(whole)
    kinds = {dict: "object", list: "array", str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}  # fmt: skip
    for value in VALUES:
        if kinds[type(value)] in accepted:
            assert validator.check(value) == ()
