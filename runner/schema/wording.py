"""Describe schemas and values in words: paths, values, what a schema expected and what was found."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from jsonschema.exceptions import ValidationError

from ..errors import elided
from ..matching import is_found
from ..values import TYPE_WORDS, Json, JsonPath, json_type
from .ecma import compile_ecma

__all__ = ["additional", "json_path", "message_of", "schema_message", "show"]

_PLAIN_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def json_path(path: JsonPath) -> str:
    """Return a path as JSONPath (RFC 9535), in the notation of the jsonschema library: `$.items[0]['a b']`.

    Control characters are escaped (RFC 9535, section 2.7), so that a path is always one line.
    """
    return "$" + "".join(_step(step) for step in path)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _PLAIN_NAME.fullmatch(step):
        return f".{step}"
    escaped = step.replace("\\", r"\\").replace("'", r"\'")
    escaped = _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", escaped)
    return f"['{escaped}']"


def show(value: Json, limit: int = 100) -> str:
    """Return a value as one line of JSON for a message; beyond `limit` characters the middle is cut and its length given."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "a very deeply nested value"
    # A lone surrogate is legal in a JSON string and in a Python str but cannot be printed.
    return elided(text.encode("utf-8", "backslashreplace").decode("utf-8"), limit)


def schema_message(error: ValidationError) -> str:
    """Return what is wrong with a schema, with special messages for two mistakes that the meta-schema explains badly."""
    value: Any = error.instance
    if error.validator == "format" and error.validator_value == "regex":
        reason = str(error.cause)
        return reason if "cannot be checked" in reason else f"{show(value)} is not a regular expression"
    if error.validator == "anyOf" and error.absolute_path and error.absolute_path[-1] == "type":
        return f"unknown type {show(value)}; JSON has {', '.join(TYPE_WORDS)}"
    return message_of(error)


def additional(value: Mapping[str, Json], rules: Any) -> list[str]:
    """Return the properties of an object that `additionalProperties` of a schema applies to."""
    known, patterns = rules.get("properties", ()), rules.get("patternProperties", ())
    return [
        name
        for name in value
        if name not in known and not any(is_found(compile_ecma(pattern), name) for pattern in patterns)
    ]


def message_of(error: ValidationError) -> str:
    """Return what was expected of a value, and what was found."""
    keyword: Any = error.validator
    wanted: Any = error.validator_value
    value: Any = error.instance
    came = f"got {show(value)}"
    match keyword:
        case "type":
            names = wanted if isinstance(wanted, list) else [wanted]
            return f"expected {' or '.join(map(str, names))}, got {show(value) if value is None else f'{json_type(value)} {show(value)}'}"
        case "enum":
            return f"expected one of {_listed(wanted)}, {came}"
        case "const":
            return f"expected {show(wanted)}, {came}"
        case "additionalProperties":
            extra: list[Json] = [*additional(value, error.schema)]
            return f"unexpected {'property' if len(extra) == 1 else 'properties'} {_listed(extra)}"
        case "format":
            return f"expected a string in format {show(wanted)}, {came}"
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            return f"expected {_BOUNDS[keyword]} {show(wanted)}, {came}"
        case "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties":
            bound, unit = _COUNTS[keyword]
            return f"expected at {bound} {elided(f'{wanted:,}', 40)} {unit}, got {len(value):,}"
        case "uniqueItems":
            return f"expected no duplicate items, {came}"
        case "anyOf":
            return f"expected a value that matches one of {len(wanted)} alternatives, {came}"
        case "oneOf":
            return f"expected a value that matches exactly one of {len(wanted)} alternatives, {came}"
        case "not":
            return f"expected a value that does not match {show(wanted)}, {came}"
        case None:
            return f"no value is allowed here, {came}"
        case _:  # our own keywords, and rare ones with the library's message
            return error.message if len(error.message) <= 300 else f"{keyword} does not hold, {came}"


_BOUNDS = {
    "minimum": "at least", "maximum": "at most", "exclusiveMinimum": "more than", "exclusiveMaximum": "less than",
}  # fmt: skip
_COUNTS = {
    "minLength": ("least", "characters"), "maxLength": ("most", "characters"),
    "minItems": ("least", "items"), "maxItems": ("most", "items"),
    "minProperties": ("least", "properties"), "maxProperties": ("most", "properties"),
}  # fmt: skip


def _listed(values: list[Json]) -> str:
    shown = ", ".join(show(each) for each in values[:10])
    return shown if len(values) <= 10 else f"{shown} and {len(values) - 10} more"
