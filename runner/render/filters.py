"""The filters, tests, and methods of strings, lists and objects that a prompt may use. All others are refused.

Jinja's own are used if they are pure and cannot multiply text; ours replace those that print Python instead of JSON,
escape for HTML, silently replace what they cannot read, or grow without bound. Left out are `random` (not
reproducible), `format` and `%` (unbounded widths), `attr`, and everything for HTML.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial, wraps
from typing import Any

from jinja2 import Environment, pass_context, pass_environment
from jinja2 import filters as jinja
from jinja2.runtime import Context
from jinja2.tests import TESTS as JINJA_TESTS

from ..documents.json_reader import parse_json
from ..errors import SyntaxFileError
from .comprehensions import COMPREHENSION
from .limits import TURN, RefusedError, join_text, limit_items, limit_text, spend
from .message_words import kind_of
from .printing import json_text, text
from .regex_filters import find_all, first_match, is_match_in, replace_matches, split_at_matches

__all__ = ["CONCATENATE", "CONTAINED", "FILTERS", "METHOD", "METHODS", "TESTS", "TICK"]

CONCATENATE = "~"
"""The operator `a ~ b` is compiled into this filter, whose name no author can write after a `|`."""

CONTAINED = "?"
"""In an expression, the `a` of `a in b` is compiled into this filter of `a` and `b`, which refuses the empty text."""

METHOD = "."
"""The call `a.b()` is compiled into this filter, so that a method is found despite a key of the same name."""

TICK = "#"
"""This filter is inserted at the head of every loop and macro to count the iterations."""

_NOTHING = object()


@pass_context
def _tick(context: Context, value: Any) -> None:
    # Needs the context, because Jinja would evaluate a filter without it at compile time, once.
    spend(TURN)


@pass_context
def _each(context: Context, value: Any) -> Iterator[Any]:
    """Yield the items of a comprehension's list."""
    if isinstance(value, str | Mapping):
        raise RefusedError(f"a comprehension iterates over lists, but this is {kind_of(value)}")
    for item in value:
        spend(TURN)
        yield item


@pass_environment
def _method(environment: Environment, value: Any, name: str) -> Any:
    # No JSON value can be called, so a call on an object always means the method.
    method = METHODS[dict].get(name) if isinstance(value, dict) else None
    return environment.getattr(value, name) if method is None else partial(method, value)


def _concatenate(parts: list[Any]) -> str:
    return join_text(map(text, parts))


def _contained(part: Any, whole: Any) -> Any:
    """Return `part`. An expression with the empty cell of a row in it would be true of every answer."""
    if part == "" and isinstance(part, str) and isinstance(whole, str):
        raise RefusedError("every text contains the empty text", "an empty value cannot be looked for")
    return part


def _center(value: Any, width: int = 80) -> str:
    return _padded(str.center, text(value), width)


def _padded(pad: Callable[..., str], value: str, width: int, *fill: str) -> str:
    """Return str.center, ljust, rjust or zfill with a check of the width."""
    limit_text(width)
    return pad(value, width, *fill)


def _replace(value: Any, old: Any, new: Any, count: int | None = None) -> str:
    whole, part, other = text(value), text(old), text(new)
    times = whole.count(part) if count is None or count < 0 else min(count, whole.count(part))
    limit_text(len(whole) + times * (len(other) - len(part)))
    return whole.replace(part, other, times)


def _join(value: Any, separator: Any = "", attribute: str | int | None = None) -> str:
    if attribute is not None:
        raise RefusedError(
            "join has no attribute here", f'write `| map(attribute="{attribute}") | join(...)`'
        )
    return _join_method(text(separator), value)


def _join_method(separator: str, items: Any) -> str:
    def parts() -> Any:
        for index, item in enumerate(items):
            if index:
                yield separator
            yield text(item)

    return join_text(parts())


def _indent(
    value: Any,
    width: int | str = 4,
    first: bool = False,  # noqa: FBT001, FBT002 - Jinja's signature
    blank: bool = False,  # noqa: FBT001, FBT002 - Jinja's signature
) -> str:
    lines = text(value)
    limit_text(len(lines) + (lines.count("\n") + 1) * (width if isinstance(width, int) else len(width)))
    return jinja.do_indent(lines, width, first, blank)


def _round(value: float, precision: int = 0, method: Any = "common") -> float:
    if not -15 <= precision <= 15:
        raise RefusedError("round: the precision must be a number from -15 to 15")
    return jinja.do_round(value, precision, method)


def _sum(value: Any, attribute: str | int | None = None, start: float = 0) -> float:
    if attribute is not None:
        raise RefusedError("sum has no attribute here", f'write `| map(attribute="{attribute}") | sum`')
    if not isinstance(start, (int, float)):
        raise RefusedError("sum adds only numbers")
    return sum(value, start)


def _int(value: Any, default: Any = _NOTHING, base: int = 10) -> Any:
    return _number("int", partial(jinja.do_int, value, base=base), value, default)


def _float(value: Any, default: Any = _NOTHING) -> Any:
    return _number("float", partial(jinja.do_float, value), value, default)


def _number(name: str, read: Callable[..., Any], value: Any, default: Any) -> Any:
    """Wrap Jinja's conversion, which turns anything else into 0, so that it fails unless the author gave a default."""
    number = read(default=_NOTHING)
    if number is not _NOTHING:
        return number
    if default is not _NOTHING:
        return default
    raise RefusedError(f"{name}: {text(value)[:40]!r} is not a number", f"give a default: `| {name}(0)`")


def _on_text(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that works on its value's text as it would be printed (`none | upper` is `NULL`)."""

    def on_text(value: Any, *args: Any, **kwargs: Any) -> Any:
        printed = text(value)
        spend(len(printed))
        return function(printed, *args, **kwargs)

    return on_text


def _counted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a filter of Jinja that returns a list, and count the list as work."""

    @wraps(function)
    def counted(*args: Any, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        limit_items(len(made))
        return made

    return counted


def _truncate(
    value: Any,
    length: int = 255,
    killwords: bool = False,  # noqa: FBT001, FBT002 - Jinja's signature
    end: str = "...",
    leeway: int = 5,
) -> str:
    """Truncate like Jinja: cut text longer than `length + leeway` at a word and append `end`."""
    whole = text(value)
    if length < len(end):
        raise RefusedError(
            f"truncate: the length must be at least {len(end)}, the length of the ending {end!r}"
        )
    if len(whole) <= length + leeway:
        return whole
    kept = whole[: length - len(end)]
    return (kept if killwords else kept.rsplit(" ", 1)[0]) + end


def _from_json(value: Any) -> Any:
    """Return the value of a JSON text."""
    if not isinstance(value, str):
        raise RefusedError(f"fromjson reads strings, but this is {kind_of(value)}")
    spend(len(value))
    try:
        return parse_json(value, "").value
    except SyntaxFileError as error:
        raise RefusedError(f"fromjson: the text is not JSON: {error.message}") from None


FILTERS: Mapping[str, Callable[..., Any]] = {
    **{
        name: jinja.FILTERS[name]
        for name in (
            "abs", "count", "d", "default", "first", "items", "last", "length", "map", "max", "min", "reject",
            "rejectattr", "reverse", "select", "selectattr", "unique",
        )
    },
    **{name: _counted(jinja.FILTERS[name]) for name in ("dictsort", "groupby", "list", "sort")},
    **{name: _on_text(jinja.FILTERS[name]) for name in ("capitalize", "lower", "title", "trim", "upper", "urlencode")},
    "center": _center,
    "float": _float,
    "fromjson": _from_json,
    "indent": _indent,
    "int": _int,
    "join": _join,
    "replace": _replace,
    "regex_findall": find_all,
    "regex_replace": replace_matches,
    "regex_search": first_match,
    "regex_split": split_at_matches,
    "round": _round,
    "string": text,
    "sum": _sum,
    "tojson": json_text,
    "truncate": _truncate,
    "wordcount": lambda value: len(text(value).split()),
    COMPREHENSION: _each,
    CONCATENATE: _concatenate,
    CONTAINED: _contained,
    METHOD: _method,
    TICK: _tick,
}  # fmt: skip

_ALL_TESTS: Mapping[str, Any] = JINJA_TESTS  # mypy infers a type from it that nothing fits

TESTS: Mapping[str, Callable[..., Any]] = {
    **{name: test for name, test in _ALL_TESTS.items() if name not in ("callable", "escaped", "sameas")},
    "search": is_match_in,
}

_STRING_METHODS: Mapping[str, Callable[..., Any]] = {
    **{
        name: _on_text(vars(str)[name])
        for name in (
            "capitalize", "casefold", "count", "endswith", "find", "index", "isalnum", "isalpha", "isascii",
            "isdecimal", "isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper", "lower", "lstrip",
            "partition", "removeprefix", "removesuffix", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "split",
            "splitlines", "startswith", "strip", "swapcase", "title", "upper",
        )
    },
    **{
        name: partial(_padded, vars(str)[name]) for name in ("center", "ljust", "rjust", "zfill")
    },
    "join": _join_method,
    "replace": _replace,
}  # fmt: skip

METHODS: Mapping[type, Mapping[str, Callable[..., Any]]] = {
    str: _STRING_METHODS,
    dict: {name: vars(dict)[name] for name in ("get", "items", "keys", "values")},
    list: {name: vars(list)[name] for name in ("count", "index")},
    tuple: {name: vars(tuple)[name] for name in ("count", "index")},
}
"""The methods that a template may call, by type, as functions whose first argument is the value."""
