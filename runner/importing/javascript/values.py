"""Define values of JavaScript as expressions of Jinja, and literals of Jinja."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .syntax import NotTranslatableError

__all__ = ["Match", "Value", "quoted", "thrown"]


@dataclass(frozen=True, slots=True)
class Match:
    """The search of a text with a pattern; `every` if all matches are wanted (the flag g)."""

    text: str
    pattern: str
    every: bool

    @property
    def parts(self) -> str:
        """Return an expression for the list of all matches."""
        return f"({self.text} | regex_findall({quoted(self.pattern)}))"

    def group(self, number: int) -> str:
        """Return an expression for a group of the first match, which is none if there is no match."""
        group = f", {number}" if number else ""
        return f"({self.text} | regex_search({quoted(self.pattern)}{group}))"


@dataclass(frozen=True, slots=True)
class Value:
    """A Jinja expression, and the type of its value: bool, number, string, list, match, groups, null, undefined or any."""

    code: str
    kind: str
    raw: str | None = None
    """The expression without a default for an undefined value."""
    base: str | None = None
    items: str = "any"
    """The type of the items of a list."""
    texts: bool = False
    """Whether a value of type any is a string, if it is defined."""
    match: Match | None = None
    """The search whose match, or whose groups, the value is."""

    @property
    def listed(self) -> str:
        """Return an expression that is a list, or fails where JavaScript throws. Raises NotTranslatableError."""
        if self.kind == "list":
            return self.code
        if self.kind == "any":
            return self.raw or self.code
        if self.kind == "match" and self.match is not None and self.match.every:
            return f"({self.match.parts} if {self.code} else 1 // 0)"
        raise NotTranslatableError("a list is expected where the value is none")


def thrown(code: str, base: str | None) -> str:
    """Return an expression that fails for a member of null, on which JavaScript throws."""
    return f"({code} if {base} is not none else 1 // 0)" if base else code


def quoted(text: str) -> str:
    """Return a string literal of Jinja, which has the escapes of Python."""
    return json.dumps(text, ensure_ascii=False)
