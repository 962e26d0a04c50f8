"""The rules of Anthropic's structured outputs, each with a schema that obeys it and one that violates it."""

from __future__ import annotations

from typing import Any

import pytest

from runner.checks.anthropic_schema import lint_for_anthropic
from runner.checks.strict import lint_response_format


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


LIST = {"type": "array", "items": {"type": "string"}}
NODE = closed(next={"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]})


@pytest.mark.parametrize(
    ("violating", "obeying", "code", "path"),
    [
        (closed(a={"type": "number", "minimum": 0}), closed(a={"type": "number"}), "S101", ("properties", "a", "minimum")),
        (closed(a={"type": "string", "maxLength": 9}), closed(a={"type": "string"}), "S101", ("properties", "a", "maxLength")),
        (closed(a={**LIST, "minItems": 2}), closed(a={**LIST, "minItems": 1}), "S101", ("properties", "a", "minItems")),
        ({"type": "object"}, {"type": "object", "additionalProperties": False}, "S102", ()),
        ({**closed(), "additionalProperties": True}, closed(), "S102", ("additionalProperties",)),
        (
            {**closed(a={"$ref": "#/$defs/node"}), "$defs": {"node": NODE}},
            {**closed(a={"$ref": "#/$defs/node"}), "$defs": {"node": closed(next={"type": "null"})}},
            "S103",
            ("$defs", "node", "properties", "next", "anyOf", 0, "$ref"),
        ),
        (closed(a={"anyOf": [{"$ref": "#"}, {"type": "null"}]}), closed(a={"type": "null"}), "S103", ("properties", "a", "anyOf", 0, "$ref")),
        (
            {**closed(a={"$ref": "#/$defs/other"}), "$defs": {"node": {"type": "null"}}},
            {**closed(a={"$ref": "#/$defs/node"}), "$defs": {"node": {"type": "null"}}},
            "S104",
            ("properties", "a", "$ref"),
        ),
        (closed(a={"$ref": "https://x/y"}), closed(a={"type": "null"}), "S104", ("properties", "a", "$ref")),
        (closed(a={"allOf": [{"$ref": "#/$defs/n"}]}), closed(a={"allOf": [{"type": "null"}]}), "S104", ("properties", "a", "allOf", 0)),
        (closed(a={"enum": [{"b": 1}]}), closed(a={"enum": ["b", 1, None, True]}), "S105", ("properties", "a", "enum")),
        (closed(a={"type": "string", "format": "regex"}), closed(a={"type": "string", "format": "uri"}), "S106", ("properties", "a", "format")),
        (closed(a={"type": "string", "pattern": "(?=a)"}), closed(a={"type": "string", "pattern": "^a+$"}), "S106", ("properties", "a", "pattern")),
        (closed(a={"type": "string", "pattern": r"\ba"}), closed(a={"type": "string", "pattern": r"\d"}), "S106", ("properties", "a", "pattern")),
        (
            {**closed(**{f"a{n}": {"type": "null"} for n in range(25)}), "required": []},
            {**closed(**{f"a{n}": {"type": "null"} for n in range(24)}), "required": []},
            "S107",
            (),
        ),
        (
            closed(**{f"a{n}": {"type": ["string", "null"]} for n in range(17)}),
            closed(**{f"a{n}": {"type": ["string", "null"]} for n in range(16)}),
            "S107",
            (),
        ),
        (closed(a={"oneOf": [{"type": "null"}]}), closed(a={"anyOf": [{"type": "null"}]}), "S108", ("properties", "a", "oneOf")),
    ],
)  # fmt: skip
def test_a_rule_finds_what_violates_it(
    violating: Any, obeying: Any, code: str, path: tuple[Any, ...]
) -> None:
    assert (code, path) in [(each.code, each.path) for each in lint_for_anthropic(violating)]
    assert lint_for_anthropic(obeying) == []


def test_a_schema_used_twice_is_not_recursive() -> None:
    twice = {**closed(a={"$ref": "#/$defs/n"}, b={"$ref": "#/$defs/n"}), "$defs": {"n": {"type": "null"}}}
    assert lint_for_anthropic(twice) == []


def test_the_rules_of_openai_do_not_apply() -> None:
    """An optional property, no name and no `strict` are as they should be there."""
    schema = {**closed(a={"type": "string"}), "required": []}
    declared: Any = {"type": "json_schema", "json_schema": {"schema": schema}}
    assert lint_response_format(declared, None, "anthropic") == []
    assert lint_response_format({**declared, "json_schema": {}}, None, "anthropic")[0].code == "S004"
    assert {each.code for each in lint_response_format(declared, None)} == {"S003", "S005"}


@pytest.mark.parametrize("schema", [True, 3, [], {"$ref": 7}, {"properties": []}, {"enum": 3}, {"allOf": {}}])
def test_no_schema_is_too_odd_to_be_linted(schema: Any) -> None:
    lint_for_anthropic(schema)
