"""Plan after how many samples a gate looks at its counts, and how much of the permitted error each look may spend.

Each step samples the whole suite, never only the cases that failed. The false-alarm probabilities of the looks add up
to at most the permitted one (union bound), whatever the looks depend on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["AUTO", "Looks"]

_SHARES = {2: (0.2, 0.8), 3: (0.15, 0.35, 0.5), 5: (0.05, 0.1, 0.2, 0.3, 0.35)}
"""The shares for plans in which they do not rise by equal steps, by the number of looks."""


@dataclass(frozen=True, slots=True)
class Looks:
    """The numbers of samples per case at which a gate looks, in increasing order."""

    samples: tuple[int, ...]

    @property
    def last(self) -> int:
        """The maximum number of samples of a case."""
        return self.samples[-1]

    @property
    def shares(self) -> Sequence[float]:
        """Return the share of the permitted error that each look may spend; they add up to 1, later looks have more."""
        count = len(self.samples)
        return _SHARES.get(count) or [2 * (look + 1) / (count * (count + 1)) for look in range(count)]

    def after(self, samples: int) -> int | None:
        """Return the next look after so many samples; None after the last."""
        return next((each for each in self.samples if each > samples), None)


AUTO = Looks((2, 5, 10))
"""Of the plans that were simulated, the one that saves most calls and detects most drops."""
