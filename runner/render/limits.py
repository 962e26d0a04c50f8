"""Limits on the output of templates. A sandbox confines a template but does not keep it from exhausting memory.

Every operation with which a template can multiply text (repeating, joining, padding, replacing, capturing) is checked
here first, and every iteration of a loop is counted, so that a runaway template ends in an error at its line. A single
process cannot rule out a template that is merely slow: one filter may still sort a million items in every iteration.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar

__all__ = [
    "MAX_DEPTH",
    "MAX_FILES",
    "MAX_INTEGER_BITS",
    "MAX_ITEMS",
    "MAX_SOURCE",
    "MAX_TEXT",
    "MAX_WORK",
    "NO_MEMORY",
    "TURN",
    "OutOfTimeError",
    "RefusedError",
    "join_text",
    "limit_integer",
    "limit_items",
    "limit_text",
    "spend",
    "start_work",
]

MAX_TEXT = 4 * 1024 * 1024
"""Characters of a rendered message, and of every intermediate text."""

MAX_ITEMS = 1_000_000
"""Items of a list that a template builds."""

MAX_INTEGER_BITS = 4096
"""Bits of an integer that a template computes; below the 4300 digits at which Python refuses to print one."""

MAX_SOURCE = 256 * 1024
"""Characters of one template."""

MAX_DEPTH = 16
"""The depth to which included files may include others."""

MAX_FILES = 200
"""Files that one prompt may include, each counted once."""

MAX_WORK = 64 * 1024 * 1024
"""Characters that all steps of one rendering may produce together; an item of a list counts as 8."""

TURN = 64
"""The work of a loop iteration or a macro call, so that one rendering can have about a million of them."""

NO_MEMORY = "needs more memory than is available"
"""The end of every message about memory."""

_left: ContextVar[list[int]] = ContextVar("_left")


class RefusedError(Exception):
    """An operation of a template is refused. The message is one sentence for its author; the caller knows the line."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class OutOfTimeError(RefusedError):
    """The time limit was reached; raised at any place in the template. `source` is the template being compiled."""

    source: object = None


def start_work() -> None:
    """Begin one rendering, or one compilation, in this thread or task: reset what `spend` counts."""
    _left.set([MAX_WORK])


def spend(work: int) -> None:
    """Count work of a template. Raises RefusedError if it exceeds the limit."""
    left = _left.get()
    left[0] -= work
    if left[0] < 0:
        raise RefusedError(
            "the template does too much: its loops have too many iterations or produce too much text"
        )


def limit_text(length: int) -> None:
    """Refuse a text of `length` characters before it is created. Raises RefusedError."""
    if length > MAX_TEXT:
        raise RefusedError(f"the text would be longer than {MAX_TEXT:,} characters")
    spend(max(length, 0))


def limit_items(length: int) -> None:
    """Refuse a list of `length` items before it is created. Raises RefusedError."""
    if length > MAX_ITEMS:
        raise RefusedError(f"the list would have more than {MAX_ITEMS:,} items")
    spend(8 * max(length, 0))


def limit_integer(bits: int) -> None:
    """Refuse an integer of `bits` bits before it is computed. Raises RefusedError."""
    if bits > MAX_INTEGER_BITS:
        raise RefusedError(f"the number would have more than {MAX_INTEGER_BITS:,} bits")


def join_text(parts: Iterable[str]) -> str:
    """Return `"".join(parts)`, but stop as soon as it is too long. Raises RefusedError."""
    length = 0
    taken: list[str] = []
    for part in parts:
        length += len(part)
        if length > MAX_TEXT:
            limit_text(length)
        taken.append(part)
    spend(length)
    return "".join(taken)
