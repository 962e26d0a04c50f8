"""The registry of the comparators of `regression.rules`: what each compares, what it takes, and when values are equal.

The JSON Schema of prompt files is built from it; the compiler (`regress.rules.rules`) and `docs/regression-rules.md`
follow it. To add a comparator, add it here, implement it in `regress.rules`, and add the row that the tests then require
to the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ..values import Json

__all__ = ["COMPARATORS", "ComparatorName", "ComparatorType", "default_schema", "rule_schema"]

ComparatorName: TypeAlias = Literal[
    "exact", "text", "number", "set", "unordered", "keyed", "regex", "seen", "similar"
]

_JsonSchema: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ComparatorType:
    """One way to compare two values.

    `types` are the JSON types that it compares (all if empty), `about` names them in words; `equal` completes "equal if
    ...". `keys` are the JSON Schemas of its own keys. If `inherited`, it also applies to everything below its path.
    """

    name: ComparatorName
    about: str
    equal: str
    types: frozenset[str] = frozenset()
    keys: Mapping[str, _JsonSchema] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    inherited: bool = False


_LIST = frozenset({"array"})
_STRING = frozenset({"string"})

COMPARATORS: Mapping[ComparatorName, ComparatorType] = {
    each.name: each
    for each in (
        ComparatorType(
            "exact",
            "anything",
            "equal as JSON; exempts a part from an `ignore` or `text` above it",
            inherited=True,
        ),
        ComparatorType(
            "text",
            "strings, and all strings below",
            "the same after `normalise` (below)",
            types=frozenset({"string", "object", "array"}),
            keys={
                "normalise": {
                    "type": "array",
                    "minItems": 1,
                    "uniqueItems": True,
                    "items": {"enum": ["whitespace", "case", "punctuation", "unicode", "markdown"]},
                    "description": "Differences that do not count; the default is whitespace and unicode.",
                }
            },
            inherited=True,
        ),
        ComparatorType(
            "number",
            "numbers",
            "they differ by at most `abs`, or by at most the fraction `rel` of the larger one, in exact decimal arithmetic",
            types=frozenset({"number", "integer"}),
            keys={
                "abs": {
                    "type": "number",
                    "minimum": 0,
                    "description": "Largest absolute difference; with rel, one of the two suffices.",
                },
                "rel": {
                    "type": "number",
                    "minimum": 0,
                    "description": "Largest difference as a fraction of the larger number, e.g. 0.01.",
                },
            },
        ),
        ComparatorType("set", "lists", "each item has an equal item in the other list", types=_LIST),
        ComparatorType("unordered", "lists", "the items can be paired, in any order", types=_LIST),
        ComparatorType(
            "keyed",
            "lists of objects",
            "objects with the same `key` are equal, in any order",
            types=_LIST,
            keys={
                "key": {
                    "type": "string",
                    "minLength": 1,
                    "description": "The property that identifies an item.",
                }
            },
            required=("key",),
        ),
        ComparatorType(
            "regex",
            "strings",
            "the whole new string matches `pattern`",
            types=_STRING,
            keys={
                "pattern": {
                    "type": "string",
                    "minLength": 1,
                    "description": "A regular expression that must match the whole new text.",
                }
            },
            required=("pattern",),
        ),
        ComparatorType("seen", "anything", "the value, or its absence, is among the approved samples"),
        ComparatorType(
            "similar",
            "strings",
            "the score is at least `min` (below)",
            types=_STRING,
            keys={
                "min": {
                    "type": "number",
                    "exclusiveMinimum": 0,
                    "maximum": 1,
                    "description": "The minimum score, between 0 and 1.",
                },
                "with": {"enum": ["lexical"], "description": "The scorer: lexical, by common words."},
            },
            required=("min",),
        ),
    )
}


def rule_schema() -> dict[str, Json]:
    """Return the JSON Schema of one entry of `regression.rules`."""
    common: dict[str, Json] = {"path": True, "compare": True, "presence": True}
    length: Json = {
        "type": "object",
        "description": "The number of items by which two lists may differ in length.",
        "required": ["abs"],
        "properties": {"abs": {"type": "integer", "minimum": 0, "description": "The largest difference."}},
        "additionalProperties": False,
    }
    branches: list[Json] = [
        {
            "if": {"required": ["compare"]},
            "else": {"properties": {**common, "length": length}, "additionalProperties": False},
        }
    ]
    for each in COMPARATORS.values():
        keys: dict[str, Json] = {name: dict(rule) for name, rule in each.keys.items()}
        then: dict[str, Json] = {"properties": common | keys, "additionalProperties": False}
        if each.required:
            then["required"] = list(each.required)
        branches.append(
            {"if": {"required": ["compare"], "properties": {"compare": {"const": each.name}}}, "then": then}
        )
    return {
        "type": "object",
        "description": "How the value at a path is compared with the approved one.",
        "required": ["path"],
        "properties": {
            "path": {
                "type": "string",
                "description": "JSONPath: $ .name ['name'] [n] [*] ..name, or a JSON Pointer.",
                "minLength": 1,
            },
            "ignore": {"const": True, "description": "Do not compare this part."},
            "compare": {"enum": list(COMPARATORS), "description": "How the two values are compared."},
            "presence": {"const": "optional", "description": "The part may be missing on either side."},
        },
        "if": {"required": ["ignore"]},
        "then": {"properties": {"path": True, "ignore": True}, "additionalProperties": False},
        "else": {"allOf": branches},
    }


def default_schema() -> dict[str, Json]:
    """Return the JSON Schema of `regression.default`: the comparators that can apply to whole answers."""
    words: list[Json] = [each.name for each in COMPARATORS.values() if each.inherited]
    return {"enum": [*words, "ignore"], "description": "The comparator for parts without a rule."}
