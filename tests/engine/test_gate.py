from __future__ import annotations

from dataclasses import replace
from math import inf

from runner.engine.budget import Budget
from runner.engine.concurrency import AdaptiveLimit, FixedLimit
from runner.engine.gate import Gate
from runner.engine.limiter import Limiter
from runner.wire.reply import ProviderError

BUSY = ProviderError("rate_limit_exceeded", "slow down", status=429, retryable=True)


def test_no_more_requests_leave_than_the_limit_allows_until_one_lands() -> None:
    gate = Gate(FixedLimit(2))
    assert [gate.enter(0, 0.0) for _ in range(3)] == [0.0, 0.0, inf]
    gate.land()
    assert gate.enter(0, 0.0) == 0.0
    assert gate.peak == 2


def test_a_pause_the_provider_asks_for_holds_back_every_request() -> None:
    gate = Gate(FixedLimit(2))
    assert gate.learn(replace(BUSY, retry_after=20.0), first_attempt=True, now=100.0) == 20.0
    assert gate.enter(0, 105.0) == 15.0
    assert gate.enter(0, 120.0) == 0.0


def test_a_pause_is_announced_once_an_episode_and_only_ever_extended() -> None:
    gate = Gate(FixedLimit(9))
    assert gate.learn(replace(BUSY, retry_after=20.0), first_attempt=True, now=0.0) == 20.0
    assert gate.learn(replace(BUSY, retry_after=20.0), first_attempt=True, now=0.1) is None
    assert gate.learn(replace(BUSY, retry_after=1.0), first_attempt=True, now=0.2) is None
    assert gate.enter(0, 19.0) > 1.0
    assert gate.rate_limited == 3


def test_a_quota_that_is_spent_pauses_nothing() -> None:
    gate = Gate(FixedLimit(9))
    spent = replace(BUSY, code="insufficient_quota", retryable=False, retry_after=60.0)
    assert gate.learn(spent, first_attempt=True, now=0.0) is None
    assert gate.enter(0, 0.0) == 0.0


def test_a_request_that_the_rate_limit_holds_back_takes_no_place() -> None:
    gate = Gate(FixedLimit(1), Limiter(rpm=1))
    assert gate.enter(0, 0.0) == 0.0
    gate.land()
    assert 59.0 < gate.enter(0, 0.0) < 61.0
    assert gate.enter(0, 61.0) == 0.0


def test_rate_limits_move_an_adaptive_limit_and_retried_answers_do_not_raise_it() -> None:
    limit = AdaptiveLimit(start=10)
    gate = Gate(limit)
    gate.learn(BUSY, first_attempt=True, now=0.0)
    assert limit.now == 8
    for _ in range(8):
        assert gate.enter(0, 30.0) == 0.0
    for _ in range(20):
        gate.learn(None, first_attempt=False, now=30.0)
    assert limit.now == 8


def test_money_holds_back_until_the_first_price_is_known_and_then_what_would_go_beyond() -> None:
    budget = Budget(1.0)
    gate = Gate(FixedLimit(10), budget=budget)
    assert [gate.enter(0, 0.0) for _ in range(2)] == [0.0, inf]
    budget.pay(0.3)
    gate.land()
    assert [gate.enter(0, 0.0) for _ in range(3)] == [0.0, 0.0, inf]
    assert not budget.exhausted
    for _ in range(2):
        budget.pay(0.3)
        gate.land()
    assert gate.enter(0, 0.0) == inf
    assert budget.exhausted


def test_requests_that_fail_cost_nothing_and_block_nothing() -> None:
    budget = Budget(1.0)
    gate = Gate(FixedLimit(10), budget=budget)
    for _ in range(5):
        assert gate.enter(0, 0.0) == 0.0
        gate.land()
    assert budget.spent == 0.0
