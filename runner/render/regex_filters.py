"""The filters and the test that search a text with a regular expression, in bounded time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from ..matching import Span, TooSlowError, is_found, spans
from ..patterns import PatternError, compile_pattern
from .limits import RefusedError, join_text, limit_items, spend
from .message_words import kind_of

__all__ = ["find_all", "first_match", "is_match_in", "replace_matches", "split_at_matches"]


def is_match_in(value: Any, pattern: Any) -> bool:
    """Return whether a regular expression matches somewhere in a text."""
    with _searching("search", value, pattern) as compiled:
        return is_found(compiled, value)


def find_all(value: Any, pattern: Any) -> list[str]:
    """Return the parts of a text that match a regular expression."""
    return [value[start:end] for (start, end), *_ in _matches("regex_findall", value, pattern)]


def first_match(value: Any, pattern: Any, group: Any = 0) -> str | None:
    """Return the first part of a text that matches, or a group of it; None if there is none."""
    for match in _matches("regex_search", value, pattern):
        if type(group) is not int or not 0 <= group < len(match):
            raise RefusedError(f"regex_search: the pattern has no group {group!r}")
        start, end = match[group]
        return None if start < 0 else str(value[start:end])
    return None


def split_at_matches(value: Any, pattern: Any) -> list[str]:
    """Return the parts of a text between the matches of a regular expression, which may not be empty."""
    parts: list[str] = []
    at = 0
    for (start, end), *_ in _matches("regex_split", value, pattern):
        if start == end:
            raise RefusedError(f"regex_split: {pattern!r} matches the empty text")
        parts.append(value[at:start])
        at = end
    return [*parts, value[at:]]


_REFERENCE = re.compile(r"\\(.?)", re.DOTALL)


def replace_matches(value: Any, pattern: Any, replacement: Any, count: Any = None) -> str:
    """Return a text whose matches, or the first `count` of them, are replaced. `\\1` is the text of a group."""
    if not isinstance(replacement, str):
        raise RefusedError(f"regex_replace needs a string to insert, but this is {kind_of(replacement)}")

    def parts() -> Iterator[str]:
        at = 0
        for match in _matches("regex_replace", value, pattern)[:count]:
            start, end = match[0]
            yield value[at:start]
            yield _REFERENCE.sub(partial(_group, value, match), replacement)
            at = end
        yield value[at:]

    return join_text(parts())


def _group(value: str, match: list[Span], reference: re.Match[str]) -> str:
    sign = reference[1]
    if sign == "\\":
        return sign
    if not sign.isascii() or not sign.isdigit() or int(sign) >= len(match):
        raise RefusedError(f"regex_replace: the pattern has no group \\{sign}", "write a backslash twice")
    start, end = match[int(sign)]
    return "" if start < 0 else value[start:end]


def _matches(name: str, value: Any, pattern: Any) -> list[list[Span]]:
    with _searching(name, value, pattern) as compiled:
        found = spans(compiled, value)
    limit_items(len(found))
    return found


@contextmanager
def _searching(name: str, value: Any, pattern: Any) -> Iterator[re.Pattern[str]]:
    """Compile a pattern to search a text with it, and refuse what cannot be searched. Raises RefusedError."""
    if not isinstance(value, str) or not isinstance(pattern, str):
        wrong = pattern if isinstance(value, str) else value
        raise RefusedError(f"{name} needs a string, but this is {kind_of(wrong)}")
    spend(len(value))
    try:
        yield compile_pattern(pattern)
    except PatternError as error:
        raise RefusedError(f"{name}: {pattern!r} is not a regular expression: {error}") from None
    except TooSlowError as error:
        raise RefusedError(f"{name}: {pattern!r} {error}") from None
