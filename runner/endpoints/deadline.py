"""One timer for all requests of a connection, which come one after the other.

`asyncio.timeout` sets a timer for each request and takes it back, which is a tenth of what a request costs.

A process that was suspended (Ctrl-Z, a laptop that sleeps) or held up finds its timers due and its answers in the sockets
at the same moment. These answers came in time and are paid for, so a timer that rings late waits until they are read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

__all__ = ["Deadline"]

_LATE = 0.25
"""Seconds after its time at which a timer rings late: the loop did not run, rather than being busy as usual."""

_TO_READ = 1.0
"""Seconds for reading what has come meanwhile."""


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
        now = self._loop.time()
        if now - self._at > _LATE:
            self._at = now + _TO_READ
        if now < self._at:
            self._ring_at(self._at)
        else:
            self.expired = True
            self._at = inf
            self._expire()
