"""`--max-cost`: an amount of money that a run does not knowingly exceed."""

from __future__ import annotations

__all__ = ["Budget"]


class Budget:
    """Dollars to spend. Each request in flight is assumed to cost as much as the most expensive answer so far.

    Until the first cost is known, only one request is in flight at a time. So the budget is exceeded by at most the
    difference between an answer's cost and the highest cost before it.
    """

    def __init__(self, dollars: float) -> None:
        self.dollars = dollars
        self.spent = 0.0
        self._highest: float | None = None
        self._under_way = 0

    @property
    def affords_another(self) -> bool:
        """Whether one more request may be sent now."""
        if self._highest is None:
            return self._under_way == 0 and self.spent <= self.dollars
        return self.spent + (self._under_way + 1) * self._highest <= self.dollars

    @property
    def exhausted(self) -> bool:
        """Whether no further request can be sent; false while requests are in flight."""
        return self._under_way == 0 and not self.affords_another

    def begin(self) -> None:
        """Note that a request is sent."""
        self._under_way += 1

    def landed(self) -> None:
        """Note that a request in flight has ended; its cost is given to `pay`."""
        self._under_way -= 1

    def pay(self, dollars: float) -> None:
        """Add the cost of an answer."""
        self.spent += dollars
        self._highest = max(self._highest or 0.0, dollars)
