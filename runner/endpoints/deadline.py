"""One timer for all requests of a connection, which are sequential.

`asyncio.timeout` sets and cancels a timer for each request, which is a tenth of the cost of a request.

When a process was suspended (Ctrl-Z, a sleeping laptop) or blocked, its timers are due at the same moment as its answers
are in the sockets. These answers arrived in time and are paid for, so a timer that fires late waits until they are read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

__all__ = ["Deadline"]

_LATE = 0.25
"""Seconds after its time from which a timer counts as late: the loop was not running, rather than busy as usual."""

_TO_READ = 1.0
"""Seconds for reading what has arrived in the meantime."""


class Deadline:
    """Calls `expire` when the time that was last set is over, unless it was lifted. Belongs to a running loop."""

    __slots__ = ("_at", "_expire", "_fires_at", "_loop", "_timer", "expired")

    def __init__(self, expire: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._expire = expire
        self._at = inf
        self._fires_at = inf
        self._timer: asyncio.TimerHandle | None = None
        self.expired = False

    def set(self, seconds: float) -> None:
        """Set the deadline to `seconds` from now."""
        self._at = self._loop.time() + seconds
        self.expired = False
        if self._at < self._fires_at:
            self._fire_at(self._at)

    def lift(self) -> None:
        """Lift the deadline. The timer keeps running, because it can usually serve the next request."""
        self._at = inf

    def close(self) -> None:
        """Cancel the timer."""
        self._at = self._fires_at = inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire_at(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._fires_at = at
        self._timer = self._loop.call_at(at, self._fire)

    def _fire(self) -> None:
        self._timer, self._fires_at = None, inf
        if self._at == inf:
            return
        now = self._loop.time()
        if now - self._at > _LATE:
            self._at = now + _TO_READ
        if now < self._at:
            self._fire_at(self._at)
        else:
            self.expired = True
            self._at = inf
            self._expire()
