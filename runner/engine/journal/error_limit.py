"""`--max-errors`: the number or share of cases without an answer at which a run stops."""

from __future__ import annotations

from dataclasses import dataclass

from .counters import Counters

__all__ = ["ErrorLimit"]

_ENOUGH = 20
"""A share is applied only from this number of records on."""


@dataclass(frozen=True, slots=True)
class ErrorLimit:
    """A limit on errors: a number, or a share (0 to 1) of all records. Exactly one of the two is set."""

    number: int | None = None
    share: float | None = None

    def reached(self, counters: Counters) -> str | None:
        """Return the reason to stop if there are more errors than allowed, else None."""
        errors, done = counters.errors, counters.done
        if self.number is not None and errors > self.number:
            return f"--max-errors {self.number}: {errors} cases got no answer"
        if self.share is not None and done >= _ENOUGH and errors > self.share * done:
            return f"--max-errors {self.share:.0%}: {errors} of {done} cases got no answer"
        return None
