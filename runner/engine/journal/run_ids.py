"""Name runs by their start times, so that they sort in that order even if the clock is set back."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from ...errors import StorageError

__all__ = ["is_id", "new_id"]

_ID = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-[0-9a-f]{6}", re.ASCII)


def is_id(name: str) -> bool:
    """Return whether a name has the form of a run's name."""
    return _time_of(name) is not None


def new_id(others: Iterable[str]) -> str:
    """Return the name of a run that begins now. It sorts after the `others`, even if the clock was set back.

    Raises StorageError if one of these names has the last time that can be written.
    """
    now = datetime.now(UTC)
    latest = max((found for name in others if (found := _time_of(name)) is not None), default=None)
    if latest is not None and latest >= now.replace(microsecond=now.microsecond // 1000 * 1000):
        try:
            now = latest + timedelta(milliseconds=1)
        except OverflowError:
            raise StorageError(
                "a new run cannot be named: an existing run is named after the end of the year 9999",
                hint="runner runs lists it first; remove its folder",
            ) from None
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03}Z-{secrets.token_hex(3)}"


def _time_of(name: str) -> datetime | None:
    found = _ID.fullmatch(name)
    if found is None:
        return None
    year, month, day, hour, minute, second, millisecond = map(int, found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, millisecond * 1000, UTC)
    except ValueError:
        return None
