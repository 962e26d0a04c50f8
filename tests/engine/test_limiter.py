from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.engine.pool.limiter import BURST_SECONDS, Bucket, Limiter


def sent_within(limiter: Limiter, seconds: float, tokens: float = 0.0) -> int:
    """How many requests get through when every wait is obeyed to the letter."""
    now, sent = 0.0, 0
    while now < seconds:
        wait = limiter.reserve(tokens, now)
        assert sent < 10_000, "it holds nothing back"
        if wait == 0.0:
            sent += 1
        else:
            now += wait + 1e-9
    return sent


def empty(limiter: Limiter, tokens: float = 0.0) -> None:
    for _ in range(10_000):
        if limiter.reserve(tokens, 0.0) > 0.0:
            return
    raise AssertionError("it holds nothing back")


def test_without_limits_nothing_waits() -> None:
    assert Limiter().reserve(1e9, 0.0) == 0.0


def test_tokens_per_minute_hold_over_a_minute() -> None:
    assert 60 <= sent_within(Limiter(tpm=60_000), 60.0, tokens=1000.0) <= 63


def test_a_request_larger_than_the_bucket_is_let_through_and_paid_off() -> None:
    limiter = Limiter(tpm=600)
    assert limiter.reserve(6000.0, 0.0) == 0.0
    assert limiter.reserve(1.0, 0.0) > 590.0


def test_a_correction_gives_back_what_was_not_used() -> None:
    limiter = Limiter(tpm=600)
    limiter.reserve(6000.0, 0.0)
    limiter.correct(6000.0, 10.0)
    assert limiter.reserve(1.0, 0.0) == 0.0


def test_a_refused_reservation_takes_nothing() -> None:
    limiter = Limiter(rpm=60)
    empty(limiter)
    assert limiter.reserve(0.0, 0.0) == limiter.reserve(0.0, 0.0)


def test_two_seconds_worth_may_be_spent_at_once_and_at_least_one() -> None:
    assert (Bucket(600).capacity, Bucket(600).level) == (20.0, 20.0)
    assert Bucket(6).capacity == 1.0
    assert Bucket(45).capacity == 1.5


def test_a_bucket_fills_with_the_clock_and_no_further_than_it_holds() -> None:
    bucket = Bucket(600)
    assert bucket.wait(20, 100.0) == 0.0
    bucket.level -= 20
    assert bucket.wait(5, 100.2) == pytest.approx(0.3)
    assert bucket.wait(5, 100.5) == pytest.approx(0.0)
    assert bucket.wait(0, 9999.0) == 0.0
    assert bucket.level == 20.0


def test_nothing_flows_in_before_the_first_look_at_the_clock() -> None:
    bucket = Bucket(600, updated=None)
    bucket.level = 0.0
    assert bucket.wait(1, 1e9) == pytest.approx(0.1)


def test_the_tighter_of_both_limits_holds_back() -> None:
    by_requests, by_tokens = Limiter(rpm=60, tpm=600_000), Limiter(rpm=6000, tpm=600)
    for limiter in (by_requests, by_tokens):
        empty(limiter, 10.0)
    assert by_requests.reserve(10.0, 0.0) == pytest.approx(1.0)
    assert by_tokens.reserve(10.0, 0.0) == pytest.approx(1.0)


def test_a_request_held_back_by_one_limit_takes_nothing_of_the_other() -> None:
    limiter = Limiter(rpm=60, tpm=600)
    assert [limiter.reserve(5.0, 0.0) for _ in range(2)] == [0.0, 0.0]
    assert limiter.reserve(5.0, 0.0) == pytest.approx(1.0)
    assert limiter.reserve(10.0, 1.0) == 0.0  # 10 of the 20 tokens were left, and 10 result


def test_a_correction_of_what_was_too_little_is_paid_off() -> None:
    limiter = Limiter(tpm=600)
    limiter.reserve(1.0, 0.0)
    limiter.correct(1.0, 61.0)
    assert limiter.reserve(1.0, 0.0) == pytest.approx(4.2)


def test_a_limit_of_requests_is_not_corrected_by_tokens() -> None:
    limiter = Limiter(rpm=60)
    limiter.reserve(100.0, 0.0)
    limiter.correct(100.0, 0.0)
    assert limiter.reserve(0.0, 0.0) == 0.0
    assert limiter.reserve(0.0, 0.0) == pytest.approx(1.0)


@pytest.mark.slow
@given(st.integers(1, 6000))
def test_requests_per_minute_hold_over_a_minute(rpm: int) -> None:
    sent = sent_within(Limiter(rpm=rpm), 60.0)
    assert rpm - 1 <= sent <= rpm + rpm * BURST_SECONDS / 60 + 1
