"""Nights of a suite: what is steady, watched, drift or better; and how often that is wrong."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from runner.verdict.exact import stratified_exact
from runner.verdict.nights import CaseCounts, DriftRule, watch

CASES = [f"c{case}" for case in range(20)]


def counts(samples: int, *failing: str) -> CaseCounts:
    return {case: (0 if case in failing else samples, samples) for case in CASES}


BASE = counts(10)


def test_a_night_like_the_past_is_steady() -> None:
    verdict = watch(BASE, [], counts(1))
    assert verdict is not None
    assert (verdict.state, verdict.tonight, verdict.past_rate, verdict.cases) == ("steady", 1.0, 1.0, 20)


def test_without_a_common_case_there_is_no_verdict() -> None:
    assert watch({}, [], counts(1)) is None
    assert watch({"other": (1, 1)}, [], counts(1)) is None


def test_the_p_value_is_that_of_the_exact_test() -> None:
    night = counts(1, "c1", "c2")
    verdict = watch(BASE, [], night)
    assert verdict is not None
    assert verdict.p == stratified_exact(list(BASE.values()), list(night.values()))
    assert verdict.drop == pytest.approx(0.1)


def test_a_bad_night_is_watched_and_a_very_bad_one_is_drift() -> None:
    states = [watch(BASE, [], counts(1, *CASES[:broken])) for broken in range(6)]
    assert [each and each.state for each in states] == [
        "steady",
        "steady",
        "watch",
        "watch",
        "drift",
        "drift",
    ]


def test_bad_nights_together_are_drift() -> None:
    bad = counts(1, "c1", "c2")
    first, second = watch(BASE, [], bad), watch(BASE, [bad], bad)
    assert first is not None
    assert second is not None
    assert (first.state, second.state, second.nights) == ("watch", "drift", 2)
    assert second.past_rate == 1.0, "the nights that are judged are no part of their past"


def test_a_small_drop_is_no_drift_however_certain() -> None:
    base = dict.fromkeys(CASES, (1000, 1000))
    slightly = dict.fromkeys(CASES, (960, 1000))
    verdict = watch(base, [], slightly)
    assert verdict is not None
    assert verdict.p < 1e-9
    assert verdict.state == "steady"
    assert watch(base, [], slightly, DriftRule(margin=0.03)).state == "drift"  # type: ignore[union-attr]


def test_a_rise_is_better() -> None:
    base = dict.fromkeys(CASES, (5, 10))
    verdict = watch(base, [], counts(1))
    assert verdict is not None
    assert (verdict.state, verdict.drop) == ("better", -0.5)


def test_a_case_past_its_most_samples_keeps_its_past() -> None:
    rule = DriftRule(most=10, windows=(1,))
    nights = [counts(1, *CASES)] * 3
    verdict = watch(BASE, nights, counts(1), rule)
    assert verdict is not None
    assert verdict.past_rate == 1.0
    longer = watch(BASE, nights, counts(1), DriftRule(most=60, windows=(1,)))
    assert longer is not None
    assert longer.past_rate == pytest.approx(10 / 13)


def test_only_cases_of_tonight_are_judged() -> None:
    some = {case: BASE[case] for case in CASES[:5]}
    verdict = watch(BASE, [counts(1, *CASES)], dict.fromkeys(some, (1, 1)))
    assert verdict is not None
    assert verdict.cases == 5


# --- how often is it wrong? -------------------------------------------------------------------------------------------


def series(
    before: Sequence[float], after: Sequence[float], change: int, nights: int, draw: random.Random
) -> list[str]:
    def sampled(rates: Sequence[float], samples: int) -> CaseCounts:
        return {
            f"c{index}": (sum(draw.random() < rate for _ in range(samples)), samples)
            for index, rate in enumerate(rates)
        }

    base = sampled(before, 10)
    past: list[CaseCounts] = []
    states = []
    for night in range(nights):
        now = sampled(after if night >= change else before, 1)
        verdict = watch(base, past, now)
        assert verdict is not None
        states.append(verdict.state)
        past.append(now)
    return states


POPULATIONS: dict[str, Callable[[random.Random], float]] = {
    "noisy": lambda draw: draw.betavariate(8, 1),
    "stable": lambda draw: 1.0 if draw.random() < 0.8 else draw.betavariate(6, 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", POPULATIONS)
def test_in_a_year_without_change_there_is_half_an_alarm_at_most(kind: str) -> None:
    alarms = nights = 0
    for project in range(25):
        draw = random.Random(f"{kind}{project}")
        rates = [POPULATIONS[kind](draw) for _ in range(20)]
        states = series(rates, rates, 1000, 120, draw)
        alarms += sum(now == "drift" != before for before, now in zip(["", *states], states, strict=False))
        nights += len(states)
    assert 365 * alarms / nights <= 0.5


@pytest.mark.slow
@pytest.mark.parametrize("kind", POPULATIONS)
@pytest.mark.parametrize("spread", [True, False])
def test_fifteen_points_of_forty_cases_are_found_within_three_nights(kind: str, spread: bool) -> None:
    found = []
    for project in range(25):
        draw = random.Random(f"{kind}{spread}{project}")
        rates = [POPULATIONS[kind](draw) for _ in range(40)]
        lost = 0.15 * len(rates)
        after = [rate * (1 - lost / sum(rates)) for rate in rates] if spread else list(rates)
        for index in range(40) if not spread else ():
            cut = min(lost, after[index])
            after[index] -= cut
            lost -= cut
        states = series(rates, after, 10, 25, draw)[10:]
        found.append(states.index("drift") + 1 if "drift" in states else 99)
    assert sorted(found)[len(found) // 2] <= 3
