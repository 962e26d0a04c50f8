"""A text as a YAML scalar, the same in every version of YAML. Pure."""

from __future__ import annotations

import json
import re

__all__ = ["scalar"]

# Begins like a name or a path and holds nothing that YAML gives a meaning to; or a version of three numbers.
_PLAIN = re.compile(
    r"(?:[A-Za-z]|\.{0,2}/)[\w./+@=~-]*(?::[\w./+@=~-]+)*|\d+\.\d+\.\d+(?:[+-][\w.+-]*\w)?|[0-9a-f]{40}",
    re.ASCII,
)
# What some version of YAML reads as a number or a word of its own.
_OTHER = re.compile(r"(?i:null|true|false|yes|no|on|off|y|n)|[0-9]+(?:e[0-9]+)?")


def scalar(text: str) -> str:
    """The text as it is where every version of YAML reads it as that text, else in double quotes. It is printable."""
    plain = _PLAIN.fullmatch(text) and not _OTHER.fullmatch(text)
    # A JSON string is a YAML one.
    return text if plain else json.dumps(text, ensure_ascii=False)
