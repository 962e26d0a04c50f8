"""JSON texts to values, twice: as much as possible of a provider's envelope, and nothing doubtful of an answer."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from math import isfinite
from typing import NoReturn

from ..values import Json

__all__ = ["DEEPEST", "TooDeepError", "decode_envelope", "parse_answer", "visible"]

DEEPEST = 100
"""Levels of nesting that are followed. No honest answer comes near; deeper ones exist to exhaust a reader."""

# A text that is never closed is one token as well, or each quote in it would be tried to the end of the body.
_TOKEN = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[{}\[\]]|-?Infinity|NaN|-?[0-9][0-9.eE+-]*', re.DOTALL
)
_KEY_FOLLOWS = re.compile(r"[ \t\n\r]*:")


def decode_envelope(body: bytes) -> Json:
    """The JSON value of a response body, whatever its content type; a BOM and white space before it are fine.

    Numbers that JSON does not have (NaN, 1e999) stay as text, so that one of them costs no answer.
    Raises ValueError, with a sentence, for what is not JSON in UTF-8 or is nested deeper than `DEEPEST`.
    """
    try:
        text = body.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"the body is not UTF-8 text (byte {error.start})") from None
    return _load(text, _ENVELOPE)


def parse_answer(text: str) -> Json:
    """The JSON value that `text` is, strictly by RFC 8259; white space around it is fine, anything else is not.

    Raises ValueError, with a sentence that names line and column, for bad syntax, a key that occurs twice in
    one object, NaN, infinities and numbers beyond the range of floats; and for escaped lone surrogates and
    nesting deeper than `DEEPEST`.
    """
    try:
        value = _load(text, _ANSWER)
    except _NotStrictError:
        raise ValueError(_first_offence(text)) from None
    if "\\u" in text and visible(value) != value:
        raise ValueError("it escapes half of a surrogate pair, which is no character")
    return value


def visible(value: Json) -> Json:
    r"""`value` with every lone surrogate, which no file can hold, spelled out as the six characters `\ud83d`."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, dict):
        return {str(visible(key)): visible(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [visible(item) for item in value]
    return value


class TooDeepError(ValueError):
    """JSON that is nested deeper than `DEEPEST` levels."""


class _NotStrictError(Exception):
    """Valid for Python's reader, not for RFC 8259 or not unambiguous; raised by the hooks, which know no position."""


def _load(text: str, decoder: json.JSONDecoder) -> Json:
    if text.count("[") + text.count("{") > DEEPEST and _is_too_deep(text):
        raise TooDeepError(f"nested deeper than {DEEPEST} levels")
    try:
        value: Json = decoder.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{error.msg.removesuffix(' at')} at line {error.lineno}, column {error.colno}"
        ) from None
    return value


def _is_too_deep(text: str) -> bool:
    depth = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "{[":
            depth += 1
            if depth > DEEPEST:
                return True
        elif token[0] in "}]":
            depth -= 1
    return False


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _NotStrictError
    return members


def _finite(number: str) -> float:
    value = float(number)
    if not isfinite(value):
        raise _NotStrictError
    return value


def _refuse(_constant: str) -> NoReturn:
    raise _NotStrictError


def _finite_or_text(number: str) -> float | str:
    value = float(number)
    return value if isfinite(value) else number


_ANSWER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse)
_ENVELOPE = json.JSONDecoder(parse_float=_finite_or_text, parse_constant=str)


def _first_offence(text: str) -> str:
    """What the hooks refused, and where: `text` is JSON up to there, so its tokens tell."""
    open_objects: list[set[str] | None] = []
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word in "{[":
            open_objects.append(set() if word == "{" else None)
        elif word in "}]":
            open_objects.pop()
        elif word.startswith('"'):
            keys = open_objects[-1] if open_objects else None
            if keys is None or not _KEY_FOLLOWS.match(text, token.end()):
                continue
            key = json.loads(word)
            if key in keys:
                return f"the key {word} occurs twice in one object, again {_position(text, token.start())}"
            keys.add(key)
        elif word.lstrip("-") in {"NaN", "Infinity"} or not isfinite(float(word)):
            return f"{word} is not a JSON number that can be kept, {_position(text, token.start())}"
    raise AssertionError("the reader refused a text without offence")


def _position(text: str, offset: int) -> str:
    line = text.count("\n", 0, offset) + 1
    return f"at line {line}, column {offset - text.rfind(chr(10), 0, offset)}"
