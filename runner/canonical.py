"""The canonical form of a JSON value, which is hashed: RFC 8785, the JSON Canonicalization Scheme (JCS).

Keys are in the order of their UTF-16 code units, numbers are written as ECMAScript writes them (ECMA-262,
Number::toString), strings have the fewest escapes, and there is no white space. So `1` and `1.0`, or a reordered file,
have the same hash.

One extension to RFC 8785: an integer of any size is written with its exact digits, as it is sent. Up to ±(2^53 - 1), the
integers that every JSON parser preserves, the two forms are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from json.encoder import encode_basestring as _quote
from math import isfinite
from typing import Any

from .values import Json, JsonPath

__all__ = ["NotCanonicalError", "canonical"]


class NotCanonicalError(ValueError):
    """A value has no canonical form; `path` is the offending part, `reason` says why."""

    def __init__(self, path: JsonPath, reason: str) -> None:
        shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        super().__init__(f"${shown}: {reason}")
        self.path = path
        self.reason = reason


def canonical(value: Json) -> bytes:
    """Return the RFC 8785 form of `value`, in UTF-8.

    Raises NotCanonicalError, which names the path of the offending part (`$.a[0]`), for values without such a form: NaN
    and infinities, lone surrogates, keys that are not strings, anything that is not JSON, nesting deeper than the
    interpreter can follow, and integers with more digits than Python writes (4300).
    """
    try:
        return _plain(value).encode()
    except (TypeError, ValueError, RecursionError):
        pass  # unusual or invalid: the slower code below decides, and reports the place
    pieces: list[str] = []
    try:
        _write(value, (), pieces)
    except RecursionError:
        raise NotCanonicalError((), "nested too deeply") from None
    return "".join(pieces).encode()


def _plain(value: Any) -> str:
    """Return the form of a value of the usual types, three times as fast. Raises TypeError or ValueError for the rest."""
    kind = type(value)
    if kind is str:
        return _quote(value)
    if kind is dict:
        keys = sorted(value) if "".join(value).isascii() else sorted(value, key=_utf16)
        members = [
            f"{_quote(key)}:{_quote(item) if type(item := value[key]) is str else _plain(item)}"
            for key in keys
        ]
        return f"{{{','.join(members)}}}"
    if kind is list:
        return f"[{','.join([_plain(item) for item in value])}]"
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return int.__repr__(value)
    if kind is float and isfinite(value):
        return _number(value)
    raise TypeError


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be")


def _write(value: object, path: JsonPath, pieces: list[str]) -> None:
    if isinstance(value, str):
        pieces.append(_string(value, path))
    elif value is None:
        pieces.append("null")
    elif isinstance(value, bool):
        pieces.append("true" if value else "false")
    elif isinstance(value, int):
        try:
            pieces.append(int.__repr__(value))
        except ValueError:
            raise NotCanonicalError(path, "an integer with too many digits") from None
    elif isinstance(value, float):
        if not isfinite(value):
            raise NotCanonicalError(path, f"{value} is not a JSON number")
        pieces.append(_number(value))
    elif isinstance(value, Mapping):
        _write_object(value, path, pieces)
    elif isinstance(value, list | tuple):
        separator = "["
        for index, item in enumerate(value):
            pieces.append(separator)
            _write(item, (*path, index), pieces)
            separator = ","
        pieces.append("]" if value else "[]")
    else:
        raise NotCanonicalError(path, f"{type(value).__name__} is not a JSON type")


def _write_object(value: Mapping[object, object], path: JsonPath, pieces: list[str]) -> None:
    keys: list[str] = []
    for key in value:
        if not isinstance(key, str):
            raise NotCanonicalError(path, f"the key {key!r} is not a string")
        keys.append(key)
    separator = "{"
    for key in sorted(keys, key=lambda name: _unit_order(name, path)):
        pieces.append(f"{separator}{_quote(key)}:")
        _write(value[key], (*path, key), pieces)
        separator = ","
    pieces.append("}" if keys else "{}")


def _string(text: str, path: JsonPath) -> str:
    if not text.isascii():
        _unit_order(text, path)
    return _quote(text)


def _unit_order(text: str, path: JsonPath) -> bytes:
    """Return bytes that sort like the UTF-16 code units of `text`, which also proves that it has no lone surrogate."""
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError:
        raise NotCanonicalError(path, "a lone surrogate is not a character") from None


def _number(value: float) -> str:
    """Return ECMA-262 Number::toString of `value`: Python's shortest round-trip digits in ECMAScript's layout."""
    if value == 0:
        return "0"
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    significant = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(significant))
    digits = significant.rstrip("0")
    if len(digits) <= point <= 21:
        text = digits.ljust(point, "0")
    elif 0 < point <= 21:
        text = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        tail = f".{digits[1:]}" if len(digits) > 1 else ""
        text = f"{digits[0]}{tail}e{point - 1:+d}"
    return text if value > 0 else f"-{text}"
