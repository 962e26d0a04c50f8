"""Expand Picoschema, dotprompt's short form of JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ..values import Json, JsonObject

__all__ = ["PicoschemaError", "from_picoschema"]

_NONE: Final[Mapping[str, JsonObject]] = {}
_SCALARS = ("any", "boolean", "integer", "null", "number", "string")


class PicoschemaError(ValueError):
    """An invalid picoschema; `named` is the name of a schema that is defined in code."""

    def __init__(self, message: str, *, named: str | None = None) -> None:
        super().__init__(message)
        self.named = named


def from_picoschema(value: Json, known: Mapping[str, JsonObject] = _NONE) -> dict[str, Json]:
    """Return the JSON Schema of a picoschema; a JSON Schema is returned unchanged. `known` are the schemas with names.

    Raises PicoschemaError.
    """
    if isinstance(value, str):
        kind, description = _described(value)
        made: dict[str, Json] = {"type": kind} if kind in _SCALARS else _named(kind, known)
        return {**made, "description": description} if description else made
    if not isinstance(value, dict):
        raise PicoschemaError("a schema must be a string or an object")
    if value.get("type") in (*_SCALARS, "object", "array"):
        return dict(value)
    if isinstance(value.get("properties"), dict):
        return {**value, "type": "object"}
    return _object(value, known)


def _named(kind: str, known: Mapping[str, JsonObject]) -> dict[str, Json]:
    if kind not in known:
        raise PicoschemaError(f"the schema {kind!r} is defined in code", named=kind)
    return dict(known[kind])


def _part(value: Json, known: Mapping[str, JsonObject], depth: int) -> dict[str, Json]:
    if depth > 60:
        raise PicoschemaError("it is nested too deeply")
    if isinstance(value, str):
        kind, description = _described(value)
        made: dict[str, Json] = (
            {} if kind == "any" else {"type": kind} if kind in _SCALARS else _named(kind, known)
        )
        return {**made, "description": description} if description else made
    if not isinstance(value, dict):
        raise PicoschemaError("a picoschema contains only objects and strings")
    return _object(value, known, depth)


def _object(value: dict[str, Json], known: Mapping[str, JsonObject], depth: int = 0) -> dict[str, Json]:
    properties: dict[str, Json] = {}
    required: list[Json] = []
    more: Json = False
    for key, inner in value.items():
        if key == "(*)":
            more = _part(inner, known, depth + 1)
            continue
        name, _, info = key.partition("(")
        optional = name.endswith("?")
        name = name.removesuffix("?")
        if not optional:
            required.append(name)
        if not info:
            properties[name] = _optional(_part(inner, known, depth + 1), optional=optional)
            continue
        kind, description = _described(info[:-1])
        properties[name] = _typed(kind, inner, known, depth, optional=optional)
        if description:
            properties[name] = {**properties[name], "description": description}  # type: ignore[dict-item]  # an object
    made: dict[str, Json] = {"type": "object", "properties": properties}
    if required:
        made["required"] = required
    made["additionalProperties"] = more
    return made


def _typed(
    kind: str, inner: Json, known: Mapping[str, JsonObject], depth: int, *, optional: bool
) -> dict[str, Json]:
    if kind == "array":
        return {"type": ["array", "null"] if optional else "array", "items": _part(inner, known, depth + 1)}
    if kind == "object":
        return _optional(_part(inner, known, depth + 1), optional=optional)
    if kind == "enum":
        if not isinstance(inner, list):
            raise PicoschemaError("an enum must be a list of values")
        return {"enum": [*inner, None] if optional and None not in inner else list(inner)}
    raise PicoschemaError(f"the type in parentheses must be array, object or enum, not {kind}")


def _optional(schema: dict[str, Json], *, optional: bool) -> dict[str, Json]:
    if optional and isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    return schema


def _described(text: str) -> tuple[str, str | None]:
    found = re.match(r"(.*?), *(.*)$", text)
    return (found[1], found[2]) if found else (text, None)
