"""The places of one endpoint (`in_turn`): keys or servers for the same models, of which each request takes the next."""

from __future__ import annotations

from math import inf

from ...wire.reply import ProviderError
from .admission import TOO_MANY

__all__ = ["Turns"]

_AFTER_TOO_MANY = 1.0
"""Seconds for which a place gets no requests if it had too many and did not say when to come back."""

_OUT_OF_REACH = 10.0
"""Seconds for which a place that could not be reached gets no requests."""


class Turns:
    """Says which place is next. A place that wants a pause, is out of reach or has no credit left is skipped meanwhile.

    Places are numbered from 0. Times are in seconds, on a monotonic clock of the caller.
    """

    def __init__(self, number: int) -> None:
        self._next = 0
        self._rests = [-inf] * number

    @property
    def several(self) -> bool:
        """Whether there is more than one place."""
        return len(self._rests) > 1

    def take(self, now: float, failed: int | None = None) -> int:
        """Return the place for a request: not the one at which it `failed` before, if another one is awake."""
        order = [(self._next + step) % len(self._rests) for step in range(len(self._rests))]
        awake = [place for place in order if self._rests[place] <= now]
        chosen = next((place for place in awake if place != failed), awake[0] if awake else None)
        if chosen is None:
            chosen = min(order, key=self._rests.__getitem__)
        self._next = (chosen + 1) % len(self._rests)
        return chosen

    def learn(self, place: int, error: ProviderError, now: float) -> float | None:
        """Let a place rest after an error. Return the seconds until any place is awake; None if none has to rest."""
        rest = _rest(error)
        if not rest:
            return None
        self._rests[place] = max(self._rests[place], now + rest)
        return max(0.0, min(self._rests) - now)


def _rest(error: ProviderError) -> float:
    if error.spent:
        return inf
    if error.code == "connect":
        return _OUT_OF_REACH
    if error.status in TOO_MANY:
        return error.retry_after or _AFTER_TOO_MANY
    return 0.0
