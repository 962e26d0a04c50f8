"""The outline of a file: a small tree beside its value that says where each part begins; leaves are integers.

Offsets count the characters of the text from 0. Integers and dicts of integers cost the garbage collector nothing, and
collection would take half of the time of reading a large file.
"""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["Branch", "Place", "child", "start"]


class Branch:
    """The offset of an object or list, its parts and, for an object, the offsets of its keys."""

    __slots__ = ("keys", "parts", "start")

    def __init__(self, start: int, parts: dict[str, Place] | list[Place], keys: dict[str, int]) -> None:
        self.start = start
        self.parts = parts
        self.keys = keys


Place: TypeAlias = "int | Branch"
"""The place of one value: the offset of a scalar, or a branch."""


def start(place: Place) -> int:
    """Return the offset of the value's first character."""
    return place if isinstance(place, int) else place.start


def child(place: Place, part: str | int) -> tuple[int, Place] | None:
    """Return the offset of a part's key (in a list: of the part itself) and the part's place, or None if it is missing."""
    if isinstance(place, int):
        return None
    parts = place.parts
    if isinstance(parts, dict):
        return (place.keys[part], parts[part]) if isinstance(part, str) and part in parts else None
    if isinstance(part, int) and 0 <= part < len(parts):
        return start(parts[part]), parts[part]
    return None
