"""The writer's own lines, parsed a few microseconds each: ten thousand snapshots are read in a second.

Not a YAML parser: a line is either spelled as `writer` spells it, and then means what YAML says it means, or the whole
text is left to the YAML reader.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from ...values import Json
from .writer import LONGEST_KEY, PLAIN

__all__ = ["parse_own"]

_ENTRY = re.compile(
    rf'([A-Za-z_][A-Za-z0-9_.-]{{0,{LONGEST_KEY - 1}}}+|"(?:[^"\\]|\\.){{1,{LONGEST_KEY}}}+"|""):(?: (.+))?'
)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,30}+)(\.[0-9]++(?:e[-+][0-9]++)?)?")
_WORDS: Mapping[str, Json] = {"null": None, "true": True, "false": False}
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""The escape of half a character: JSON has it, YAML does not."""

_DEEPEST = 100
"""Columns of indentation; what lies deeper is rare, and its limit the YAML reader's business."""


class _ForeignLine(Exception):
    """Not a line of ours."""


def parse_own(text: str) -> dict[str, Any] | None:
    """The mapping in a text that `writer` wrote; None where it did not, or not quite."""
    if not text.endswith("\n") or not text.replace("\n", "").replace("\t", "").isprintable():
        return None
    lines = text.split("\n")
    lines[-1] = "."  # a line that continues nothing, so that no place has to ask whether there is a next one
    try:
        value, end = _mapping(lines, 0, 0)
    except (_ForeignLine, ValueError):
        return None
    return value if end == len(lines) - 1 else None


def _mapping(lines: list[str], at: int, indent: int) -> tuple[dict[str, Any], int]:
    value: dict[str, Any] = {}
    pad = " " * indent
    while lines[at].startswith(pad):
        entry = _ENTRY.fullmatch(lines[at], indent)
        if entry is None:
            break  # deeper than this mapping, or no line of ours: whoever comes next will see
        key, rest = entry.groups()
        if key[0] == '"':
            key = _unquoted(key)
        if key in value:
            raise _ForeignLine
        if rest is None:
            value[key], at = _block(lines, at + 1, indent + 2)
        else:
            value[key], at = _value(rest, lines, at + 1, indent)
    return value, at


def _sequence(lines: list[str], at: int, indent: int) -> tuple[list[Any], int]:
    value: list[Any] = []
    dash = f"{' ' * indent}- "
    while lines[at].startswith(dash):
        rest = lines[at][indent + 2 :]
        if rest.startswith("- ") or _ENTRY.fullmatch(rest):
            lines[at] = f"{' ' * (indent + 2)}{rest}"  # compact: the item begins behind its dash
            item, at = _block(lines, at, indent + 2)
        else:
            item, at = _value(rest, lines, at + 1, indent)
        value.append(item)
    return value, at


def _block(lines: list[str], at: int, indent: int) -> tuple[Any, int]:
    if indent > _DEEPEST:
        raise _ForeignLine
    value, end = (_sequence if lines[at].startswith("- ", indent) else _mapping)(lines, at, indent)
    if end == at:
        raise _ForeignLine
    return value, end


def _value(rest: str, lines: list[str], at: int, indent: int) -> tuple[Any, int]:
    """The value that begins with `rest`, and goes on in the lines from `at` if it is longer than that."""
    if PLAIN.fullmatch(rest):
        return rest, at
    first = rest[:1]
    if first == '"':
        return _quoted(rest, lines, at, " " * (indent + 2))
    if first == "|":
        return _literal(rest, lines, at, " " * (indent + 2))
    if rest in _WORDS:
        return _WORDS[rest], at
    if rest == "{}":
        return {}, at
    if rest == "[]":
        return [], at
    number = _NUMBER.fullmatch(rest)
    if number is None:
        raise _ForeignLine
    if number[1] is None:
        return int(rest), at
    value = float(rest)
    if not isfinite(value):
        raise _ForeignLine
    return value, at


def _quoted(rest: str, lines: list[str], at: int, pad: str) -> tuple[str, int]:
    """A quoted text, each of its line breaks escaped at the end of a line of ours."""
    pieces = [rest]
    while pieces[-1].endswith("\\n\\"):
        line = lines[at]
        if not line.startswith(pad) or line.startswith((" ", "\t"), len(pad)):
            raise _ForeignLine
        pieces[-1] = pieces[-1][:-1]
        pieces.append(line[len(pad) + line.startswith("\\ ", len(pad)) :])
        at += 1
    return _unquoted("".join(pieces)), at


def _unquoted(text: str) -> str:
    if "\\" not in text and text.find('"', 1) == len(text) - 1:
        return text[1:-1]
    if _HALF.search(text):
        raise _ForeignLine
    value: str = json.loads(text)
    return value


def _literal(header: str, lines: list[str], at: int, pad: str) -> tuple[str, int]:
    start, indent = at, len(pad)
    if not lines[at].startswith(pad) or lines[at][indent : indent + 1] in ("", " ", "\t"):
        raise _ForeignLine  # its first line would say another indentation
    while not lines[at] or lines[at].startswith(pad):
        at += 1
    text = "\n".join([line[indent:] for line in lines[start:at]])
    if header == "|+":
        return f"{text}\n", at
    if text.endswith("\n") or header not in ("|", "|-"):
        raise _ForeignLine
    return f"{text}\n" if header == "|" else text, at
