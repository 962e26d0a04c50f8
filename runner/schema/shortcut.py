"""A fast path for valid values, with jsonschema-rs if it is installed (extra `fast`).

It only ever reports "valid", and only for schemas with keywords on which both libraries provably agree; everything else
is left to `validator`, whose results and messages are the same with and without it. Excluded are, among others,
`pattern` (another dialect of regular expressions), `format`, `multipleOf` and `uniqueItems` (`drafts` treats numbers
exactly), `oneOf` and `not` (where an "invalid" makes a "valid"), and circular references.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from ..values import Json

__all__ = ["CHECKS_BEFORE", "Shortcut", "is_plain"]

CHECKS_BEFORE = 256
"""The number of checks in a process before the library is loaded, which takes as long as about 250 checks without it."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_DEEPEST = 32
"""Levels of nested schemas, including references; far below the interpreter's own recursion limit."""

_REMARKS = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment"}
)
_SIZES = frozenset({"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"})
_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
_REFERENCE = re.compile(r"#/(\$defs|definitions)/([A-Za-z0-9_.-]+)")


class Shortcut:
    """The fast path of one schema, a valid JSON Schema of draft 2020-12."""

    __slots__ = ("_decided", "_is_valid", "_schema")

    checks = 0  # of all schemas of the process

    def __init__(self, schema: Json) -> None:
        self._schema = schema
        self._decided = False
        self._is_valid: Callable[[Json], bool] | None = None

    def knows_valid(self, value: Json) -> bool:
        """Return True if `value`, of JSON's types, is known to be valid; False means nothing."""
        if not self._decided:
            Shortcut.checks += 1
            if Shortcut.checks <= CHECKS_BEFORE:
                return False
            self._decide()
        if self._is_valid is None:
            return False
        try:
            return self._is_valid(value)
        except (ValueError, TypeError, OverflowError):  # a lone surrogate, a subclass of str, ...
            return False

    def _decide(self) -> None:
        self._decided = True
        if not is_plain(self._schema) or importlib.util.find_spec("jsonschema_rs") is None:
            return
        import jsonschema_rs

        schema: Any = self._schema
        try:
            self._is_valid = jsonschema_rs.Draft202012Validator(schema, validate_formats=False).is_valid
        except (ValueError, TypeError, OverflowError):  # a default that the library cannot read
            return


def is_plain(schema: Json) -> bool:
    """Return whether a schema consists only of what both libraries treat alike."""
    return _Reader(schema).is_plain(schema, _DEEPEST)


class _Reader:
    """Visits every schema inside a schema; the target of a reference once for each depth at which it occurs."""

    def __init__(self, root: Json) -> None:
        self._root = root
        self._plain_at: dict[str, int] = {}

    def is_plain(self, schema: Json, depth: int) -> bool:
        if isinstance(schema, bool):
            return True
        if type(schema) is not dict or depth == 0:
            return False
        return all(self._agreed(keyword, value, schema, depth) for keyword, value in schema.items())

    def _agreed(self, keyword: str, value: Any, schema: Mapping[str, Json], depth: int) -> bool:
        match keyword:
            case "type" | "required":
                return True
            case "enum":
                return all(item is None or type(item) in (str, bool) for item in value)
            case "const":
                return value is None or type(value) in (str, bool)
            case "properties" | "$defs" | "definitions":
                return type(value) is dict and all(self.is_plain(one, depth - 1) for one in value.values())
            case "items" | "additionalProperties":
                return self.is_plain(value, depth - 1)
            case "anyOf" | "allOf":
                return all(self.is_plain(one, depth - 1) for one in value)
            case "$ref":
                return self._is_plain_reference(value, depth - 1)
            case "$schema":
                return schema is self._root and bool(value == _DIALECT)
            case _ if keyword in _SIZES:
                return type(value) is int and value < 2**31
            case _ if keyword in _BOUNDS:
                # Without a declared type, one library accepts infinities that the other compares.
                return "type" in schema and _is_modest_number(value)
            case _:
                return keyword in _REMARKS

    def _is_plain_reference(self, reference: str, depth: int) -> bool:
        found = _REFERENCE.fullmatch(reference)
        if found is None or not isinstance(self._root, dict):
            return False
        if depth < self._plain_at.get(reference, _DEEPEST + 1):
            if not self.is_plain(self._root.get(found[1], {}).get(found[2]), depth):
                return False
            self._plain_at[reference] = depth
        return True


def _is_modest_number(value: Json) -> bool:
    return (type(value) is int and abs(value) < 2**53) or (type(value) is float and isfinite(value))
