"""The retry policy, the same for every endpoint, as pure functions.

The constants are those of the official clients (openai-python 3: 0.5 s doubling to 8 s, up to a quarter of jitter, no
waiting for a Retry-After over 120 s); Retry-After is used as a minimum.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from ...wire.reply import ProviderError

__all__ = ["MAX_RETRY_AFTER", "backoff", "delay_before_retry"]

FIRST_DELAY = 0.5
LONGEST_DELAY = 8.0
MAX_RETRY_AFTER = 120.0
"""Seconds. If a provider asks for a longer pause, the error is reported at once."""


def backoff(retry: int, jitter: Callable[[], float] = random.random) -> float:
    """Return the seconds before retry number `retry` (0 is the first): exponential, less up to a quarter."""
    return float(min(FIRST_DELAY * 2**retry, LONGEST_DELAY) * (1 - 0.25 * jitter()))


def delay_before_retry(
    error: ProviderError,
    *,
    retry: int,
    max_retries: int,
    seconds_left: float,
    jitter: Callable[[], float] = random.random,
) -> float | None:
    """Return the seconds before the next retry, or None if there must not be one.

    `retry` is the number of retries so far; `seconds_left` is the time until the case's deadline.
    """
    if not error.retryable or retry >= max_retries:
        return None
    wanted = error.retry_after or 0.0
    if wanted > MAX_RETRY_AFTER:
        return None
    delay = max(backoff(retry, jitter), wanted)
    return delay if delay < seconds_left else None
