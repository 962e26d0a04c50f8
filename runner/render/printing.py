"""How a value becomes text in a prompt: strings as they are, everything else as JSON.

Prompts speak JSON to models, so `{{ none }}` is `null`, `{{ true }}` is `true` and a list or an object is its JSON
text (RFC 8259), not Python's. Characters beyond ASCII stay themselves, keys keep their order, nothing is escaped
for HTML.
"""

from __future__ import annotations

import json
from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from math import isfinite
from typing import Any

from jinja2 import Undefined

from ..values import Json, JsonPath
from .limits import MAX_TEXT, RefusedError, limit_text

__all__ = ["find_non_json", "json_text", "plain", "text"]

_LAZY = (Iterator, KeysView, ItemsView, ValuesView, range)
_MAX_INDENT = 16


def text(value: Any) -> str:
    """What `{{ value }}` prints.

    Raises RefusedError for what is not JSON (a function, an unfinished sequence, NaN) and Jinja's UndefinedError for a
    value that is not there.
    """
    return value if type(value) is str else json_text(value)


def json_text(value: Any, indent: int | None = None) -> str:
    """The filter `tojson`: JSON text of a value, on one line or indented by `indent` spaces. Raises like `text`."""
    if indent is not None and (type(indent) is not int or not 0 <= indent <= _MAX_INDENT):
        raise RefusedError(f"tojson: indent is a number from 0 to {_MAX_INDENT}")
    printed = json.dumps(plain(value), ensure_ascii=False, allow_nan=False, indent=indent)
    limit_text(len(printed))
    return printed


def plain(value: Any) -> Json:
    """The value itself where it is JSON; pairs, which templates meet as tuples, count as lists.

    Raises like `text`, also where the JSON text would be too long.
    """
    _measure(value, 0)
    return value  # type: ignore[no-any-return]  # _measure has seen all of it


def _measure(value: Any, size: int) -> int:
    """Add to `size` a lower bound of the JSON text's length: shared parts count each time they are printed."""
    if size > MAX_TEXT:
        limit_text(size)
    if value is None or isinstance(value, (str, bool, int)):
        return size + (len(value) if isinstance(value, str) else 1)
    if isinstance(value, float):
        if not isfinite(value):
            raise RefusedError(f"{value} is not a JSON number")
        return size + 1
    if isinstance(value, (list, tuple)):
        for item in value:
            size = _measure(item, size + 2)  # a comma and a space, but for the last one
        return size
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise RefusedError("the keys of a JSON object are strings", "write the keys in quotes")
            size = _measure(item, size + len(key) + 6)
        return size
    if isinstance(value, Undefined):
        str(value)  # raises: every undefined value of the sandbox is strict
    if isinstance(value, _LAZY):
        raise RefusedError(
            "this sequence is no list yet, so it cannot be printed", "add `| list`, or loop over it"
        )
    if callable(value):
        raise RefusedError("a function cannot be printed", "call it, with () behind its name")
    raise RefusedError("this is no JSON value, so it cannot be printed")


def find_non_json(value: object) -> tuple[JsonPath, str] | None:
    """The first part of `value` that is not JSON: its path and what it is instead; None where all is well.

    JSON are exactly None, bool, int, finite float, str (without lone surrogates), list, and dict with str keys;
    an object of any other class could carry code into a template.
    """
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
        if found := find_non_json(item):
            return (index, *found[0]), found[1]
    return None


def _check_dict(value: Any) -> tuple[JsonPath, str] | None:
    for key, item in value.items():
        if type(key) is not str:
            return (), f"an object whose key {key!r} is no string"
        if found := find_non_json(item):
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
