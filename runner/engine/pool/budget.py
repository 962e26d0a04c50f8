"""`--max-cost`: a sum of money that a run does not knowingly go beyond."""

from __future__ import annotations

__all__ = ["Budget"]


class Budget:
    """Dollars to spend. Each request under way is reckoned at the dearest answer so far.

    Until the first price is known one request is under way at a time, so that what goes beyond the sum is at most
    the difference between an answer and the dearest one before it.
    """

    def __init__(self, dollars: float) -> None:
        self.dollars = dollars
        self.spent = 0.0
        self._dearest: float | None = None
        self._under_way = 0

    @property
    def affords_another(self) -> bool:
        """Whether one more request may leave now."""
        if self._dearest is None:
            return self._under_way == 0 and self.spent <= self.dollars
        return self.spent + (self._under_way + 1) * self._dearest <= self.dollars

    @property
    def exhausted(self) -> bool:
        """Whether no request may leave any more, whatever those under way will cost."""
        return self._under_way == 0 and not self.affords_another

    def begin(self) -> None:
        """A request leaves."""
        self._under_way += 1

    def landed(self) -> None:
        """A request is back, whatever result of it; what an answer cost is told to `pay`."""
        self._under_way -= 1

    def pay(self, dollars: float) -> None:
        """An answer cost that much."""
        self.spent += dollars
        self._dearest = max(self._dearest or 0.0, dollars)
