"""Decode JSON in two ways: a provider's envelope as leniently as possible, an answer strictly."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from math import isfinite

from ..documents.json_outline import MAX_DEPTH
from ..documents.strict_json import decode_whole, is_too_deep, load_strict
from ..documents.text import TextError
from ..values import Json

__all__ = [
    "TooDeepError",
    "decode_envelope",
    "parse_answer",
    "visible",
    "visible_object",
    "visible_text",
]


def decode_envelope(body: bytes) -> Json:
    """Return the JSON value of a response body of any content type; a BOM and white space before it are allowed.

    Numbers that no double holds (NaN, 1e999, an integer of 400 digits) become strings, so that such a number does not
    cost the answer.
    Raises ValueError with a sentence if the body is not JSON in UTF-8, and TooDeepError if it is nested deeper
    than `MAX_DEPTH`.
    """
    try:
        text = body.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"the body is not UTF-8 text (byte {error.start})") from None
    try:
        value = decode_whole(_WITH_LONG_NUMBERS if _HOLDS_DIGITS.search(text[::_STEP]) else _ENVELOPE, text)
        too_deep = is_too_deep(value, text)
    except json.JSONDecodeError as error:
        raise _syntax(error) from None
    except RecursionError:
        too_deep = True
    if too_deep:
        raise TooDeepError(f"nested deeper than {MAX_DEPTH} levels")
    return value


def parse_answer(text: str) -> Json:
    """Return the JSON value of `text`; only white space is allowed around it.

    Raises ValueError with a sentence that names line and column if `text` is not strict JSON (see `load_strict`).
    """
    try:
        return load_strict(text)
    except json.JSONDecodeError as error:
        raise _syntax(error) from None
    except TextError as error:
        line = text.count("\n", 0, error.offset) + 1
        column = error.offset - text.rfind("\n", 0, error.offset)
        raise ValueError(f"{error.message} (line {line}, column {column})") from None


def visible(value: Json) -> Json:
    r"""Return `value` with every lone surrogate, which UTF-8 cannot encode, written as six characters: `\ud83d`."""
    if isinstance(value, str):
        return visible_text(value)
    if isinstance(value, dict):
        return visible_object(value)
    if isinstance(value, (list, tuple)):
        return [visible(item) for item in value]
    return value


def visible_text(text: str) -> str:
    """Return a text in the form of `visible`."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def visible_object(value: dict[str, Json]) -> dict[str, Json]:
    """Return an object in the form of `visible`."""
    return {visible_text(key): visible(item) for key, item in value.items()}


class TooDeepError(ValueError):
    """JSON that is nested deeper than `MAX_DEPTH` levels."""


def _syntax(error: json.JSONDecodeError) -> ValueError:
    return ValueError(f"{error.msg.removesuffix(' at')} at line {error.lineno}, column {error.colno}")


def _finite_or_text(number: str) -> float | str:
    value = float(number)
    return value if isfinite(value) else number


def _int_or_text(number: str) -> int | str:
    return int(number) if len(number) <= _DIGITS else number


_DIGITS = 308
"""The digits of the largest integer that is sure to have a double near it."""

_ENVELOPE = json.JSONDecoder(parse_float=_finite_or_text, parse_constant=str)
_WITH_LONG_NUMBERS = json.JSONDecoder(parse_float=_finite_or_text, parse_int=_int_or_text, parse_constant=str)

_STEP = (_DIGITS + 1) // 2
_HOLDS_DIGITS = re.compile("[0-9][0-9]")
"""A longer number than `_DIGITS` has two of every `_STEP` characters of a text, which are quickly searched."""
