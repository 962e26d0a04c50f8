"""Admission control of an endpoint: concurrency, pauses that the provider asked for, budget, rate limits.

It never waits itself but returns the seconds to wait, so that a request that is held back occupies no worker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from ...wire.reply import ProviderError
from .budget import Budget
from .concurrency import ConcurrencyLimit
from .limiter import Limiter

__all__ = ["TOO_MANY", "Admission"]

TOO_MANY = frozenset({429, 503, 529})
"""The statuses that mean "too many requests" (OpenAI, Anthropic, gateways)."""


@dataclass(slots=True)
class Pause:
    """The pause that a provider asked for: until when, in monotonic seconds."""

    until: float = -inf


class Admission:
    """Admission control of one endpoint. Times are in seconds, on a monotonic clock of the caller.

    `rate_limited` counts the "too many requests" responses; `peak` is the highest number of requests in flight at once.
    `wakers` are called when a request has ended: those who wait may be admitted now.
    """

    def __init__(
        self, concurrency: ConcurrencyLimit, limiter: Limiter | None = None, budget: Budget | None = None
    ) -> None:
        self.concurrency = concurrency
        self.rate_limited = 0
        self.peak = 0
        self.wakers: list[Callable[[], None]] = []
        self._limiter = limiter
        self._budget = budget
        self._under_way = 0
        self._pause = Pause()

    def with_limit(self, concurrency: ConcurrencyLimit) -> Admission:
        """Return admission control with a concurrency of its own, which shares the rate limits and the pauses of this one."""
        other = Admission(concurrency, self._limiter, self._budget)
        other._pause = self._pause
        return other

    @property
    def counts_tokens(self) -> bool:
        """Whether the tokens of a request matter, so that they have to be estimated."""
        return self._limiter is not None

    def admit(self, tokens: float, now: float) -> float:
        """Admit one request of about `tokens` tokens and return 0, or return the seconds to wait.

        Infinity means: until a request in flight has ended.
        """
        if self._under_way >= self.concurrency.now or (self._budget and not self._budget.affords_another):
            return inf
        if now < self._pause.until:
            return self._pause.until - now
        wait = self._limiter.reserve(tokens, now) if self._limiter else 0.0
        if wait == 0.0:
            self._under_way += 1
            self.peak = max(self.peak, self._under_way)
            self.concurrency.sent(self._under_way)
            if self._budget:
                self._budget.begin()
        return wait

    def release(self) -> None:
        """Note that a request in flight has ended, with or without an answer."""
        self._under_way -= 1
        if self._budget:
            self._budget.landed()

    def wake(self) -> None:
        """Wake those who wait for a request in flight to end."""
        for waker in self.wakers:
            waker()

    def learn(self, error: ProviderError | None, *, first_attempt: bool, now: float) -> float | None:
        """Update the limits by the result of a request. Return the seconds of a new pause, if the provider asks for one."""
        if error is None:
            if first_attempt:
                self.concurrency.answered(now)
            return None
        if error.status not in TOO_MANY or not error.retryable:
            self.concurrency.stumbled()
            return None
        self.rate_limited += 1
        self.concurrency.rate_limited(now)
        pause = error.retry_after or 0.0
        if now + pause <= self._pause.until or not pause:
            return None
        announced = now < self._pause.until
        self._pause.until = now + pause
        return None if announced else pause

    def correct(self, estimated: float, used: float) -> None:
        """Replace an estimate of tokens by the provider's count."""
        if self._limiter:
            self._limiter.correct(estimated, used)
