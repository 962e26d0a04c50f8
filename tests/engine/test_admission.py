from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from runner.engine.pool.admission import Admission
from runner.engine.pool.budget import Budget
from runner.engine.pool.concurrency import AdaptiveLimit, FixedLimit
from runner.engine.pool.limiter import Limiter
from runner.wire.reply import ProviderError

BUSY = ProviderError("rate_limit_exceeded", "slow down", status=429, retryable=True)


def test_no_more_requests_leave_than_the_limit_allows_until_one_lands() -> None:
    admission = Admission(FixedLimit(2))
    assert [admission.admit(0, 0.0) for _ in range(3)] == [0.0, 0.0, inf]
    admission.release()
    assert admission.admit(0, 0.0) == 0.0
    assert admission.peak == 2


def test_a_pause_the_provider_asks_for_holds_back_every_request() -> None:
    admission = Admission(FixedLimit(2))
    assert admission.learn(replace(BUSY, retry_after=20.0), first_attempt=True, now=100.0) == 20.0
    assert admission.admit(0, 105.0) == 15.0
    assert admission.admit(0, 120.0) == 0.0


def test_a_pause_is_announced_once_an_episode_and_only_ever_extended() -> None:
    admission = Admission(FixedLimit(9))
    assert admission.learn(replace(BUSY, retry_after=20.0), first_attempt=True, now=0.0) == 20.0
    assert admission.learn(replace(BUSY, retry_after=20.0), first_attempt=True, now=0.1) is None
    assert admission.learn(replace(BUSY, retry_after=1.0), first_attempt=True, now=0.2) is None
    assert admission.admit(0, 19.0) > 1.0
    assert admission.rate_limited == 3


def test_a_quota_that_is_spent_pauses_nothing() -> None:
    admission = Admission(FixedLimit(9))
    spent = replace(BUSY, code="insufficient_quota", retryable=False, retry_after=60.0)
    assert admission.learn(spent, first_attempt=True, now=0.0) is None
    assert admission.admit(0, 0.0) == 0.0


def test_a_request_that_the_rate_limit_holds_back_takes_no_place() -> None:
    admission = Admission(FixedLimit(1), Limiter(rpm=1))
    assert admission.admit(0, 0.0) == 0.0
    admission.release()
    assert 59.0 < admission.admit(0, 0.0) < 61.0
    assert admission.admit(0, 61.0) == 0.0


def test_rate_limits_move_an_adaptive_limit_and_retried_answers_do_not_raise_it() -> None:
    limit = AdaptiveLimit(start=10)
    admission = Admission(limit)
    admission.learn(BUSY, first_attempt=True, now=0.0)
    assert limit.now == 8
    for _ in range(8):
        assert admission.admit(0, 30.0) == 0.0
    for _ in range(20):
        admission.learn(None, first_attempt=False, now=30.0)
    assert limit.now == 8


def test_money_holds_back_until_the_first_price_is_known_and_then_what_would_go_beyond() -> None:
    budget = Budget(1.0)
    admission = Admission(FixedLimit(10), budget=budget)
    assert [admission.admit(0, 0.0) for _ in range(2)] == [0.0, inf]
    budget.pay(0.3)
    admission.release()
    assert [admission.admit(0, 0.0) for _ in range(3)] == [0.0, 0.0, inf]
    assert not budget.exhausted
    for _ in range(2):
        budget.pay(0.3)
        admission.release()
    assert admission.admit(0, 0.0) == inf
    assert budget.exhausted


def test_requests_that_fail_cost_nothing_and_block_nothing() -> None:
    budget = Budget(1.0)
    admission = Admission(FixedLimit(10), budget=budget)
    for _ in range(5):
        assert admission.admit(0, 0.0) == 0.0
        admission.release()
    assert budget.spent == 0.0


def test_a_sum_can_be_spent_to_the_last_cent() -> None:
    budget = Budget(1.0)
    admission = Admission(FixedLimit(10), budget=budget)
    admission.admit(0, 0.0)
    budget.pay(0.25)
    admission.release()
    assert [admission.admit(0, 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, inf]


def test_the_dearest_answer_so_far_is_what_the_next_is_reckoned_at() -> None:
    budget = Budget(1.0)
    for dollars in (0.1, 0.3, 0.1):
        budget.begin()
        budget.pay(dollars)
        budget.landed()
    assert budget.spent == pytest.approx(0.5)
    budget.begin()
    assert not budget.affords_another  # 0.5 and twice 0.3


def test_a_sum_of_nothing_pays_for_what_costs_nothing() -> None:
    budget = Budget(0.0)
    assert budget.affords_another
    budget.begin()
    budget.pay(0.0)
    assert budget.affords_another


def test_a_first_answer_that_takes_it_all_is_the_only_one() -> None:
    budget = Budget(0.2)
    budget.begin()
    budget.pay(0.3)
    assert not budget.affords_another
    assert not budget.exhausted
    budget.landed()
    assert budget.exhausted


@pytest.mark.parametrize("status", [429, 503, 529])
def test_by_these_statuses_a_provider_says_that_it_gets_too_many(status: int) -> None:
    admission = Admission(FixedLimit(9))
    busy = replace(BUSY, status=status, retry_after=20.0)
    assert admission.learn(busy, first_attempt=True, now=0.0) == 20.0
    assert (admission.admit(0, 5.0), admission.rate_limited) == (15.0, 1)


@pytest.mark.parametrize("status", [400, 408, 428, 430, 500, 502, 504, 528, 530])
def test_by_others_it_does_not(status: int) -> None:
    admission = Admission(FixedLimit(9))
    broken = replace(BUSY, status=status, retry_after=20.0)
    assert admission.learn(broken, first_attempt=True, now=0.0) is None
    assert (admission.admit(0, 5.0), admission.rate_limited) == (0.0, 0)


def test_a_request_that_leaves_as_a_pause_ends_takes_its_place() -> None:
    admission = Admission(FixedLimit(1))
    admission.learn(replace(BUSY, retry_after=20.0), first_attempt=True, now=0.0)
    assert [admission.admit(0, 20.0) for _ in range(2)] == [0.0, inf]


def test_a_pause_of_another_episode_is_announced_again() -> None:
    admission = Admission(FixedLimit(9))
    pauses = [
        admission.learn(replace(BUSY, retry_after=seconds), first_attempt=True, now=now)
        for now, seconds in ((0.0, 20.0), (10.0, 20.0), (30.0, 20.0), (30.0, None), (60.0, 5.0))
    ]
    assert pauses == [
        20.0,
        None,
        20.0,
        None,
        5.0,
    ]  # the second one extends the first; the third begins as it ends
    assert admission.admit(0, 64.0) == 1.0


def test_the_peak_is_how_many_were_under_way_at_once() -> None:
    admission = Admission(FixedLimit(9))
    assert admission.peak == 0
    for _ in range(2):
        admission.admit(0, 0.0)
    admission.release()
    admission.admit(0, 0.0)
    assert admission.peak == 2


def test_a_place_that_is_given_back_is_one_place() -> None:
    admission = Admission(FixedLimit(2))
    assert [admission.admit(0, 0.0) for _ in range(2)] == [0.0, 0.0]
    admission.release()
    assert [admission.admit(0, 0.0) for _ in range(2)] == [0.0, inf]


def busy_gate(limit: AdaptiveLimit) -> Admission:
    """An admission through which as many have left as its limit allows."""
    admission = Admission(limit)
    while admission.admit(0, 0.0) == 0.0:
        pass
    return admission


def test_a_round_of_clean_first_answers_raises_an_adaptive_limit_that_was_used() -> None:
    limit = AdaptiveLimit(start=4)
    admission = busy_gate(limit)
    for _ in range(4):
        admission.learn(None, first_attempt=True, now=1.0)
    assert [(each.at, each.new) for each in limit.changes] == [(1.0, 8)]


@pytest.mark.parametrize(
    "stumble", [replace(BUSY, status=500), replace(BUSY, retryable=False)], ids=["broken", "no money"]
)
def test_a_failure_for_another_reason_ends_the_round_and_cuts_nothing(stumble: ProviderError) -> None:
    limit = AdaptiveLimit(start=4)
    admission = busy_gate(limit)
    for result in (None, None, None, stumble, None):
        admission.learn(result, first_attempt=True, now=1.0)
    assert (limit.now, limit.changes) == (4, ())


def test_what_the_provider_counted_replaces_the_estimate() -> None:
    admission = Admission(FixedLimit(9), Limiter(tpm=600))
    admission.admit(6000.0, 0.0)
    admission.correct(6000.0, 10.0)
    assert admission.admit(1.0, 0.0) == 0.0
    Admission(FixedLimit(9)).correct(6000.0, 10.0)  # without a limit there is nothing to correct


def test_tokens_count_only_where_they_are_limited() -> None:
    assert Admission(FixedLimit(9), Limiter(tpm=600)).counts_tokens
    assert not Admission(FixedLimit(9)).counts_tokens


def test_money_is_given_back_when_a_request_lands() -> None:
    budget = Budget(1.0)
    admission = Admission(FixedLimit(9), budget=budget)
    admission.admit(0, 0.0)
    assert not budget.affords_another
    admission.release()
    assert budget.affords_another


def test_a_provider_that_asks_for_no_pause_gets_none() -> None:
    admission = Admission(FixedLimit(9))
    assert admission.learn(BUSY, first_attempt=True, now=0.0) is None
    assert admission.admit(0, 0.0) == 0.0


def test_a_pause_holds_for_limits_that_are_shared_too() -> None:
    admission = Admission(FixedLimit(2))
    other = admission.with_limit(FixedLimit(9))
    admission.learn(replace(BUSY, retry_after=20.0), first_attempt=True, now=100.0)
    assert other.admit(0, 105.0) == 15.0


def test_all_who_wait_are_woken() -> None:
    admission = Admission(FixedLimit(1))
    woken: list[str] = []
    admission.wakers += [lambda: woken.append("one"), lambda: woken.append("two")]
    admission.wake()
    assert woken == ["one", "two"]
