"""Where each value of a file begins: a small tree beside the value, of integers where there is nothing below.

Offsets count characters of the text from 0. Integers and dicts of integers cost the garbage collector nothing, which
is half of the time of reading a large file.
"""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["Branch", "Place", "child", "start"]


class Branch:
    """The offset of a mapping or list, its parts, and for a mapping the offsets of its keys."""

    __slots__ = ("keys", "parts", "start")

    def __init__(self, start: int, parts: dict[str, Place] | list[Place], keys: dict[str, int]) -> None:
        self.start = start
        self.parts = parts
        self.keys = keys


Place: TypeAlias = "int | Branch"
"""The place of one value: its offset, for a scalar; else a branch."""


def start(place: Place) -> int:
    """The offset of the value's first character."""
    return place if isinstance(place, int) else place.start


def child(place: Place, part: str | int) -> tuple[int, Place] | None:
    """The offset of a part's key (of the part itself in a list), and the part's place; None where there is none."""
    if isinstance(place, int):
        return None
    parts = place.parts
    if isinstance(parts, dict):
        return (place.keys[part], parts[part]) if isinstance(part, str) and part in parts else None
    if isinstance(part, int) and 0 <= part < len(parts):
        return start(parts[part]), parts[part]
    return None
