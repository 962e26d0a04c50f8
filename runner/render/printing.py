"""Print values in a prompt: strings as they are, everything else as JSON.

Models expect JSON, so `{{ none }}` is `null`, `{{ true }}` is `true` and a list or an object is its JSON text (RFC 8259),
not Python's. Non-ASCII characters are not escaped, keys keep their order, and nothing is escaped for HTML.
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
    """Return what `{{ value }}` prints.

    Raises RefusedError for a value that is not JSON (a function, a lazy sequence, NaN) and Jinja's UndefinedError for a
    missing value.
    """
    return value if type(value) is str else json_text(value)


def json_text(value: Any, indent: int | None = None) -> str:
    """Implement `tojson`: the JSON text of a value, on one line or indented by `indent` spaces. Raises like `text`."""
    if indent is not None and (type(indent) is not int or not 0 <= indent <= _MAX_INDENT):
        raise RefusedError(f"tojson: indent must be a number from 0 to {_MAX_INDENT}")
    printed = json.dumps(plain(value), ensure_ascii=False, allow_nan=False, indent=indent)
    limit_text(len(printed))
    return printed


def plain(value: Any) -> Json:
    """Return the value itself if it is JSON; pairs, which are tuples in templates, become lists.

    Raises like `text`, also where the JSON text would be too long.
    """
    _measure(value, 0)
    return value  # type: ignore[no-any-return]  # _measure has seen all of it


def _measure(value: Any, size: int) -> int:
    """Return `size` plus a lower bound of the JSON text's length; shared parts count each time they are printed."""
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
            size = _measure(item, size + 2)  # a comma and a space, except after the last item
        return size
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise RefusedError("the keys of a JSON object must be strings", "write the keys in quotes")
            size = _measure(item, size + len(key) + 6)
        return size
    from jinja2 import Undefined  # only templates produce what is not JSON, so Jinja is loaded already

    if isinstance(value, Undefined):
        str(
            value
        )  # raises for every undefined value of the strict sandbox, except for the one explained below:
        raise RefusedError(
            "this inline `if` has no `else`, and its condition is false", "add `else ''` to print nothing"
        )
    if isinstance(value, _LAZY):
        raise RefusedError(
            "this sequence is not a list yet, so it cannot be printed", "add `| list`, or loop over it"
        )
    if callable(value):
        raise RefusedError("a function cannot be printed", "call it with () after its name")
    raise RefusedError("this is not a JSON value, so it cannot be printed")
