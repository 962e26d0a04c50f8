r"""Text from elsewhere (a model, a file, a provider), made safe to show, measured and shortened for a terminal.

A model's answer may hold escape sequences that move the cursor or rename the window, and bidirectional controls that
reorder what is read (CVE-2021-42574). Shown text therefore spells such characters out: `\x1b`, `\u202e`.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["cell_width", "one_line", "shorten", "visible"]

_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb]"
)


def visible(text: str) -> str:
    r"""The text with control, bidirectional and surrogate characters spelt out; `\n` and `\t` stay as they are."""
    return _HARMFUL.sub(lambda found: _spelt(found.group()), text)


def one_line(text: str) -> str:
    """The visible text on one line, each run of white space as one space."""
    return visible(" ".join(text.split()))


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


def _spelt(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _cells(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
