"""A line of text and how it looks on a terminal (ECMA-48 SGR codes)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BOLD", "DIM", "GREEN", "RED", "REVERSE", "YELLOW", "Line"]

BOLD, DIM, REVERSE, RED, GREEN, YELLOW = "1", "2", "7", "31", "32", "33"


@dataclass(frozen=True, slots=True)
class Line:
    """A line to print: its text, safe for a terminal, and how its first `styled` characters look (None: all)."""

    text: str
    style: str = ""
    styled: int | None = None

    def painted(self, *, color: bool) -> str:
        """The text with its codes, where colours are wanted."""
        if not color or not self.style:
            return self.text
        cut = len(self.text) if self.styled is None else self.styled
        return f"\x1b[{self.style}m{self.text[:cut]}\x1b[0m{self.text[cut:]}"
