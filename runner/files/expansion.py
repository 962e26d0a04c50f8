"""How much larger than itself a file may become when it is read: a few kilobytes can unpack to gigabytes."""

from __future__ import annotations

__all__ = ["RATIO", "most_text", "most_unpacked"]

RATIO = 100
"""The limit above which a file has to be meant to be small: text and tables are compressed 3 to 50 times."""


def most_unpacked(size: int) -> int:
    """Return the bytes, or the values of a table, to which a file of `size` bytes may be unpacked."""
    return max(16 << 20, RATIO * size)


def most_text(size: int) -> int:
    """Return the characters that the rows of such a file may have if each repetition of a shared text counts."""
    return max(256 << 20, RATIO * size)
