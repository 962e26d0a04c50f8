"""Access the parts of JSON values of which some may lack what others have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...values import Json

__all__ = ["ABSENT", "Absent", "child", "children"]


class Absent:
    """A missing value; JSON's null is not missing."""


ABSENT = Absent()


def child(value: Json | Absent, step: str | int) -> Json | Absent:
    """Return the part of `value` one step down."""
    if isinstance(value, Mapping) and isinstance(step, str):
        return value.get(step, ABSENT)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        part: Json = value[step]
        return part
    return ABSENT


def children(value: Json | Absent) -> Iterable[tuple[str | int, Json]]:
    """Return all parts one step down, with their steps."""
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()
