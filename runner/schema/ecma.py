"""Translate the regular expressions of JSON Schema, which follow ECMAScript (ECMA-262), for Python's `re`.

If a construct has different meanings in the two dialects, the pattern is rewritten: `\\d`, `\\w` and `\\b` are ASCII only,
`\\s` and `.` know more line ends, `$` is the very end, `\\p{L}` is a Unicode category. Everything else is passed to
Python unchanged.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache, lru_cache

from ..patterns import PatternError, compile_pattern

__all__ = ["compile_ecma"]

_Ranges = tuple[tuple[int, int], ...]

_SIGN = re.compile(
    r"\\(?:[pP]\{[^}]*\}|u\{[0-9a-fA-F]+\}|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|c[A-Za-z]|k<[^>]*>|.)"
    r"|\(\?<(?![=!])|.",
    re.DOTALL,
)
_DIGIT: _Ranges = ((0x30, 0x39),)
_WORD: _Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_LINE_ENDS: _Ranges = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
_SPACE: _Ranges = (
    (0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
    (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip
_SETS = {"d": _DIGIT, "w": _WORD, "s": _SPACE}

_LONG_NAMES = {
    "Letter": "L", "Cased_Letter": "LC", "Uppercase_Letter": "Lu", "Lowercase_Letter": "Ll", "Titlecase_Letter": "Lt",
    "Modifier_Letter": "Lm", "Other_Letter": "Lo", "Mark": "M", "Combining_Mark": "M", "Nonspacing_Mark": "Mn",
    "Spacing_Mark": "Mc", "Enclosing_Mark": "Me", "Number": "N", "Decimal_Number": "Nd", "digit": "Nd",
    "Letter_Number": "Nl", "Other_Number": "No", "Punctuation": "P", "punct": "P", "Connector_Punctuation": "Pc",
    "Dash_Punctuation": "Pd", "Open_Punctuation": "Ps", "Close_Punctuation": "Pe", "Initial_Punctuation": "Pi",
    "Final_Punctuation": "Pf", "Other_Punctuation": "Po", "Symbol": "S", "Math_Symbol": "Sm", "Currency_Symbol": "Sc",
    "Modifier_Symbol": "Sk", "Other_Symbol": "So", "Separator": "Z", "Space_Separator": "Zs", "Line_Separator": "Zl",
    "Paragraph_Separator": "Zp", "Other": "C", "Control": "Cc", "cntrl": "Cc", "Format": "Cf", "Surrogate": "Cs",
    "Private_Use": "Co", "Unassigned": "Cn",
}  # fmt: skip


@lru_cache(maxsize=1024)
def compile_ecma(source: str) -> re.Pattern[str]:
    """Compile a pattern of JSON Schema. Raises PatternError if it is invalid, or if Python cannot match it."""
    return compile_pattern(_in_python(source))


def _in_python(source: str) -> str:
    pieces: list[str] = []
    signs = [found[0] for found in _SIGN.finditer(source)]
    inside = -1  # the index at which the open character class began
    for index, sign in enumerate(signs):
        if inside >= 0:
            first = index == inside + 1 or (index == inside + 2 and signs[inside + 1] == "^")
            if sign == "]" and not first:
                inside = -1
            pieces.append(_escape(sign, in_class=True) if sign[0] == "\\" else sign)
        elif sign == "[":
            inside = index
            pieces.append(sign)
        elif sign == "$":
            pieces.append(r"\Z")
        elif sign == ".":
            pieces.append(f"[^{_spelled(_LINE_ENDS)}]")
        elif sign == "(?<":
            pieces.append("(?P<")
        else:
            pieces.append(_escape(sign, in_class=False) if sign[0] == "\\" else sign)
    return "".join(pieces)


def _escape(sign: str, *, in_class: bool) -> str:
    kind, rest = sign[1:2], sign[2:]
    ranges: _Ranges | None = None
    if kind.lower() in _SETS and not rest:
        ranges = _SETS[kind.lower()]
    elif kind in ("p", "P") and rest:
        ranges = _property(rest[1:-1])
    if ranges is not None:
        if kind.isupper():
            ranges = _complement(ranges)
        spelled = _spelled(ranges)
        if in_class:
            return spelled
        return f"[{spelled}]" if spelled else "(?!)"
    if kind in ("b", "B") and not in_class:
        return f"(?a:{sign})"
    if kind == "u" and rest.startswith("{"):
        return _character(int(rest[1:-1], 16))
    if kind == "u" and len(rest) == 10:
        high, low = int(rest[:4], 16), int(rest[6:], 16)
        return _character(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    if kind == "c" and rest:
        return _character(ord(rest) % 32)
    if kind == "k" and rest:
        return f"(?P={rest[1:-1]})"
    return sign


def _character(code: int) -> str:
    if code > sys.maxunicode:
        raise PatternError(f"U+{code:X} is not a character")
    return f"\\U{code:08x}"


def _spelled(ranges: _Ranges) -> str:
    return "".join(
        _character(low) if low == high else f"{_character(low)}-{_character(high)}" for low, high in ranges
    )


def _complement(ranges: _Ranges) -> _Ranges:
    gaps, start = [], 0
    for low, high in ranges:
        if low > start:
            gaps.append((start, low - 1))
        start = high + 1
    if start <= sys.maxunicode:
        gaps.append((start, sys.maxunicode))
    return tuple(gaps)


@cache
def _property(name: str) -> _Ranges:
    """Return the characters of `\\p{name}`: a general category, or one of the few other sets that Python knows."""
    if name == "Any":
        return ((0, sys.maxunicode),)
    if name == "ASCII":
        return ((0, 0x7F),)
    if name == "Assigned":
        return _complement(_property("Cn"))
    field, _, value = name.rpartition("=")
    short = _LONG_NAMES.get(value, value)
    wanted = (
        {"Lu", "Ll", "Lt"} if short == "LC" else {each for each in _categories() if each.startswith(short)}
    )
    if field not in ("", "gc", "General_Category") or not short or not wanted:
        raise PatternError(f"\\p{{{name}}} is a character property that cannot be checked here")
    codes = sorted(span for each in wanted for span in _categories()[each])
    joined: list[tuple[int, int]] = []
    for low, high in codes:
        if joined and joined[-1][1] == low - 1:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return tuple(joined)


@cache
def _categories() -> dict[str, list[tuple[int, int]]]:
    """Return the ranges of each of Unicode's 30 general categories."""
    found: dict[str, list[tuple[int, int]]] = {}
    start, current = 0, unicodedata.category("\0")
    for code in range(1, sys.maxunicode + 1):
        category = unicodedata.category(chr(code))
        if category != current:
            found.setdefault(current, []).append((start, code - 1))
            start, current = code, category
    found.setdefault(current, []).append((start, sys.maxunicode))
    return found
