"""Texts as YAML scalars that every version of YAML reads as that text."""

from __future__ import annotations

import json
import re

__all__ = ["escaped", "quoted", "scalar"]

_PLAIN = re.compile(
    r"(?:[A-Za-z]|\.{0,2}/)[\w./+@=~-]*(?::[\w./+@=~-]+)*|\d+\.\d+\.\d+(?:[+-][\w.+-]*\w)?|[0-9a-f]{40}",
    re.ASCII,
)
"""A name, a path, a version of three numbers or a commit."""

_OTHER = re.compile(r"(?i:null|true|false|yes|no|on|off|y|n)|[0-9]+(?:e[0-9]+)?")
"""What YAML 1.1 or 1.2 takes for a word or a number of its own, of what begins with a letter or a digit."""


def scalar(text: str, plain: re.Pattern[str] = _PLAIN) -> str:
    """The text without quotes if `plain` matches it and no version of YAML reads it otherwise, else in double quotes.

    `plain` describes texts that begin with a letter, a digit, `.`, `/`, `_` or `$`, and hold nothing that has a meaning
    where they stand.
    """
    without_quotes = plain.fullmatch(text) and not _OTHER.fullmatch(text) and text.isprintable()
    return text if without_quotes else quoted(text)


def quoted(text: str) -> str:
    """The text in double quotes, in escapes that JSON and YAML share where there are any."""
    return f'"{escaped(text)}"'


def escaped(text: str) -> str:
    """The text as it is between double quotes: all of it can be seen."""
    inner = json.dumps(text, ensure_ascii=False)[1:-1]
    return inner if inner.isprintable() else "".join(map(_spelt, inner))


def _spelt(character: str) -> str:
    code = ord(character)
    if character.isprintable():
        return character
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
