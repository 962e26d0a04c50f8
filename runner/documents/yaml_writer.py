"""Write strings as YAML scalars that every version of YAML reads as the same string."""

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
"""Plain text, beginning with a letter or digit, that YAML 1.1 or 1.2 reads as a value other than a string."""


def scalar(text: str, plain: re.Pattern[str] = _PLAIN) -> str:
    """Return the text without quotes if `plain` matches it and every version of YAML reads it as a string, else quoted.

    `plain` matches texts that begin with a letter, a digit, `.`, `/`, `_` or `$`, and contain nothing that has a
    meaning in YAML.
    """
    without_quotes = plain.fullmatch(text) and not _OTHER.fullmatch(text) and text.isprintable()
    return text if without_quotes else quoted(text)


def quoted(text: str) -> str:
    """Return the text in double quotes, with escapes that JSON and YAML share where possible."""
    return f'"{escaped(text)}"'


def escaped(text: str) -> str:
    """Return the text as it is written between double quotes, without invisible characters."""
    inner = json.dumps(text, ensure_ascii=False)[1:-1]
    return inner if inner.isprintable() else "".join(map(_escape, inner))


def _escape(character: str) -> str:
    code = ord(character)
    if character.isprintable():
        return character
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
