"""Strict JSON with positions (RFC 8259, minus its leniencies: no duplicate keys, nothing but finite numbers)."""

from __future__ import annotations

import json
import math
import re

from ..values import Json
from .documents import Document
from .json_outline import MAX_DEPTH, outline
from .text import TextError, located

__all__ = ["parse_json"]

# A half of a surrogate pair: json.loads lets a lone one through, which no UTF-8 file or request could hold.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _SuspectError(Exception):
    """The fast reader met something that the exact one has to look at."""


def parse_json(text: str, shown: str, *, first_line: int = 1) -> Document:
    """Read one JSON value; `shown` is the file's name in messages, `first_line` the line on which `text` begins.

    The value is read at the speed of `json.loads`; positions are found by a second reading that happens only when
    somebody asks for one, or to say what is wrong.

    Raises SyntaxFileError for text that is not JSON, duplicate keys, NaN and Infinity (also by overflow: 1e999),
    lone surrogates and nesting deeper than 100.
    """
    try:
        try:
            value = _DECODER.decode(text)
        except (ValueError, RecursionError, _SuspectError) as refusal:
            raise _exact(text, refusal) from None
        if _SURROGATE.search(text) or _too_deep(value, text):
            outline(text)
    except TextError as error:
        raise located(error, text, shown, first_line) from None
    return Document(value, shown, text, lambda: outline(text), first_line=first_line)


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _SuspectError("duplicate key")
    return found


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _SuspectError("number out of range")
    return number


def _constant(name: str) -> Json:
    raise _SuspectError(name)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)


def _too_deep(value: Json, text: str) -> bool:
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


def _exact(text: str, refusal: Exception) -> TextError:
    """What the exact reading finds wrong in a text that the fast one refused."""
    try:
        outline(text)
    except TextError as error:
        return error
    # The two readers disagree: believe the stricter.
    return TextError("this is not JSON", refusal.pos if isinstance(refusal, json.JSONDecodeError) else 0)
