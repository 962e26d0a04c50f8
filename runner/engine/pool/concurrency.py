"""How many requests an endpoint gets at once: a fixed number, or one that is found out.

The adaptive limit is TCP's congestion shutdown applied to requests: slow start, then additive increase and
multiplicative decrease (RFC 5681), with two rules learnt from the field. One cut an episode: the answers of requests
that were under way before a cut say nothing about the lower limit, so for a while they neither cut nor raise it. And
a limit only grows if it was used: a trickle of requests proves nothing about more of them at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["AdaptiveLimit", "ConcurrencyLimit", "FixedLimit", "LimitChange", "limit_of"]

START = 16
HIGHEST = 256
CUT = 0.8
GROWTH = 0.05
COOLDOWN = 15.0
"""Seconds between two cuts; a provider's Retry-After does not stretch them, it only holds requests back."""

SATURATION = 0.8
"""How much of the limit must have been in use for a round to count towards growth."""

SMALLEST_ROUND = 4
KEPT_CHANGES = 200


@dataclass(frozen=True, slots=True)
class LimitChange:
    """The limit moved. `at` is on the caller's clock, in seconds."""

    at: float
    old: int
    new: int
    reason: Literal["slow_start", "steady_growth", "rate_limit"]


class ConcurrencyLimit(Protocol):
    """What the admission asks: `now` requests may be under way at once, never more than `most`."""

    @property
    def now(self) -> int:
        """The limit as it stands."""
        ...

    @property
    def most(self) -> int:
        """The highest it can become."""
        ...

    @property
    def changes(self) -> tuple[LimitChange, ...]:
        """How it moved, the last KEPT_CHANGES of it."""
        ...

    def sent(self, under_way: int) -> None:
        """A request left; with it, so many are under way."""

    def answered(self, at: float) -> None:
        """An answer result at the first attempt."""

    def stumbled(self) -> None:
        """A request failed for a reason that is none of the limit's: the present round proves nothing."""

    def rate_limited(self, at: float) -> None:
        """The provider said: too many."""


@dataclass(frozen=True, slots=True)
class FixedLimit:
    """So many, whatever happens."""

    now: int

    @property
    def most(self) -> int:
        """The same number."""
        return self.now

    @property
    def changes(self) -> tuple[LimitChange, ...]:
        """None: it never moves."""
        return ()

    def sent(self, under_way: int) -> None:
        """Nothing to learn."""

    def answered(self, at: float) -> None:
        """Nothing to learn."""

    def stumbled(self) -> None:
        """Nothing to learn."""

    def rate_limited(self, at: float) -> None:
        """Nothing to learn."""


class AdaptiveLimit:
    """Starts at START, doubles each clean round until the first rate limit, then grows by GROWTH a round.

    A round is as many answers in a row as the limit allows at once, and at least SMALLEST_ROUND.
    """

    def __init__(self, start: int = START, most: int = HIGHEST) -> None:
        self.now = min(start, most)
        self.most = most
        self._changes: deque[LimitChange] = deque(maxlen=KEPT_CHANGES)
        self._starting = True
        self._clean = 0
        self._peak = 0
        self._cut_at: float | None = None

    @property
    def changes(self) -> tuple[LimitChange, ...]:
        """How it moved, the last KEPT_CHANGES of it."""
        return tuple(self._changes)

    def sent(self, under_way: int) -> None:
        """A request left; with it, so many are under way."""
        self._peak = max(self._peak, under_way)

    def answered(self, at: float) -> None:
        """An answer result at the first attempt."""
        if self._cooling(at):
            return
        self._clean += 1
        if self._clean < max(self.now, SMALLEST_ROUND):
            return
        used = self._peak >= SATURATION * self.now
        self._begin_round()
        if used:
            grown = self.now * 2 if self._starting else self.now + max(1, round(self.now * GROWTH))
            self._move(min(grown, self.most), at, "slow_start" if self._starting else "steady_growth")

    def stumbled(self) -> None:
        """A request failed for a reason that is none of the limit's: the present round proves nothing."""
        self._begin_round()

    def rate_limited(self, at: float) -> None:
        """The provider said: too many."""
        self._begin_round()
        if not self._cooling(at):
            self._starting = False
            self._cut_at = at
            self._move(max(1, int(self.now * CUT)), at, "rate_limit")

    def _cooling(self, at: float) -> bool:
        return self._cut_at is not None and at - self._cut_at < COOLDOWN

    def _begin_round(self) -> None:
        self._clean = self._peak = 0

    def _move(
        self, new: int, at: float, reason: Literal["slow_start", "steady_growth", "rate_limit"]
    ) -> None:
        if new != self.now:
            self._changes.append(LimitChange(at, self.now, new, reason))
            self.now = new


def limit_of(
    *wishes: int | Literal["adaptive"] | None,
    default: int,
    room_for: Callable[[int], int] = lambda most: most,
) -> ConcurrencyLimit:
    """The limit by the first of `wishes` that says something; of so many, `room_for` says how many there can be."""
    wish = next((each for each in wishes if each is not None), default)
    return AdaptiveLimit(most=room_for(HIGHEST)) if wish == "adaptive" else FixedLimit(room_for(wish))
