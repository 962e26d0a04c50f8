"""The differences between two answers as a table: path, approved, new, rule and verdict. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ...regress.results import FieldChange
from ...values import Json
from ..terminal.figures import count
from ..terminal.table import format_table
from ..terminal.terminal_text import one_line, shorten

__all__ = ["HEADERS", "FieldRow", "field_row", "field_table", "value_text"]

HEADERS = ("path", "approved", "new", "rule", "verdict")

_WIDE = 44
_BEFORE = 8


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One difference between two answers, ready to show: each text on one line, shortened, and safe for a terminal."""

    path: str
    approved: str
    new: str
    rule: str
    verdict: str
    equal: bool

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """Return the texts, in the order of HEADERS."""
        return self.path, self.approved, self.new, self.rule, self.verdict


def value_text(value: Json, *, missing: bool = False, width: int = _WIDE) -> str:
    """Return a value as JSON on one line, shortened to `width` columns; a dash if it is missing."""
    return "-" if missing else shorten(_spelt(value), width)


def field_row(change: FieldChange, *, width: int = _WIDE) -> FieldRow:
    """Make the row of a difference. Two long values that begin alike are cut so that the difference is shown."""
    approved = "-" if change.approved_missing else _spelt(change.approved)
    new = "-" if change.new_missing else _spelt(change.new)
    if len(approved) > width or len(new) > width:
        pairs = enumerate(zip(approved, new, strict=False))
        alike = next((at for at, (one, two) in pairs if one != two), min(len(approved), len(new)))
        skipped = max(alike - _BEFORE, 0)
        if skipped > 1:
            approved, new = f"…{approved[skipped:]}", f"…{new[skipped:]}"
    return FieldRow(
        one_line(change.path),
        shorten(approved, width),
        shorten(new, width),
        one_line(change.rule),
        one_line(_verdict(change)),
        change.equal,
    )


def field_table(rows: Sequence[FieldRow], *, width: int | None = None, more: int = 0) -> list[str]:
    """Return the headers and a line for each row; `more` is the number of rows that were left out."""
    if not rows:
        return []
    lines = format_table(HEADERS, [row.cells for row in rows], width=width).splitlines()
    return [*lines, f"and {count(more)} more"] if more else lines


def _spelt(value: Json) -> str:
    return one_line(json.dumps(value, ensure_ascii=False))


def _verdict(change: FieldChange) -> str:
    if change.equal:
        word = "allowed"
    elif change.approved_missing:
        word = "added"
    elif change.new_missing:
        word = "removed"
    else:
        word = "changed"
    return f"{word}: {change.note}" if change.note else word
