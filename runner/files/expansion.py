"""Limit how much larger than itself a file may become when it is read: a few kilobytes can unpack to gigabytes."""

from __future__ import annotations

__all__ = ["RATIO", "most_text", "most_unpacked"]

RATIO = 100
"""A file that expands by more than this factor was made to look small: text and tables are compressed 3 to 50 times."""


def most_unpacked(size: int) -> int:
    """Return the number of bytes, or of values of a table, to which a file of `size` bytes may expand."""
    return max(16 << 20, RATIO * size)


def most_text(size: int) -> int:
    """Return the number of characters that the rows of such a file may have; each repetition of a shared text counts."""
    return max(256 << 20, RATIO * size)
