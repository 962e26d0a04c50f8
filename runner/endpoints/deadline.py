"""One timer for all requests of a connection, which come one after the other.

`asyncio.timeout` sets a timer for each request and takes it back, which is a tenth of what a request costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

__all__ = ["Deadline"]


class Deadline:
    """Calls `expire` once the time that was set last is over, unless it was lifted before. Belongs to a running loop."""

    __slots__ = ("_at", "_expire", "_loop", "_rings_at", "_timer", "expired")

    def __init__(self, expire: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._expire = expire
        self._at = inf
        self._rings_at = inf
        self._timer: asyncio.TimerHandle | None = None
        self.expired = False

    def set(self, seconds: float) -> None:
        """From now on there are so many seconds."""
        self._at = self._loop.time() + seconds
        self.expired = False
        if self._at < self._rings_at:
            self._ring_at(self._at)

    def lift(self) -> None:
        """It was in time. The timer goes on: most often it can serve the next request."""
        self._at = inf

    def close(self) -> None:
        """Take the timer back."""
        self._at = self._rings_at = inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring_at(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = at
        self._timer = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer, self._rings_at = None, inf
        if self._at == inf:
            return
        if self._loop.time() < self._at:
            self._ring_at(self._at)
        else:
            self.expired = True
            self._at = inf
            self._expire()
