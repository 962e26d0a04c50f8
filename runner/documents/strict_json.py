"""Strict JSON at the speed of `json.loads`: the one reader of project files, rows and model answers.

RFC 8259 without its leniencies: unique keys, finite numbers, whole characters, at most `MAX_DEPTH` levels.
"""

from __future__ import annotations

import json
import math
import re

from ..values import Json
from .json_outline import MAX_DEPTH, outline
from .text import TextError

__all__ = ["decode_whole", "is_too_deep", "load_strict", "load_strict_at"]

# Half of a surrogate pair: json.loads accepts a lone one, which no UTF-8 file or request can contain.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _NotStrictError(Exception):
    """JSON that Python's reader accepts and this one does not; raised by its hooks, which know no position."""


def load_strict(text: str) -> Json:
    """Return the JSON value that `text` consists of; white space around it is allowed.

    Raises ValueError (with the message of `json`) if the syntax is wrong or an integer has too many digits, and
    TextError for duplicate keys, NaN and Infinity (also by overflow: 1e999), lone surrogates and nesting deeper
    than `MAX_DEPTH`.
    """
    try:
        value = decode_whole(_DECODER, text)
    except (RecursionError, _NotStrictError):
        outline(text)
        # The two readers disagree: believe the stricter.
        raise TextError("this is not strict JSON", 0) from None
    if _SURROGATE.search(text) or is_too_deep(value, text):
        outline(text)
    return value


def decode_whole(decoder: json.JSONDecoder, text: str) -> Json:
    """Return `decoder.decode(text)`, and faster if there is no white space before the value."""
    value: Json
    try:
        value, end = decoder.raw_decode(text)
        is_whole = not text[end:].strip(_SPACE)
    except json.JSONDecodeError:
        is_whole = False
    if not is_whole:
        value = decoder.decode(text)
    return value


_SPACE = " \t\n\r"


def load_strict_at(text: str, at: int) -> tuple[Json, int] | None:
    """Return the JSON value that begins at `at`, whatever follows it, and its end; None where `load_strict` would raise."""
    try:
        _, end = _DECODER.raw_decode(text, at)
        return load_strict(text[at:end]), end
    except (ValueError, RecursionError, TextError, _NotStrictError):
        return None


def is_too_deep(value: Json, text: str) -> bool:
    """Return whether `value`, read from `text`, nests arrays and objects deeper than `MAX_DEPTH`."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    level, depth = [value], 0
    while level:
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent if type(parent) is list else ())
            if type(child) is dict or type(child) is list
        ]
        depth += 1
    return depth > MAX_DEPTH


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _NotStrictError("duplicate key")
    return members


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _NotStrictError("number out of range")
    return number


def _refuse(constant: str) -> Json:
    raise _NotStrictError(constant)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse)
