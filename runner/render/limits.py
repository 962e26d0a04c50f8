"""How much a template may make. A sandbox stops a template from reaching out, not from growing until memory ends.

Every operation by which a template can multiply text (repetition, joining, padding, replacing, capturing) asks here
first, so that the answer to a runaway template is an error at its line. What cannot be bounded inside one process is
time: loops nested deeply enough run for as long as they are written to.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "MAX_DEPTH",
    "MAX_FILES",
    "MAX_INTEGER_BITS",
    "MAX_ITEMS",
    "MAX_SOURCE",
    "MAX_TEXT",
    "RefusedError",
    "join_text",
    "limit_integer",
    "limit_items",
    "limit_text",
]

MAX_TEXT = 4 * 1024 * 1024
"""Characters of a rendered message, and of every text on the way to it."""

MAX_ITEMS = 1_000_000
"""Items of a list that a template builds."""

MAX_INTEGER_BITS = 4096
"""Bits of an integer that a template computes; below the 4300 digits at which Python refuses to print one."""

MAX_SOURCE = 256 * 1024
"""Characters of one template."""

MAX_DEPTH = 16
"""How deeply included files may include others."""

MAX_FILES = 200
"""Files that one prompt may include, each counted once."""


class RefusedError(Exception):
    """What a template asked for is refused. The message is one sentence for its author; the caller knows the line."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def limit_text(length: int) -> None:
    """Refuse a text of `length` characters before it is made. Raises RefusedError."""
    if length > MAX_TEXT:
        raise RefusedError(f"the text would be longer than {MAX_TEXT:,} characters")


def limit_items(length: int) -> None:
    """Refuse a list of `length` items before it is made. Raises RefusedError."""
    if length > MAX_ITEMS:
        raise RefusedError(f"the list would have more than {MAX_ITEMS:,} items")


def limit_integer(bits: int) -> None:
    """Refuse an integer of `bits` bits before it is computed. Raises RefusedError."""
    if bits > MAX_INTEGER_BITS:
        raise RefusedError(f"the number would have more than {MAX_INTEGER_BITS:,} bits")


def join_text(parts: Iterable[str]) -> str:
    """`"".join(parts)`, given up as soon as the sum is too long. Raises RefusedError."""
    length = 0
    taken: list[str] = []
    for part in parts:
        length += len(part)
        if length > MAX_TEXT:
            limit_text(length)
        taken.append(part)
    return "".join(taken)
