"""When to ask again: one retry policy for every endpoint, as pure functions of what happened.

Constants are those of the official clients (openai-python 3: 0.5 s doubling to 8 s, a quarter of jitter, a
Retry-After beyond 120 s is not waited for), with Retry-After taken as a minimum.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from ...wire.reply import ProviderError

__all__ = ["MAX_RETRY_AFTER", "backoff", "delay_before_retry"]

FIRST_DELAY = 0.5
LONGEST_DELAY = 8.0
MAX_RETRY_AFTER = 120.0
"""Seconds; a provider that asks for a longer pause is reported instead of waited for."""


def backoff(retry: int, jitter: Callable[[], float] = random.random) -> float:
    """Seconds before retry number `retry` (0 is the first): exponential, with up to a quarter taken off."""
    return float(min(FIRST_DELAY * 2**retry, LONGEST_DELAY) * (1 - 0.25 * jitter()))


def delay_before_retry(
    error: ProviderError,
    *,
    retry: int,
    max_retries: int,
    seconds_left: float,
    jitter: Callable[[], float] = random.random,
) -> float | None:
    """Seconds to wait before asking again, or None when it must not or cannot be asked again.

    `retry` is the number of retries made so far; `seconds_left` is what remains of the case's deadline.
    """
    if not error.retryable or retry >= max_retries:
        return None
    wanted = error.retry_after or 0.0
    if wanted > MAX_RETRY_AFTER:
        return None
    delay = max(backoff(retry, jitter), wanted)
    return delay if delay < seconds_left else None
