"""Validate files against the JSON Schemas of our formats, and report violations in words a person can act on.

The schemas (`formats/*.schema.json`, draft 2020-12) also serve editors (`runner schema prompt`). The assertion types, the
comparators of rules and the wire formats are filled in from their registries. The schemas have no `anyOf`: what depends
on a `type` or a `role` is an `if`/`then`, so that a violation always comes from the branch that the author meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import islice
from pkgutil import get_data
from types import NoneType
from typing import Any, Literal, TypeAlias

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from ..apis import APIS
from ..documents.documents import Document
from ..errors import FormatError, did_you_mean
from ..values import Json, JsonPath
from .assertion_types import assertion_schema
from .comparator_types import default_schema, rule_schema
from .gate_schema import gate_schema
from .judge_schema import judge_schema
from .problems import MOST, ProblemList
from .violations import FormatViolation, in_words, near

__all__ = ["MOST", "FormatName", "near", "schema", "schema_text", "validate", "violations"]

FormatName: TypeAlias = Literal["prompt", "github", "project", "pack", "lock"]
"""Our own formats, and `github`: the prompt files of GitHub Models."""


def schema_text(name: FormatName) -> str:
    """Return the JSON Schema of a format as JSON text, as `runner schema` prints it."""
    return json.dumps(schema(name), ensure_ascii=False, indent=2) + "\n"


@cache
def schema(name: FormatName) -> Mapping[str, Any]:
    """Return the JSON Schema of a format, with the assertions, rules and wire formats of the registries."""
    data = get_data(__package__, f"formats/{name}.schema.json")
    assert data is not None, "the schemas are part of the package"
    parsed: dict[str, Any] = json.loads(data)
    if name == "prompt":
        parsed["$defs"] |= {"assertion": assertion_schema(), "rule": rule_schema()}
        parsed["$defs"]["regression"]["properties"]["default"] = default_schema()
        parsed["$defs"]["gate"] = gate_schema()
    if name == "project":
        parsed["$defs"] |= {"api": {"enum": [*APIS]}, "gate": gate_schema(), "judge": judge_schema()}
    return parsed


def validate(document: Document, name: FormatName) -> None:
    """Validate a parsed file against its format.

    Raises FormatError at the offending key or value; Problems if there are several.
    """
    problems = ProblemList()
    found, whole = _violations(document.value, name, None)
    # If the format version is unknown, the other errors mean nothing.
    for each in [each for each in found if each.path == ("format",) and not each.at_key] or found:
        location = document.locate_key(each.path) if each.at_key else document.locate(each.path)
        problems.add(FormatError(each.message, location=location, hint=each.hint, secret=each.secret))
    if not whole:
        problems.add(
            FormatError(
                f"the file has {MOST} or more errors; these are the first",
                location=document.locate(()),
            )
        )
    problems.raise_any()


def violations(
    value: Json, name: FormatName, part: str | None = None, at: JsonPath = ()
) -> list[FormatViolation]:
    """Return the first MOST violations in `value`: a whole file or, with `part`, an instance of one of the `$defs`.

    `at` is the path of the value in something larger; the reported paths begin with it.
    """
    return _violations(value, name, part, at)[0]


def _violations(
    value: Json, name: FormatName, part: str | None, at: JsonPath = ()
) -> tuple[list[FormatViolation], bool]:
    """Return the first violations, and whether these are all: nobody reads more, and finding all can take seconds."""
    every = (each for error in _validator(name, part).iter_errors(value) for each in in_words(error, at))
    first = list(islice(every, MOST))
    if not first:  # as for nearly every row
        return [], True
    found = dict.fromkeys(first)
    # A misspelt key is one mistake, although its name is unknown and the right one is missing.
    meant = {(each.path[:-1], each.hint) for each in found if each.at_key}
    reported = [each for each in found if (each.path, did_you_mean(str(each.missing))) not in meant]
    return reported, len(first) < MOST


@cache
def _validator(name: FormatName, part: str | None) -> Any:
    # Built without checking the schema itself: it is ours, and a test checks it.
    whole = schema(name)
    build: Any = extend  # untyped in the stubs
    keywords = {
        "$ref": _ref_in(whole),
        "additionalProperties": _additional_properties,
        "if": _if,
        "pattern": _pattern,
        "properties": _properties,
        "type": _type,
    }
    cls = build(Draft202012Validator, keywords)
    cls.evolve, cls.descend = _evolve_once(cls.evolve), _descend
    validator = cls(whole)
    return validator.evolve(schema=whole["$defs"][part]) if part else validator


def _evolve_once(evolve: Callable[..., Any]) -> Callable[..., Any]:
    """Return the library's `evolve` with a memory: it would build a validator for each subschema of each value.

    One is enough, because a format is a single resource that is never changed: no subschema has its own base URI.
    """
    built: dict[int, Any] = {}

    def evolve_once(validator: Any, *, schema: Any) -> Any:
        found = built.get(id(schema))
        if found is None:
            found = built[id(schema)] = evolve(validator, schema=schema)
        return found

    return evolve_once


def _descend(
    validator: Any, instance: Any, schema: Any, path: Any = None, schema_path: Any = None
) -> Iterator[ValidationError]:
    # As in the library, except that it takes the validator that was built once for the subschema.
    for error in validator.evolve(schema=schema).iter_errors(instance):
        if path is not None:
            error.path.appendleft(path)
        if schema_path is not None:
            error.schema_path.appendleft(schema_path)
        yield error


def _ref_in(whole: Mapping[str, Any]) -> Callable[..., Iterator[ValidationError]]:
    # As in the library, for the only references that formats have: into themselves (`#/$defs/tags`).
    def ref(validator: Any, reference: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
        target: Any = whole
        for name in reference.split("/")[1:]:
            target = target[name]
        return _descend(validator, value, target)

    return ref


def _type(validator: Any, types: Any, value: Any, schema: Any) -> Iterator[ValidationError] | None:
    # As in the library, which is called only in unusual cases: nearly every value has the one allowed type.
    return None if _TYPES.get(type(value)) == types else _LIBRARY["type"](validator, types, value, schema)


def _properties(
    validator: Any, properties: Mapping[str, Any], value: Any, _schema: Any
) -> Iterator[ValidationError]:
    # As in the library, except that a value of the right type needs no validator if nothing else is demanded of it.
    if isinstance(value, dict):
        for name, rule in properties.items():
            if name in value and not _is_of_type_alone(rule, value[name]):
                yield from _descend(validator, value[name], rule, path=name, schema_path=name)


def _is_of_type_alone(rule: Any, value: Any) -> bool:
    return (
        isinstance(rule, dict) and rule.keys() <= _TYPE_ALONE and _TYPES.get(type(value)) == rule.get("type")
    )


def _additional_properties(
    validator: Any, rule: Any, value: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError] | None:
    # As in the library, which is called only if there may be such a property.
    if isinstance(value, dict) and value.keys() <= schema.get("properties", {}).keys():
        return None
    found: Iterator[ValidationError] = _LIBRARY["additionalProperties"](validator, rule, value, schema)
    return found


def _pattern(_validator: Any, pattern: str, text: Any, _schema: Any) -> Iterator[ValidationError]:
    # As in ECMA-262, to which JSON Schema refers: `$` does not match before a final line break.
    if isinstance(text, str) and (
        not re.search(pattern, text) or (pattern.endswith("$") and text.endswith("\n"))
    ):
        yield ValidationError(f"{text!r} does not match {pattern!r}")


def _if(
    validator: Any, condition: Mapping[str, Any], value: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    # As in the library, except for conditions on words (`type`, `role`), for which it would build a new validator.
    holds = _has_words(condition, value)
    if holds is None:
        holds = validator.evolve(schema=condition).is_valid(value)
    branch = "then" if holds else "else"
    if branch in schema:
        yield from validator.descend(value, schema[branch], schema_path=branch)


def _has_words(condition: Mapping[str, Any], value: Any) -> bool | None:
    """Return whether a condition holds that requires only keys and certain words as values; None for any other."""
    if not condition.keys() <= _PLAIN_CONDITION or not isinstance(value, Mapping):
        return None
    if condition.get("type", "object") != "object":
        return None
    if any(key not in value for key in condition.get("required", ())):
        return False
    for key, rule in condition.get("properties", {}).items():
        words = rule.get("enum") or [rule.get("const")]
        if len(rule) != 1 or not isinstance(words[0], str):
            return None
        if key in value:
            if not isinstance(value[key], str):
                return None
            if value[key] not in words:
                return False
    return True


_LIBRARY: Mapping[str, Any] = Draft202012Validator.VALIDATORS
_TYPES = {str: "string", bool: "boolean", dict: "object", list: "array", NoneType: "null"}
_TYPE_ALONE = frozenset({"type", "description"})
_PLAIN_CONDITION = frozenset({"type", "required", "properties"})
