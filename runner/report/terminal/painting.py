"""Represent text with its style on a terminal (ECMA-48 SGR codes).

Painted text contains marks, which only an outlet turns into codes, after escaping all control characters in the text
around them. A mark cannot be forged, because each process has its own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from .terminal_text import visible

__all__ = ["BOLD", "DIM", "GREEN", "RED", "REVERSE", "UNDERLINE", "YELLOW", "Line", "ansi", "paint"]

BOLD, DIM, UNDERLINE, REVERSE, RED, GREEN, YELLOW = "1", "2", "4", "7", "31", "32", "33"

_MARK = f"\x1b{os.urandom(8).hex()}["


def paint(text: str, style: str | None, *, color: bool) -> str:
    """Return the text between marks, if it has a style and colours are wanted."""
    return f"{_MARK}{style}m{text}{_MARK}0m" if color and style and text else text


def ansi(text: str) -> str:
    """Return safe text with its marks as terminal codes. Only outlets may call this: nothing else writes codes."""
    if _MARK not in text:
        return visible(text)
    return "\x1b[".join(map(visible, text.split(_MARK)))


@dataclass(frozen=True, slots=True)
class Line:
    """A line to print: its text, and the style of its first `styled` characters (None: all).

    `marks` are spans within these characters that are emphasised: also bold and underlined.
    """

    text: str
    style: str = ""
    styled: int | None = None
    marks: tuple[tuple[int, int], ...] = ()

    def painted(self, *, color: bool) -> str:
        """Return the text with its marks, if colours are wanted."""
        cut = len(self.text) if self.styled is None else self.styled
        strong = ";".join(filter(None, (BOLD, UNDERLINE, self.style)))
        pieces, at = [], 0
        for start, end in self.marks:
            pieces += [
                paint(self.text[at:start], self.style, color=color),
                paint(self.text[start:end], strong, color=color),
            ]
            at = end
        pieces.append(paint(self.text[at:cut], self.style, color=color))
        return "".join(pieces) + self.text[cut:]
