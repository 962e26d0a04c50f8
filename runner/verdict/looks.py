"""After how many samples a gate looks at what came, and how much of the permitted error each look may spend.

The whole suite is asked at each step, never only what failed. The chances of a false alarm at the looks add up to at most
the whole (the union bound), whatever the looks depend on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["AUTO", "Looks"]

_SHARES = {2: (0.2, 0.8), 3: (0.15, 0.35, 0.5), 5: (0.05, 0.1, 0.2, 0.3, 0.35)}
"""Those that do not simply rise by the same step from look to look."""


@dataclass(frozen=True, slots=True)
class Looks:
    """The numbers of samples of each case at which a gate looks, rising."""

    samples: tuple[int, ...]

    @property
    def last(self) -> int:
        """The most samples of a case that are asked for."""
        return self.samples[-1]

    @property
    def shares(self) -> Sequence[float]:
        """What each look may spend of the permitted error; they add up to 1, the later ones having more."""
        count = len(self.samples)
        return _SHARES.get(count) or [2 * (look + 1) / (count * (count + 1)) for look in range(count)]

    def after(self, samples: int) -> int | None:
        """The next look after so many samples; None after the last."""
        return next((each for each in self.samples if each > samples), None)


AUTO = Looks((2, 5, 10))
"""What saves most calls of the plans that were simulated, and finds most."""
