"""`--max-errors`: how many cases may end without an answer before a run gives up."""

from __future__ import annotations

from dataclasses import dataclass

from .counters import Counters

__all__ = ["ErrorLimit"]

_ENOUGH = 20
"""Records before a share of them means anything."""


@dataclass(frozen=True, slots=True)
class ErrorLimit:
    """So many errors, or such a share of all records; `share` is between 0 and 1. One of the two is given."""

    number: int | None = None
    share: float | None = None

    def reached(self, counters: Counters) -> str | None:
        """The reason to stop, once there are more errors than that."""
        errors, done = counters.errors, counters.done
        if self.number is not None and errors > self.number:
            return f"--max-errors {self.number}: {errors} cases got no answer"
        if self.share is not None and done >= _ENOUGH and errors > self.share * done:
            return f"--max-errors {self.share:.0%}: {errors} of {done} cases got no answer"
        return None
