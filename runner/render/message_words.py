"""Words for error messages for authors of prompts, without the terms of Python or Jinja."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import close_to, did_you_mean
from ..values import TYPE_WORDS

__all__ = ["GLOBAL_NAMES", "KINDS", "kind_of", "listed", "nearest", "suggestion"]

GLOBAL_NAMES = frozenset({"range", "dict", "namespace"})
"""The functions that every template has, so that these names are not variables."""

KINDS = {
    "NoneType": TYPE_WORDS["null"],
    "bool": TYPE_WORDS["boolean"],
    "int": TYPE_WORDS["number"],
    "float": TYPE_WORDS["number"],
    "str": TYPE_WORDS["string"],
    "list": TYPE_WORDS["array"],
    "tuple": TYPE_WORDS["array"],
    "dict": TYPE_WORDS["object"],
    "Macro": "a macro",
    "LoopContext": "a loop",
    "TemplateModule": "an imported file",
}
"""Python's names of types, with the words of messages."""


def kind_of(value: object) -> str:
    """Return the JSON type of a value with an article: null, a boolean, a number, a string, a list, an object."""
    return KINDS.get(type(value).__name__, "a value")


def nearest(name: object, candidates: Iterable[object]) -> str | None:
    """Return the candidate that `name` is most likely a misspelling of, or None."""
    words = [candidate for candidate in candidates if isinstance(candidate, str)]
    close = close_to(str(name), words)
    return close[0] if close else None


def suggestion(name: object, candidates: Iterable[object], *, start: str = "") -> str:
    """Return the hint with the nearest candidate, after `start`; empty if there is none."""
    word = nearest(name, candidates)
    return f"{start}{did_you_mean(word)}" if word else ""


def listed(names: Iterable[str]) -> str:
    """Return the names as `'a', 'b'` in alphabetical order."""
    return ", ".join(map(repr, sorted(names)))
