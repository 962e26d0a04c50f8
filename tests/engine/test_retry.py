from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.engine.pool.retry import MAX_RETRY_AFTER, backoff, delay_before_retry
from runner.wire.reply import ProviderError

BUSY = ProviderError("rate_limit_exceeded", "slow down", status=429, retryable=True)


def delay(
    error: ProviderError, *, retry: int = 0, max_retries: int = 4, seconds_left: float = 600.0
) -> float | None:
    return delay_before_retry(
        error, retry=retry, max_retries=max_retries, seconds_left=seconds_left, jitter=lambda: 0.0
    )


def test_delays_double_up_to_eight_seconds() -> None:
    assert [backoff(k, jitter=lambda: 0.0) for k in range(6)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


@given(st.integers(0, 100))
def test_jitter_takes_off_at_most_a_quarter(retry: int) -> None:
    longest = backoff(retry, jitter=lambda: 0.0)
    assert longest * 0.75 <= backoff(retry) <= longest


def test_full_jitter_takes_off_a_quarter() -> None:
    assert [backoff(k, jitter=lambda: 1.0) for k in (0, 1, 9)] == [0.375, 0.75, 6.0]
    assert delay_before_retry(BUSY, retry=0, max_retries=1, seconds_left=9, jitter=lambda: 1.0) == 0.375


def test_without_a_retry_after_the_delay_is_that_of_the_retry() -> None:
    assert [delay(BUSY, retry=retry, max_retries=9) for retry in (0, 1, 2)] == [0.5, 1.0, 2.0]


def test_what_is_not_retryable_is_not_retried() -> None:
    assert delay(replace(BUSY, retryable=False)) is None


def test_the_number_of_retries_is_bounded() -> None:
    assert delay(BUSY, retry=3) is not None
    assert delay(BUSY, retry=4) is None


def test_retry_after_is_a_minimum() -> None:
    assert delay(replace(BUSY, retry_after=7.0)) == 7.0
    assert delay(replace(BUSY, retry_after=0.1)) == 0.5


def test_an_unreasonable_retry_after_is_reported_instead_of_waited_for() -> None:
    assert delay(replace(BUSY, retry_after=MAX_RETRY_AFTER + 1)) is None
    assert delay(replace(BUSY, retry_after=MAX_RETRY_AFTER)) == MAX_RETRY_AFTER == 120


def test_a_retry_may_begin_just_before_the_deadline() -> None:
    assert delay(BUSY, seconds_left=0.51) == 0.5


@pytest.mark.parametrize("left", [0.5, 0.4, 0.0, -1.0])
def test_nothing_is_retried_beyond_the_deadline(left: float) -> None:
    assert delay(BUSY, seconds_left=left) is None
