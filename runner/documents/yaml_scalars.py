"""Resolve unquoted YAML scalars by the core schema of YAML 1.2.2 (chapter 10.3.2), limited to JSON values."""

from __future__ import annotations

import math
import re

from ..values import Json
from .json_outline import MAX_DIGITS
from .text import TextError

__all__ = ["plain_scalar", "tagged_scalar"]

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_MAX_BITS = 14_284
"""The bits of an integer with MAX_DIGITS decimal digits, whatever base it is written in."""

_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def plain_scalar(text: str, offset: int) -> Json:
    """Return the value of a scalar without quotes and without a tag.

    `yes`, `12:30`, `1_000` and `2024-01-01` are strings; `1e-3` is a number. Raises TextError at `offset` for numbers
    that JSON or Python cannot represent.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-.":
        return text
    if len(text) > MAX_DIGITS and (_INT.fullmatch(text) or _OCTAL_OR_HEX.fullmatch(text)):
        raise _too_long(text, offset)
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        real = float(text)
        if math.isinf(real):
            raise _too_large(text, offset)
        return real
    if _OCTAL_OR_HEX.fullmatch(text):
        number = int(text, 0)
        if number.bit_length() > _MAX_BITS:  # Python reads it, but cannot print it
            raise _too_long(text, offset)
        return number
    if _NOT_FINITE.fullmatch(text):
        hint = f'write null, or quote it: "{text}"'
        raise TextError(f"{text} is not a JSON number", offset, hint)
    return text


def tagged_scalar(text: str, kind: str, offset: int) -> Json:
    """Return the value of a scalar with the tag `!!int`, `!!float`, `!!bool` or `!!null` (`kind` is the name after `!!`).

    Raises TextError at `offset` if text and tag do not agree.
    """
    value = plain_scalar(text, offset)
    if kind == "float" and type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise _too_large(text, offset) from None
    types = {"int": int, "float": float, "bool": bool, "null": type(None)}
    if type(value) is not types[kind]:
        raise TextError(f'"{text[:40]}" does not match its tag !!{kind}', offset, "remove the tag")
    return value


def _too_long(text: str, offset: int) -> TextError:
    return TextError(f"a number of {len(text)} digits is too long", offset, "quote it if it is an identifier")


def _too_large(text: str, offset: int) -> TextError:
    return TextError(f"the number {text[:40]} is too large", offset, "quote it if it is a string")
