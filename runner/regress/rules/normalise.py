"""Remove from texts what does not count: white space, case, punctuation, Unicode spelling, Markdown marks. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from typing import Literal, TypeAlias

__all__ = ["DEFAULT", "NAMES", "Normaliser", "line_ends", "normalise"]

Normaliser: TypeAlias = Literal["markdown", "case", "unicode", "punctuation", "whitespace"]

DEFAULT: tuple[Normaliser, ...] = ("unicode", "whitespace")
"""Invisible characters, which never count when texts are compared as texts."""

_APOSTROPHES = frozenset("'\u2019\u02bc")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:-{3,}|\*{3,}|_{3,})[ \t]*$", re.MULTILINE)
_LEAD = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+)+", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]\n]{0,500})\]\([^()\s]{0,2000}\)")
_EMPHASIS = re.compile(r"\*{1,3}|`+|~~|(?<!\w)_{1,3}|_{1,3}(?!\w)")


def line_ends(text: str) -> str:
    """Replace CRLF by LF. Always applied, because which of the two a model writes is chance."""
    return text.replace("\r\n", "\n") if "\r" in text else text


def normalise(text: str, names: Collection[Normaliser]) -> str:
    """Apply the named normalisers to `text`, in a fixed order whatever the order of the names."""
    text = line_ends(text)
    for name, without in _NORMALISERS.items():
        if name in names:
            text = without(text)
    return text


def _without_markdown(text: str) -> str:
    """Remove fences, rules, headings, quotes, bullets, links (their text is kept), emphasis and code marks."""
    for mark in (_FENCE, _RULE, _LEAD):
        text = mark.sub("", text)
    return _EMPHASIS.sub("", _LINK.sub(r"\1", text))


def _without_punctuation(text: str) -> str:
    """Keep words only: remove apostrophes, turn other punctuation into spaces, keep -5 and 3.14."""
    pieces = []
    for at, character in enumerate(text):
        if character.isalnum() or unicodedata.category(character)[0] != "P" or _is_of_number(text, at):
            pieces.append(character)
        elif character not in _APOSTROPHES:
            pieces.append(" ")
    return _without_white_space("".join(pieces))


def _is_of_number(text: str, at: int) -> bool:
    if not text[at + 1 : at + 2].isdigit():
        return False
    before = text[at - 1] if at else " "
    return (text[at] == "-" and before.isspace()) or (text[at] in ".,:/" and before.isdigit())


def _without_white_space(text: str) -> str:
    return " ".join(text.split())


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


# Case before Unicode, because folding can decompose a text; white space last, because the others leave some behind.
_NORMALISERS: Mapping[Normaliser, Callable[[str], str]] = {
    "markdown": _without_markdown,
    "case": str.casefold,
    "unicode": _composed,
    "punctuation": _without_punctuation,
    "whitespace": _without_white_space,
}

NAMES: tuple[Normaliser, ...] = tuple(_NORMALISERS)
