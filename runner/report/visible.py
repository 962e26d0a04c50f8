"""Text measured and shortened for a terminal, and made safe to show (see `runner.visible`)."""

from __future__ import annotations

import unicodedata

from ..visible import one_line, visible

__all__ = ["cell_width", "one_line", "shorten", "visible"]


def cell_width(text: str) -> int:
    """Columns a terminal needs for `text`: 2 for East Asian wide characters, 0 for combining marks (UAX #11)."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def shorten(text: str, width: int) -> str:
    """`text` if it fits `width` columns, else its beginning and an ellipsis, `width` columns at most (at least 1)."""
    if cell_width(text) <= width:
        return text
    room, kept = width - 1, []
    for character in text:
        room -= _cells(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


def _cells(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
