"""Convert regular expressions of JavaScript to Python, with as few changes as possible."""

from __future__ import annotations

import re
import warnings

from ..patterns import PatternError, compile_pattern
from ..schema.ecma import compile_ecma

__all__ = ["python_pattern"]

_SIGN = re.compile(
    r"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|k<[A-Za-z_]\w*>|[pPu]\{[^}]*\}|c[A-Za-z]|.)|\(\?<(?![=!])|.",
    re.DOTALL,
)
_OUTSIDE = {
    r"\d": "[0-9]", r"\D": "[^0-9]", r"\w": "[A-Za-z0-9_]", r"\W": "[^A-Za-z0-9_]", r"\b": r"(?a:\b)", r"\B": r"(?a:\B)",
    "$": r"\Z", r"\/": "/", "(?<": "(?P<",
}  # fmt: skip
_INSIDE = {r"\d": "0-9", r"\w": "A-Za-z0-9_", r"\/": "/"}
_SAME = re.compile(
    r"\\(?:[sSnrtfv1-9]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[^A-Za-z0-9])|[^\\]", re.DOTALL
)


def python_pattern(source: str, flags: str = "") -> str:
    """Return the pattern in Python's syntax. Raises PatternError if Python has no equivalent."""
    if unknown := set(flags) - set("gimsuy"):
        raise PatternError(f"the flag {''.join(sorted(unknown))} is not known")
    if re.search(r"\\[pP]\{", source) and not {"u", "v"} & set(flags):
        raise PatternError("\\p without the flag u means the letter p in JavaScript")
    spelt = _spelt(source, lines="m" in flags)
    if spelt is None and "m" in flags:
        raise PatternError("the flag m changes the meaning of ^ and $")
    if spelt is None:
        spelt = compile_ecma(source).pattern
    ours = "".join(flag for flag in "is" if flag in flags)
    pattern = f"(?{ours}){spelt}" if ours else spelt
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            compile_pattern(pattern)
        except Warning as warning:
            raise PatternError(str(warning)) from None
    return pattern


_OF_LINES = {"^": r"(?<![^\n\r\u2028\u2029])", "$": r"(?![^\n\r\u2028\u2029])"}
"""The ends of a line, with the flag m."""


def _spelt(source: str, *, lines: bool) -> str | None:
    """Return the pattern with the fewest changes; None if single characters are not enough. `lines`: the flag m is set."""
    pieces: list[str] = []
    inside = False
    signs = [found[0] for found in _SIGN.finditer(source)]
    for index, sign in enumerate(signs):
        if inside:
            if sign == "]":
                inside = False
            elif sign == "[" or (index + 1 < len(signs) and sign in "-&~|" and signs[index + 1] == sign):
                return None
            sign = _INSIDE.get(sign, sign)
            if sign.startswith("\\") and not _SAME.fullmatch(sign):
                return None
        elif sign == "[":
            following = signs[index + 1] if index + 1 < len(signs) else ""
            if following in ("]", "") or (following == "^" and signs[index + 2 : index + 3] == ["]"]):
                return None
            inside = True
        elif lines and sign in _OF_LINES:
            sign = _OF_LINES[sign]
        elif sign in _OUTSIDE:
            sign = _OUTSIDE[sign]
        elif sign.startswith(r"\k<"):
            sign = f"(?P={sign[3:-1]})"
        elif not _SAME.fullmatch(sign):
            return None
        pieces.append(sign)
    return "".join(pieces)
