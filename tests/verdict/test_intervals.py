"""Intervals: they hold the point, grow with the confidence, and have a width even where all passed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.verdict.exact import rate
from runner.verdict.intervals import difference_interval, rate_interval, t_quantile, wilson
from runner.verdict.power import mean_variance, smallest_drop

from .support import arms, counts


@given(st.lists(counts(), min_size=1, max_size=20), st.floats(0.5, 0.99))
def test_the_interval_of_a_rate_has_a_width_and_grows_with_the_confidence(
    arm: list[tuple[int, int]], confidence: float
) -> None:
    low, high = rate_interval(arm, confidence)
    wider_low, wider_high = rate_interval(arm, (1 + confidence) / 2)
    assert 0 <= wider_low <= low <= high <= wider_high <= 1
    assert low < high


@given(arms(), st.floats(0.5, 0.99))
def test_the_interval_of_a_difference_turns_round_with_the_arms(
    both: tuple[list[tuple[int, int]], list[tuple[int, int]]], confidence: float
) -> None:
    low, high = difference_interval(*both, confidence)
    assert low < high
    back_low, back_high = difference_interval(both[1], both[0], confidence)
    assert (low, high) == pytest.approx((-back_high, -back_low), abs=1e-9)


@pytest.mark.parametrize(("passed", "end"), [(20, 1), (0, 0)])
def test_that_all_or_none_passed_is_no_certainty(passed: int, end: int) -> None:
    low, high = wilson(passed, 20)
    assert (high if end else low) == end
    assert 0.1 < high - low < 0.2
    assert wilson(0, 0) == (0, 1)


def test_samples_of_one_case_are_no_new_evidence() -> None:
    few = rate_interval([(1, 1)] * 9 + [(0, 1)], 0.95)
    many = rate_interval([(9, 9)] * 9 + [(0, 9)], 0.95)
    assert many[1] - many[0] > 0.8 * (few[1] - few[0])


@given(st.lists(counts(), min_size=3, max_size=20))
def test_twice_the_cases_narrow_the_interval(arm: list[tuple[int, int]]) -> None:
    arm = [(passed, total + 1) for passed, total in arm]
    low, high = rate_interval(arm)
    twice_low, twice_high = rate_interval(arm * 2)
    assert twice_high - twice_low < high - low
    assert low <= rate(arm) <= high


def test_quantiles_of_t_are_symmetric() -> None:
    assert t_quantile(0.1, 7) == -t_quantile(0.9, 7)
    assert t_quantile(0.5, 3) == pytest.approx(0, abs=1e-7)


@given(st.integers(3, 300), st.integers(1, 10), st.integers(1, 10), st.floats(0, 0.25))
def test_more_of_anything_finds_smaller_drops(cases: int, base: int, new: int, variance: float) -> None:
    found = smallest_drop(cases, base, new, variance)
    assert 0 < found <= 1
    assert smallest_drop(cases * 2, base, new, variance) <= found + 1e-6
    assert smallest_drop(cases, base + 1, new, variance) <= found + 1e-6
    assert smallest_drop(cases, base, new + 1, variance) <= found + 1e-6
    assert smallest_drop(cases, base, new, variance, power=0.9) >= found - 1e-6


@pytest.mark.parametrize(
    ("cases", "samples", "points"),
    [(20, 1, 41), (20, 3, 21), (20, 5, 16), (48, 1, 24), (48, 5, 9), (100, 1, 16)],
)
def test_the_sizes_that_the_documents_name(cases: int, samples: int, points: int) -> None:
    """Measured populations of a rate of about .9: in words within a few points."""
    variance = 0.09 if samples == 1 else 0.08
    assert 100 * smallest_drop(cases, samples, samples, variance) == pytest.approx(points, abs=4)


def test_the_variance_of_one_sample_each_is_that_of_the_whole() -> None:
    assert mean_variance([(1, 1)] * 9 + [(0, 1)]) == pytest.approx(0.09)
    assert mean_variance([(1, 2), (2, 2)]) == 0.25
