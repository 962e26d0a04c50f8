"""How many requests an endpoint gets at once: a fixed number, or an adaptive one.

The adaptive limit is TCP's congestion control applied to requests: slow start, then additive increase and
multiplicative decrease (RFC 5681), with two additional rules from practice. One cut per episode: responses to requests
that were in flight before a cut tell nothing about the lower limit, so for a while they neither cut nor raise it. And a
limit only grows if it was used: a trickle of requests proves nothing about more concurrency.
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
"""Seconds between two cuts; a provider's Retry-After does not extend them, it only holds requests back."""

SATURATION = 0.8
"""The share of the limit that must have been used for a round to count towards growth."""

SMALLEST_ROUND = 4
KEPT_CHANGES = 200


@dataclass(frozen=True, slots=True)
class LimitChange:
    """A change of the limit. `at` is in seconds on the caller's clock."""

    at: float
    old: int
    new: int
    reason: Literal["slow_start", "steady_growth", "rate_limit"]


class ConcurrencyLimit(Protocol):
    """The limit used by admission control: `now` requests may be in flight at once, never more than `most`."""

    @property
    def now(self) -> int:
        """The current limit."""
        ...

    @property
    def most(self) -> int:
        """The highest possible limit."""
        ...

    @property
    def changes(self) -> tuple[LimitChange, ...]:
        """The last KEPT_CHANGES changes."""
        ...

    def sent(self, under_way: int) -> None:
        """Note that a request was sent; `under_way` are in flight, including this one."""

    def answered(self, at: float) -> None:
        """Note that the first attempt at a request was answered."""

    def stumbled(self) -> None:
        """Note that a request failed for another reason than the limit: the current round proves nothing."""

    def rate_limited(self, at: float) -> None:
        """Note that the provider answered "too many requests"."""


@dataclass(frozen=True, slots=True)
class FixedLimit:
    """A limit that never changes."""

    now: int

    @property
    def most(self) -> int:
        """The same number."""
        return self.now

    @property
    def changes(self) -> tuple[LimitChange, ...]:
        """Always empty."""
        return ()

    def sent(self, under_way: int) -> None:
        """Do nothing."""

    def answered(self, at: float) -> None:
        """Do nothing."""

    def stumbled(self) -> None:
        """Do nothing."""

    def rate_limited(self, at: float) -> None:
        """Do nothing."""


class AdaptiveLimit:
    """A limit that starts at START, doubles in each clean round until the first rate limit, then grows by GROWTH.

    A round is as many consecutive answers as the limit, and at least SMALLEST_ROUND.
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
        """The last KEPT_CHANGES changes."""
        return tuple(self._changes)

    def sent(self, under_way: int) -> None:
        """Note that a request was sent; `under_way` are in flight, including this one."""
        self._peak = max(self._peak, under_way)

    def answered(self, at: float) -> None:
        """Note that the first attempt at a request was answered."""
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
        """Note that a request failed for another reason than the limit: the current round proves nothing."""
        self._begin_round()

    def rate_limited(self, at: float) -> None:
        """Note that the provider answered "too many requests"."""
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
    """Return the limit for the first of `wishes` that is not None, else `default`; `room_for` caps it to the system's."""
    wish = next((each for each in wishes if each is not None), default)
    return AdaptiveLimit(most=room_for(HIGHEST)) if wish == "adaptive" else FixedLimit(room_for(wish))
