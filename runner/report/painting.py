"""Text and how it looks on a terminal (ECMA-48 SGR codes).

Painted text holds marks that only an outlet turns into codes, after it has spelt out every control character of the
text around them. A mark cannot be forged: it is another one in each process.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from .visible import visible

__all__ = ["BOLD", "DIM", "GREEN", "RED", "REVERSE", "YELLOW", "Line", "ansi", "paint"]

BOLD, DIM, REVERSE, RED, GREEN, YELLOW = "1", "2", "7", "31", "32", "33"

_MARK = f"\x1b{os.urandom(8).hex()}["


def paint(text: str, style: str | None, *, color: bool) -> str:
    """The text between marks, where there is a style and colours are wanted."""
    return f"{_MARK}{style}m{text}{_MARK}0m" if color and style else text


def ansi(text: str) -> str:
    """The visible text, its marks as codes of a terminal. For outlets: nobody else writes codes."""
    if _MARK not in text:
        return visible(text)
    return "\x1b[".join(map(visible, text.split(_MARK)))


@dataclass(frozen=True, slots=True)
class Line:
    """A line to print: its text, and how its first `styled` characters look (None: all)."""

    text: str
    style: str = ""
    styled: int | None = None

    def painted(self, *, color: bool) -> str:
        """The text with its marks, where colours are wanted."""
        cut = len(self.text) if self.styled is None else self.styled
        return paint(self.text[:cut], self.style, color=color) + self.text[cut:]
