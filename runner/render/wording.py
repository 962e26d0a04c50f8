"""Words for error messages that an author of prompts understands, without Python's or Jinja's own terms."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import close_to, did_you_mean
from ..values import TYPE_WORDS

__all__ = ["GLOBAL_NAMES", "KINDS", "kind_of", "listed", "nearest", "suggestion"]

GLOBAL_NAMES = frozenset({"range", "dict", "namespace"})
"""The functions that every template has, so that these names are no variables."""

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
"""Python's names of types, and ours."""


def kind_of(value: object) -> str:
    """What JSON calls a value, with its article: null, a boolean, a number, a string, a list, an object."""
    return KINDS.get(type(value).__name__, "a value")


def nearest(name: object, candidates: Iterable[object]) -> str | None:
    """The candidate that `name` is most likely a slip of, or None."""
    words = [candidate for candidate in candidates if isinstance(candidate, str)]
    close = close_to(str(name), words)
    return close[0] if close else None


def suggestion(name: object, candidates: Iterable[object], *, start: str = "") -> str:
    """The hint that names the nearest candidate, after `start`; empty where nothing is near."""
    word = nearest(name, candidates)
    return f"{start}{did_you_mean(word)}" if word else ""


def listed(names: Iterable[str]) -> str:
    """`'a', 'b'` in alphabetical order."""
    return ", ".join(map(repr, sorted(names)))
