"""The limits of the strict subset to the unit, and how a schema is laid out for the lint."""

from __future__ import annotations

from typing import Any

import pytest

from runner.checks.strict import lint, lint_loosely, lint_response_format
from runner.checks.strict_schema import Subschema, ends, finding, lay_out, target

STRING = {"type": "string"}
REF = {"$ref": "#/$defs/x"}
NULL = {"type": "null"}


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = STRING
    for _ in range(levels):
        schema = closed(a=schema)
    return schema


def enum(count: int, length: int = 1) -> dict[str, Any]:
    return {"type": "string", "enum": [f"{number:0{length}}" for number in range(count)]}


def told(schema: Any) -> list[tuple[str, str, str]]:
    return [(each.code, each.severity, each.message) for each in lint(schema)]


# --- limits -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levels", "findings"),
    [
        (8, []),
        (9, [("S060", "warning", "9 levels of nesting are near the limit of 10; the server may count more")]),
        (
            10,
            [("S060", "warning", "10 levels of nesting are near the limit of 10; the server may count more")],
        ),
        (11, [("S060", "error", "11 levels of nesting exceed the limit of 10")]),
    ],
)
def test_nesting_has_a_limit(levels: int, findings: list[tuple[str, str, str]]) -> None:
    found = told(nested(levels))
    assert [(code, severity, message.split(": ")[-1]) for code, severity, message in found] == findings


def test_the_properties_of_the_whole_schema_are_counted() -> None:
    half = {f"p{number}": STRING for number in range(2500)}
    assert told(closed(a=closed(**half), **{f"q{n}": STRING for n in range(2499)})) == []
    assert told(closed(a=closed(**half), **{f"q{n}": STRING for n in range(2500)})) == [
        ("S061", "error", "5001 properties exceed the limit of 5000")
    ]


def test_the_values_of_all_enums_are_counted() -> None:
    assert told(closed(a=enum(240), b=enum(240), c=enum(240), d=enum(240), e=enum(40))) == []
    assert told(closed(a=enum(240), b=enum(240), c=enum(240), d=enum(240), e=enum(41))) == [
        ("S062", "error", "1001 enum values, at most 1000")
    ]


def test_an_enum_of_more_than_250_values_may_have_15000_characters() -> None:
    values = [f"{number:059}" for number in range(250)]
    fitting, beyond = ([*values, "x" * length] for length in (250, 251))
    assert told(closed(a={"type": "string", "enum": fitting})) == []
    ((code, severity, message),) = told(closed(a={"type": "string", "enum": beyond}))
    assert (code, severity) == ("S063", "error")
    assert message.endswith("enum with more than 250 values: 15001 characters, at most 15000")
    assert told(closed(a={"type": "string", "enum": ["x" * 300, *values[:249]]})) == []


@pytest.mark.parametrize(
    "schema",
    [
        lambda text: closed(**{text: STRING}),
        lambda text: {**closed(a=REF), "$defs": {"x": STRING, text: STRING}},
        lambda text: closed(a={"type": "string", "const": text}),
        lambda text: closed(a={"type": "string", "enum": [text]}),
    ],
)
def test_names_and_values_may_have_120000_characters_together(schema: Any) -> None:
    def size(text: str) -> list[tuple[str, str]]:
        return [(code, severity) for code, severity, _ in told(schema(text)) if code == "S064"]

    assert size("y" * 119_990) == []
    assert size("y" * 120_001) == [("S064", "error")]


def test_names_and_values_are_added_up_to_the_character() -> None:
    def schema(length: int) -> dict[str, Any]:
        # 1 + 1 for the names of properties, 1 for that of the definition, 4 for the constant as JSON, 2 for the enum.
        return {
            **closed(a={"type": "boolean", "const": True}, b=enum(2), **{"y" * length: REF}),
            "$defs": {"x": STRING},
        }

    assert told(schema(120_000 - 9)) == []
    assert told(schema(120_000 - 8)) == [
        ("S064", "error", "120001 characters in names, enum and const values, at most 120000")
    ]


def test_the_names_of_definitions_of_old_count_too() -> None:
    schema = {**closed(a={"$ref": "#/definitions/x"}), "definitions": {"x": STRING, "y" * 120_001: STRING}}
    assert "S064" in [code for code, _, _ in told(schema)]


# --- response_format ----------------------------------------------------------------------------------------------


def test_what_is_no_response_format_says_nothing() -> None:
    for odd in (None, "json_schema", [], {}, {"type": "text", "json_schema": 3}):
        assert lint_response_format(odd) == []


def test_a_response_format_says_what_is_missing() -> None:
    def messages(inner: Any, text: str | None = None) -> list[str]:
        return [each.message for each in lint_response_format(inner, text)]

    assert messages({"type": "json_object"}, "Answer.") == [
        'no message contains "json", which json_object requires'
    ]
    assert messages({"type": "json_object"}, "Answer in JSON.") == []
    assert messages({"type": "json_schema"}) == ["response_format json_schema without a schema"]
    assert messages({"type": "json_schema", "json_schema": {}}) == [
        "json_schema has no name, which OpenAI requires",
        "strict is not true, so the schema is only a hint to the model and is not enforced",
        "response_format json_schema without a schema",
    ]
    assert (
        messages({"type": "json_schema", "json_schema": {"name": "a b", "strict": 1, "schema": STRING}})[0]
        == 'response_format name must match ^[a-zA-Z0-9_-]{1,64}$, got "a b"'
    )


def test_the_findings_of_a_response_format_are_those_of_its_schema() -> None:
    schema = closed(a={"type": "string", "minLength": 3})
    declared = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": schema}}
    assert [each.code for each in lint_response_format(declared)] == [each.code for each in lint(schema)]


@pytest.mark.parametrize(
    ("schema", "messages"),
    [
        (closed(a=STRING), []),
        ({"type": "object"}, ["any object passes: the schema does not describe its content"]),
        ({"type": "array"}, ["any list passes: the schema does not describe its content"]),
        (
            {"type": ["object", "array"]},
            ["any object and any list passes: the schema does not describe its content"],
        ),
        (
            {"type": ["string", "number", "boolean", "object", "array"]},
            ["any object and any list passes: the schema does not describe its content"],
        ),
        (
            {"properties": {"a": STRING}, "required": ["a"]},
            ['anything that is not an object passes, e.g. a string: add type "object"'],
        ),
        (STRING, []),
    ],
)
def test_a_schema_that_is_not_enforced_is_told_what_it_lets_pass(schema: Any, messages: list[str]) -> None:
    assert [each.message for each in lint_loosely(schema)] == messages


def test_a_keyword_that_nobody_knows_is_told_with_what_may_be_meant() -> None:
    def message(keyword: str) -> str:
        found = lint_loosely(closed(a={"type": "string", keyword: 1}))
        assert [(each.code, each.severity, each.path) for each in found] == [
            ("S032", "warning", ("properties", "a", keyword))
        ]
        return found[0].message

    assert message("minLenght").endswith("unknown keyword 'minLenght' (did you mean \"minLength\"?)")
    assert message("zzz").endswith("unknown keyword 'zzz' (a typo, or ignored)")


# --- the layout ------------------------------------------------------------------------------------------------------


def test_every_subschema_is_laid_out_once_with_its_depth_in_the_order_of_the_file() -> None:
    schema = {
        "properties": {"a": {"items": {"anyOf": [STRING, NULL]}}, "b": True},
        "$defs": {"x": {"properties": {"c": STRING}}},
        "definitions": {"y": STRING},
        "enum": [{"properties": {"no": STRING}}],
        "items": False,
    }
    assert [(path, node.depth) for path, node in lay_out(schema).items()] == [
        ((), 0),
        (("properties", "a"), 1),
        (("properties", "a", "items"), 2),
        (("properties", "a", "items", "anyOf", 0), 2),
        (("properties", "a", "items", "anyOf", 1), 2),
        (("properties", "b"), 1),
        (("$defs", "x"), 0),
        (("$defs", "x", "properties", "c"), 1),
        (("definitions", "y"), 0),
        (("items",), 1),
    ]


def test_a_node_tells_what_is_written_there_and_nothing_that_is_not() -> None:
    node = Subschema(
        {"type": ["string", 3], "properties": {"a": STRING}, "required": ["b", 1, "a", "b"]}, (), 0
    )
    assert node.types == ("string", "3")
    assert list(node.required) == ["b", "a"]
    assert node.properties == {"a": STRING}
    for odd in (True, None, {"type": "string", "properties": 3, "required": "a"}):
        assert (Subschema(odd, (), 0).properties, Subschema(odd, (), 0).required) == ({}, {})
    assert Subschema({}, (), 0).types == ()


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        ("#", ()),
        ("#/$defs/x", ("$defs", "x")),
        ("#/definitions/x", ("definitions", "x")),
        ("#/$defs/a~1b~0c%20d", ("$defs", "a/b~c d")),
        ("#/$defs/~01", ("$defs", "~1")),
        ("#/$defs/x/properties/a", None),
        ("#/properties/a", None),
        ("#x", None),
        ("", None),
        (None, None),
        (3, None),
    ],
)
def test_a_reference_means_the_root_or_a_definition(reference: Any, place: Any) -> None:
    assert target(reference) == place


@pytest.mark.parametrize(
    ("schema", "finite"),
    [
        (STRING, True),
        ({"type": "string", "anyOf": []}, True),
        ({"type": "string", "anyOf": {"a": 1}}, True),
        ({"$ref": "#"}, False),
        ({"$ref": "#/$defs/none"}, True),
        ({"$ref": "elsewhere"}, True),
        (closed(a={"$ref": "#"}), False),
        ({**closed(a={"$ref": "#"}), "required": []}, True),
        ({**closed(a={"$ref": "#"}), "required": ["b"]}, True),
        ({**closed(a={"$ref": "#"}), "enum": [1]}, True),
        ({**closed(a={"$ref": "#"}), "const": 1}, True),
        (closed(a={"anyOf": [{"$ref": "#"}, NULL]}), True),
        (closed(a={"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}), False),
        ({**closed(a={"$ref": "#"}), "anyOf": []}, False),
        ({**closed(a={"$ref": "#"}), "type": ["object", "null"]}, True),
        ({**closed(a={"$ref": "#"}), "type": ["object", "array"]}, True),
        (closed(a={"type": "array", "items": {"$ref": "#"}}), True),
        (closed(a={"type": "array", "items": {"$ref": "#"}, "minItems": 0}), True),
        (closed(a={"type": "array", "items": {"$ref": "#"}, "minItems": 1}), False),
        (closed(a={"type": "array", "items": STRING, "minItems": 1}), True),
        (closed(a={"type": "array", "minItems": 1}), True),
        ({**closed(a=REF), "$defs": {"x": closed(b=STRING, c=closed(d={"$ref": "#"}))}}, False),
        ({**closed(a=REF), "$defs": {"x": closed(b=STRING)}}, True),
    ],
)
def test_a_schema_that_demands_a_value_without_end_is_found(schema: Any, finite: bool) -> None:
    assert (() in ends(lay_out(schema))) is finite


def test_a_finding_names_its_place_unless_it_is_the_root() -> None:
    assert finding("S001", "error", ("a", 0), "m").message == "$.a[0]: m"
    assert finding("S001", "error", (), "m").message == "m"
