from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.engine.pool.concurrency import (
    COOLDOWN,
    HIGHEST,
    KEPT_CHANGES,
    START,
    AdaptiveLimit,
    FixedLimit,
    limit_of,
)


def clean_round(limit: AdaptiveLimit, at: float, *, used: float = 1.0) -> None:
    limit.sent(max(1, int(limit.now * used)))
    for _ in range(max(limit.now, 4)):
        limit.answered(at)


def test_a_clean_round_doubles_the_limit_until_the_first_rate_limit() -> None:
    limit = AdaptiveLimit()
    for _ in range(10):
        clean_round(limit, 0.0)
    assert limit.now == HIGHEST
    assert [(each.old, each.new, each.reason) for each in limit.changes][:2] == [
        (START, 2 * START, "slow_start"),
        (2 * START, 4 * START, "slow_start"),
    ]


def test_a_limit_that_is_not_used_does_not_grow() -> None:
    limit = AdaptiveLimit()
    clean_round(limit, 0.0, used=0.5)
    assert limit.now == START


def test_one_episode_of_rate_limits_cuts_once() -> None:
    limit = AdaptiveLimit(start=100)
    for at in (0.0, 0.1, COOLDOWN - 0.1):
        limit.rate_limited(at)
    assert limit.now == 80
    limit.rate_limited(COOLDOWN)
    assert limit.now == 64


def test_answers_of_requests_sent_before_a_cut_do_not_raise_it() -> None:
    limit = AdaptiveLimit(start=100)
    limit.rate_limited(0.0)
    for _ in range(3):
        clean_round(limit, COOLDOWN - 1)
    assert limit.now == 80


def test_after_a_cut_the_limit_grows_by_a_twentieth_a_round() -> None:
    limit = AdaptiveLimit(start=100)
    limit.rate_limited(0.0)
    clean_round(limit, COOLDOWN)
    assert (limit.now, limit.changes[-1].reason) == (84, "steady_growth")


def test_a_failure_of_the_server_starts_the_round_again_and_cuts_nothing() -> None:
    limit = AdaptiveLimit(start=10)
    limit.sent(10)
    for _ in range(9):
        limit.answered(0.0)
    limit.stumbled()
    limit.answered(0.0)
    assert limit.now == 10


@given(st.lists(st.tuples(st.sampled_from(["answered", "limited", "stumbled", "sent"]), st.floats(0, 30))))
def test_the_limit_stays_between_one_and_the_highest_and_its_history_is_bounded(
    events: list[tuple[str, float]],
) -> None:
    limit, at = AdaptiveLimit(), 0.0
    for kind, passed in events * 3:
        at += passed
        match kind:
            case "answered":
                limit.answered(at)
            case "limited":
                limit.rate_limited(at)
            case "stumbled":
                limit.stumbled()
            case "sent":
                limit.sent(limit.now)
        assert 1 <= limit.now <= HIGHEST
    assert len(limit.changes) <= KEPT_CHANGES


def test_the_first_wish_that_says_something_counts() -> None:
    assert limit_of(None, 7, default=16) == FixedLimit(7)
    assert limit_of(3, 7, default=16) == FixedLimit(3)
    assert limit_of(None, None, default=16) == FixedLimit(16)
    assert isinstance(limit_of(None, "adaptive", default=16), AdaptiveLimit)
