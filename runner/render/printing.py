"""How a value becomes text in a prompt: strings as they are, everything else as JSON.

Prompts speak JSON to models, so `{{ none }}` is `null`, `{{ true }}` is `true` and a list or an object is its JSON
text (RFC 8259), not Python's. Characters beyond ASCII stay themselves, keys keep their order, nothing is escaped
for HTML.
"""

from __future__ import annotations

import json
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from math import isfinite
from typing import Any

from ..values import Json
from .limits import MAX_TEXT, RefusedError, limit_text

__all__ = ["json_text", "plain", "text"]

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
    from jinja2 import Undefined  # what is no JSON comes out of a template, so Jinja is loaded already

    if isinstance(value, Undefined):
        str(value)  # raises: every undefined value of the sandbox is strict, except what this stands for:
        raise RefusedError(
            "this inline `if` has no `else`, and its condition is false", "add `else ''` to print nothing"
        )
    if isinstance(value, _LAZY):
        raise RefusedError(
            "this sequence is no list yet, so it cannot be printed", "add `| list`, or loop over it"
        )
    if callable(value):
        raise RefusedError("a function cannot be printed", "call it, with () behind its name")
    raise RefusedError("this is no JSON value, so it cannot be printed")
