"""Read JSON slowly and exactly, for the place of each value or for an explanation of what is wrong.

`json.loads` offers neither positions nor strictness, and its messages change between Python versions.
"""

from __future__ import annotations

import math
import re

from .outline import Branch, Place
from .text import TextError

__all__ = ["MAX_DEPTH", "MAX_DIGITS", "outline"]

MAX_DEPTH = 100
"""Levels of nesting. Deeper data is a mistake or an attack; templates and validators recurse into it."""

MAX_DIGITS = 4300
"""Digits of an integer; this is Python's default limit for conversion (CVE-2020-10735)."""

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_ESCAPE = re.compile(
    r'\\(?:["\\/bfnrt]|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u(?![dD][89a-fA-F])[0-9a-fA-F]{4})'
)
_WORD = re.compile(r"-?[A-Za-z_][A-Za-z_0-9]*")
_WORDS = {"True": "true", "False": "false", "None": "null", "undefined": "null", "nil": "null"}
_NOT_FINITE = frozenset({"NaN", "-NaN", "Infinity", "-Infinity", "inf", "-inf", "nan"})


def outline(text: str) -> Place:
    """Return the places of all values in `text`. Raises TextError for everything that is not strict JSON."""
    start = _skip(text, 0)
    if start == len(text):
        raise TextError("there is no JSON value here", start, "write an empty value as null")
    root, end = _value(text, start, 1)
    end = _skip(text, end)
    if end < len(text):
        hint = "for one value per line, use the extension .jsonl" if text[end] in "{[" else None
        raise TextError("more text follows after the end of the JSON value", end, hint)
    return root


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match
    return match.end()


def _value(text: str, at: int, depth: int) -> tuple[Place, int]:
    """Return the place of the value that begins at `at`, and the offset after it."""
    char = text[at : at + 1]
    if depth > MAX_DEPTH and char in ("{", "["):
        raise TextError(f"the values are nested more than {MAX_DEPTH} levels deep", at)
    if char == '"':
        return at, _string(text, at)[1]
    if char == "{":
        return _object(text, at, depth)
    if char == "[":
        return _array(text, at, depth)
    if number := _NUMBER.match(text, at):
        _check_number(number)
        return at, number.end()
    for word in ("true", "false", "null"):
        if text.startswith(word, at):
            return at, at + len(word)
    raise _unexpected(text, at)


def _object(text: str, start: int, depth: int) -> tuple[Place, int]:
    parts: dict[str, Place] = {}
    keys: dict[str, int] = {}
    at = _skip(text, start + 1)
    if text.startswith("}", at):
        return Branch(start, parts, keys), at + 1
    while True:
        if not text.startswith('"', at):
            raise _unexpected(text, at, "a key in double quotes")
        key, end = _string(text, at)
        if key in parts:
            raise TextError(
                f'the key "{key}" appears twice',
                at,
                "remove one of the two",
                earlier=keys[key],
            )
        colon = _skip(text, end)
        if not text.startswith(":", colon):
            raise _unexpected(text, colon, "a colon after the key")
        member, end = _value(text, _skip(text, colon + 1), depth + 1)
        keys[key] = at
        parts[key] = member
        at, done = _next(text, end, "}", start)
        if done:
            return Branch(start, parts, keys), at


def _array(text: str, start: int, depth: int) -> tuple[Place, int]:
    items: list[Place] = []
    at = _skip(text, start + 1)
    if text.startswith("]", at):
        return Branch(start, items, {}), at + 1
    while True:
        item, end = _value(text, at, depth + 1)
        items.append(item)
        at, done = _next(text, end, "]", start)
        if done:
            return Branch(start, items, {}), at


def _next(text: str, end: int, bracket: str, start: int) -> tuple[int, bool]:
    """Return the offset of the member after the one that ends at `end`; or, with True, the offset after the closing bracket."""
    at = _skip(text, end)
    if text.startswith(bracket, at):
        return at + 1, True
    if at == len(text):
        raise TextError(
            f'the "{text[start]}" that opens here is never closed', start, f'add the missing "{bracket}"'
        )
    if not text.startswith(",", at):
        raise _unexpected(text, at, f'a comma or "{bracket}"')
    following = _skip(text, at + 1)
    if text.startswith(bracket, following):
        raise TextError(f'there is a comma before the closing "{bracket}"', at, "remove the comma")
    return following, False


def _string(text: str, start: int) -> tuple[str, int]:
    """Return the key or string that begins at `start`, and the offset after it."""
    at = start + 1
    parts: list[str] = []
    while True:
        plain = _PLAIN.match(text, at)
        assert plain
        parts.append(plain[0])
        at = plain.end()
        char = text[at : at + 1]
        if char == '"':
            return "".join(parts), at + 1
        if char == "\\":
            escape = _ESCAPE.match(text, at)
            if escape is None:
                raise _bad_escape(text, at)
            parts.append(_unescape(escape[0]))
            at = escape.end()
        elif char == "\n" or not char:
            raise TextError(
                "the string that begins here has no closing quote", start, r"write a line break as \n"
            )
        else:
            raise TextError(
                f"the string contains the control character U+{ord(char):04X}",
                at,
                f"write it as \\u{ord(char):04x}",
            )


_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _unescape(escape: str) -> str:
    if escape[1] != "u":
        return _SHORT.get(escape[1], escape[1])
    code = int(escape[2:6], 16)
    if len(escape) == 12:  # a surrogate pair (RFC 8259 section 7)
        code = 0x10000 + ((code - 0xD800) << 10) + (int(escape[8:], 16) - 0xDC00)
    return chr(code)


def _bad_escape(text: str, at: int) -> TextError:
    if re.match(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}", text[at : at + 6]):
        return TextError(
            f"{text[at : at + 6]} is half a character", at, "a surrogate must be followed by its other half"
        )
    return TextError(f"{text[at : at + 2]} is not a JSON escape", at, "write a backslash as \\\\")


def _check_number(number: re.Match[str]) -> None:
    whole, fraction, exponent = number.groups()
    if fraction or exponent:
        if not math.isfinite(float(number[0])):
            raise TextError(f"the number {_short(number[0])} is too large", number.start())
    elif len(whole) > MAX_DIGITS:
        raise TextError(f"a number of {len(whole)} digits", number.start(), "quote it if it is an identifier")
    if whole in ("0", "-0") and number.string[number.end() : number.end() + 1].isdigit() and not fraction:
        raise TextError("a number begins with 0", number.start(), "quote it if it is an identifier")


def _unexpected(text: str, at: int, wanted: str = "a value") -> TextError:
    """Return the error for a character that is not allowed at this place."""
    if at >= len(text):
        return TextError(f"the file ends where {wanted} is expected", at)
    char = text[at]
    if char == "'":
        return TextError("the string is in single quotes", at, "JSON allows only double quotes")
    if char == "#" or text.startswith(("//", "/*"), at):
        return TextError("JSON has no comments", at, "remove it, or write the file in YAML")
    if match := _WORD.match(text, at):
        word = match[0]
        if word in _NOT_FINITE:
            return TextError(f"{word} is not a JSON number", at, "write null, or a string in quotes")
        hint = f"write {_WORDS[word]}" if word in _WORDS else "strings need double quotes"
        return TextError(f'expected {wanted}, found "{_short(word)}"', at, hint)
    return TextError(f'expected {wanted}, found "{char}"', at)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
