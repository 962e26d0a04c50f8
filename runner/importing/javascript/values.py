"""Define values of JavaScript as expressions of Jinja, and literals of Jinja."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ...patterns import PatternError
from ..regexes import python_pattern
from .syntax import NotTranslatableError

__all__ = ["Value", "pattern_of", "quoted", "thrown"]


@dataclass(frozen=True, slots=True)
class Value:
    """A Jinja expression, and the type of its value: bool, number, string, list, match, null, undefined or any."""

    code: str
    kind: str
    raw: str | None = None
    """The expression without a default for an undefined value."""
    base: str | None = None


def thrown(code: str, base: str | None) -> str:
    """Return an expression that fails for a member of null, on which JavaScript throws."""
    return f"({code} if {base} is not none else 1 // 0)" if base else code


def quoted(text: str) -> str:
    """Return a string literal of Jinja, which has the escapes of Python."""
    return json.dumps(text, ensure_ascii=False)


def pattern_of(literal: str) -> str:
    """Return the pattern of a literal such as `/a+/i` in Python's syntax."""
    source, _, flags = literal[1:].rpartition("/")
    try:
        return python_pattern(source, flags)
    except PatternError as error:
        raise NotTranslatableError(f"a regular expression has no equivalent in Python: {error}") from None
