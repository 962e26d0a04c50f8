from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.engine.limiter import BURST_SECONDS, Limiter


def sent_within(limiter: Limiter, seconds: float, tokens: float = 0.0) -> int:
    """How many requests get through when every wait is obeyed to the letter."""
    now, sent = 0.0, 0
    while now < seconds:
        wait = limiter.reserve(tokens, now)
        if wait == 0.0:
            sent += 1
        else:
            now += wait + 1e-9
    return sent


def test_without_limits_nothing_waits() -> None:
    assert Limiter().reserve(1e9, 0.0) == 0.0


@given(st.integers(1, 6000))
def test_requests_per_minute_hold_over_a_minute(rpm: int) -> None:
    sent = sent_within(Limiter(rpm=rpm), 60.0)
    assert rpm - 1 <= sent <= rpm + rpm * BURST_SECONDS / 60 + 1


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
    while limiter.reserve(0.0, 0.0) == 0.0:
        pass
    assert limiter.reserve(0.0, 0.0) == limiter.reserve(0.0, 0.0)
