"""JSON as Python types: templates, requests and results consist of these values only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin

__all__ = ["TYPE_WORDS", "Json", "JsonObject", "JsonPath", "find_non_json", "has_type", "json_type"]

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""Any JSON value. Built by our loaders from exactly None, bool, int, float, str, list and dict."""

JsonObject: TypeAlias = Mapping[str, Json]

JsonPath: TypeAlias = tuple[str | int, ...]
"""Keys and indexes from the root of a value to one of its parts: ("messages", 0, "content")."""


TYPE_WORDS: Mapping[str, str] = {
    "string": "a string",
    "number": "a number",
    "integer": "an integer",
    "boolean": "a boolean",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
"""The types of JSON Schema as messages name them, with an article."""


def json_type(value: Json) -> str:
    """Return the JSON Schema type of a value; every number is "number"."""
    return _NAMES.get(type(value)) or next(
        (name for kind, name in _NAMES.items() if isinstance(value, kind)), "array"
    )


_NAMES: Mapping[type, str] = {
    NoneType: "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    Mapping: "object",
}
"""The names of the types, by which a value of exactly one of them is found at once."""


def find_non_json(value: object) -> tuple[JsonPath, str] | None:
    """Return the path of the first part of `value` that is not JSON, and what it is instead; None if all of it is JSON.

    JSON values are exactly None, bool, int, finite float, str (without lone surrogates), list, and dict with str keys;
    an object of any other class could carry code into a template. A value nested deeper than the interpreter can
    follow is not JSON either.
    """
    try:
        return _find(value)
    except RecursionError:
        return (), "a value that is nested too deeply"


def has_type(value: object, annotation: Any) -> bool:
    """Return whether a value read from a file has the type of an annotation; true and false are not numbers.

    An annotation is a class, a Literal, `tuple[X, ...]`, Json, None, or a union of these, as `get_type_hints` gives it.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return any(has_type(value, each) for each in arguments)
    if origin is Literal:
        return any(type(value) is type(each) and value == each for each in arguments)
    if origin is tuple:
        return isinstance(value, tuple) and all(has_type(each, arguments[0]) for each in value)
    kind = type(None) if annotation is None else origin or annotation
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _find(value: object) -> tuple[JsonPath, str] | None:
    kind = type(value)
    check = _CHECKS.get(kind)
    if check is None:
        return (), f"a value of type {kind.__name__}"
    return check(value)


def _check_str(value: Any) -> tuple[JsonPath, str] | None:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return (), "text with a lone surrogate"
    return None


def _check_float(value: Any) -> tuple[JsonPath, str] | None:
    return None if isfinite(value) else ((), f"the number {value}")


def _check_list(value: Any) -> tuple[JsonPath, str] | None:
    for index, item in enumerate(value):
        if found := _find(item):
            return (index, *found[0]), found[1]
    return None


def _check_dict(value: Any) -> tuple[JsonPath, str] | None:
    for key, item in value.items():
        if type(key) is not str:
            return (), f"an object whose key {key!r} is not a string"
        if found := _find(item):
            return (key, *found[0]), found[1]
    return None


def _check_nothing(value: Any) -> tuple[JsonPath, str] | None:
    return None


_CHECKS: dict[type, Callable[[Any], tuple[JsonPath, str] | None]] = {
    type(None): _check_nothing,
    bool: _check_nothing,
    int: _check_nothing,
    float: _check_float,
    str: _check_str,
    list: _check_list,
    dict: _check_dict,
}
