"""Limits on requests and tokens per minute: one token bucket each, checked before a request is sent.

`reserve` returns the seconds to wait instead of waiting, so that a job that is held back occupies no worker.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Bucket", "Limiter"]

BURST_SECONDS = 2.0
"""How much of the allowance may be used at once; providers count in windows much shorter than a minute."""


@dataclass(slots=True)
class Bucket:
    """A token bucket. It gains `per_minute` units per minute, up to BURST_SECONDS' worth (at least 1).

    The level may fall below zero: a reservation larger than the bucket is granted when the bucket is full, and paid off
    afterwards, so that a large request does not wait for ever.
    """

    per_minute: float
    level: float = field(init=False)
    updated: float | None = None

    def __post_init__(self) -> None:
        self.level = self.capacity

    @property
    def capacity(self) -> float:
        """The highest possible level."""
        return max(1.0, self.per_minute * BURST_SECONDS / 60)

    def wait(self, amount: float, now: float) -> float:
        """Return the seconds until `amount` may be taken (0: now), without taking it."""
        if self.updated is not None:
            self.level = min(self.capacity, self.level + (now - self.updated) * self.per_minute / 60)
        self.updated = now
        missing = min(amount, self.capacity) - self.level
        return max(0.0, missing * 60 / self.per_minute)


class Limiter:
    """The `rpm` and `tpm` limits of one endpoint. Without either it never holds anything back."""

    def __init__(self, rpm: float | None = None, tpm: float | None = None) -> None:
        self._requests = Bucket(rpm) if rpm else None
        self._tokens = Bucket(tpm) if tpm else None

    def reserve(self, tokens: float, now: float) -> float:
        """Take one request and `tokens` from the buckets and return 0, or take nothing and return the seconds to wait."""
        wanted = [
            (bucket, amount) for bucket, amount in ((self._requests, 1.0), (self._tokens, tokens)) if bucket
        ]
        wait = max((bucket.wait(amount, now) for bucket, amount in wanted), default=0.0)
        if wait == 0.0:
            for bucket, amount in wanted:
                bucket.level -= amount
        return wait

    def correct(self, estimated: float, used: float) -> None:
        """Replace an estimate by the provider's count."""
        if self._tokens:
            self._tokens.level += estimated - used
