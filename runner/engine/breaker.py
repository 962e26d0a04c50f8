"""The circuit breaker of one endpoint: one that gives no answers is not asked ten thousand times."""

from __future__ import annotations

__all__ = ["TRIPS", "Breaker"]

TRIPS = 10
"""Cases in a row that may end in an endpoint error before the run stops asking."""


class Breaker:
    """Counts the cases in a row that ended without an answer. `answered`: the endpoint is known to be there."""

    def __init__(self) -> None:
        self.answered = False
        self._failures = 0

    def succeeded(self) -> None:
        """An answer came."""
        self.answered = True
        self._failures = 0

    def failed(self, message: str) -> str | None:
        """A case ended without an answer; the reason to stop, once TRIPS of them came in a row."""
        self._failures += 1
        if self._failures < TRIPS:
            return None
        return f"{TRIPS} cases in a row got no answer ({message})"
