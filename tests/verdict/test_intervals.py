"""Intervals: they hold the point, grow with the confidence, and have a width even where all passed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.verdict.exact import rate
from runner.verdict.intervals import (
    beta_quantile,
    difference_interval,
    incomplete_beta,
    rate_interval,
    root,
    t_quantile,
    wilson,
)
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


@pytest.mark.slow
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


def test_the_end_of_an_interval_of_all_or_none_is_exact() -> None:
    assert {wilson(total, total)[1] for total in range(1, 300)} == {1.0}
    assert {wilson(0, total)[0] for total in range(1, 300)} == {0.0}


def test_samples_of_one_case_are_no_new_evidence() -> None:
    few = rate_interval([(1, 1)] * 9 + [(0, 1)], 0.95)
    many = rate_interval([(9, 9)] * 9 + [(0, 9)], 0.95)
    assert many[1] - many[0] > 0.8 * (few[1] - few[0])


@pytest.mark.slow
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


# --- known values, which SciPy and NumPy give (test_oracle.py compares with them on many inputs) -----------------------------


@pytest.mark.parametrize(
    ("a", "b", "x", "value"),
    [
        (1, 1, 0.3, 0.3),
        (0.5, 0.5, 0.25, 1 / 3),
        (2, 3, 0.4, 0.5248),
        (2, 3, 0.6, 0.8208),
        (3, 2, 0.9, 0.9477),
        (10, 0.5, 0.6, 0.0015866364289267268),
        (10, 0.5, 0.95, 0.31715157546554495),
        (50, 50, 0.45, 0.1586521989370985),
        (50, 50, 0.5, 0.5),
        (40, 2, 0.99, 0.9365604619975526),
        (0.3, 7, 0.02, 0.5920975055927976),
        (0.3, 7, 0.6, 0.9998127381028985),
        (80, 0.3, 0.999, 0.48770483895084343),
    ],
)
def test_the_incomplete_beta_function(a: float, b: float, x: float, value: float) -> None:
    assert incomplete_beta(a, b, x) == pytest.approx(value, rel=1e-11)


@pytest.mark.parametrize(
    ("q", "a", "b", "value"),
    [
        (0.05, 2, 3, 0.09761146288641434),
        (0.5, 0.5, 0.5, 0.5),
        (0.975, 20, 4, 0.9504923546942066),
        (0.3, 1, 1, 0.3),
    ],
)
def test_quantiles_of_beta(q: float, a: float, b: float, value: float) -> None:
    assert beta_quantile(q, a, b) == pytest.approx(value, rel=1e-11)


@pytest.mark.parametrize(
    ("q", "degrees", "value"),
    [
        (0.975, 1, 12.706204736174694),
        (0.975, 2, 4.302652729749462),
        (0.9, 5, 1.4758840488244815),
        (0.975, 9, 2.262157162798205),
        (0.025, 9, -2.262157162798205),
        (0.995, 30, 2.7499956535672254),
        (0.6, 3.5, 0.27326545405577973),
        (0.9995, 300, 3.3232515129742195),
    ],
)
def test_quantiles_of_t(q: float, degrees: float, value: float) -> None:
    assert t_quantile(q, degrees) == pytest.approx(value, rel=1e-10)


@pytest.mark.parametrize(
    ("passed", "total", "confidence", "low", "high"),
    [
        (0, 10, 0.95, 0.0, 0.27753279986288926),
        (10, 10, 0.95, 0.7224672001371109, 1.0),
        (9, 10, 0.95, 0.5958499732047615, 0.9821237869049271),
        (1, 10, 0.95, 0.017876213095072896, 0.4041500267952385),
        (5, 20, 0.9, 0.12737716852035774, 0.4322017501601245),
        (18, 20, 0.99, 0.6205022134712957, 0.9802134656497014),
        (1, 1, 0.95, 0.20654931437723745, 1.0),
    ],
)
def test_wilsons_interval(passed: int, total: int, confidence: float, low: float, high: float) -> None:
    assert wilson(passed, total, confidence) == pytest.approx((low, high), abs=1e-12)
    assert rate_interval([(1, 1)] * passed + [(0, 1)] * (total - passed), confidence) == pytest.approx(
        (low, high), abs=1e-12
    )


@pytest.mark.parametrize(
    ("arm", "confidence", "low", "high"),
    [
        ([(5, 5)] * 4, 0.95, 0.48353323422033095, 1),
        ([(0, 3)] * 4, 0.95, 0, 0.5164667657796691),
        ([(5, 5)] * 3 + [(0, 5)], 0.9, 0.2115325365804887, 1),
        ([(1, 2), (3, 4), (5, 5)], 0.95, 0.09079131775930482, 1),
        ([(1, 1), (1, 2)], 0.8, 0.16976267166671322, 1),
    ],
)
def test_the_interval_of_a_rate_of_several_samples(
    arm: list[tuple[int, int]], confidence: float, low: float, high: float
) -> None:
    assert rate_interval(arm, confidence) == pytest.approx((low, high), abs=1e-10)


@pytest.mark.parametrize(
    ("base", "new", "confidence", "low", "high"),
    [
        ([(1, 1)] * 4, [(1, 1)] * 4, 0.95, -0.620831999101882, 0.620831999101882),
        ([(5, 5)] * 6, [(5, 5)] * 5 + [(0, 5)], 0.95, -0.6573938173880012, 0.37167953167371554),
        ([(3, 4), (2, 4), (4, 4)], [(1, 2), (2, 2), (1, 1)], 0.9, -0.7111551796957143, 0.8361551796957138),
        ([(1, 1)], [(0, 1)], 0.99, -1, 1),
    ],
)
def test_the_interval_of_a_difference(
    base: list[tuple[int, int]], new: list[tuple[int, int]], confidence: float, low: float, high: float
) -> None:
    assert difference_interval(base, new, confidence) == pytest.approx((low, high), abs=1e-10)


def test_the_usual_confidence_is_95_percent() -> None:
    one, several = [(9, 10)] * 3, [(1, 1)] * 3 + [(0, 1)]
    assert wilson(3, 4) == wilson(3, 4, 0.95)
    assert rate_interval(several) == rate_interval(several, 0.95)
    assert rate_interval(one) == rate_interval(one, 0.95)
    assert difference_interval(one, one) == difference_interval(one, one, 0.95)


def test_arms_of_different_cases_have_no_difference() -> None:
    with pytest.raises(ValueError, match="zip"):
        difference_interval([(1, 1)], [(1, 1), (1, 1)])


@pytest.mark.parametrize("place", [0.0, 1e-9, 0.25, 1 / 3, 0.999, 1.0])
def test_the_place_where_a_function_turns_positive(place: float) -> None:
    assert root(lambda x: x - place) == pytest.approx(place, rel=1e-15, abs=1e-300)
    assert root(lambda x: math.copysign(1, x - place)) == pytest.approx(place, rel=1e-15, abs=1e-300)


def test_a_function_that_stays_negative_turns_at_1() -> None:
    assert root(lambda x: -1.0) == 1.0


def test_the_variance_of_several_samples_is_that_within_the_cases() -> None:
    assert mean_variance([(2, 4), (1, 1), (0, 3)]) == pytest.approx((4 / 12 + 0) / 2)
    assert mean_variance([(1, 3)]) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("cases", "base", "new", "variance", "more", "value"),
    [
        (20, 1, 1, 0.09, {}, 0.40660519750032514),
        (48, 5, 5, 0.08, {}, 0.08875585524302596),
        (100, 10, 2, 0.05, {}, 0.06082591691724977),
        (100, 10, 2, 0.05, {"about": "inputs"}, 0.09561170876888891),
        (20, 3, 7, 0.2, {"about": "inputs", "alpha": 0.05, "power": 0.9}, 0.37579618129406284),
        (30, 2, 4, 0.1, {"alpha": 0.05, "power": 0.9}, 0.1955793674661247),
        (400, 10, 10, 0.0, {}, 0.0019583771668729498),
        (1, 1, 10, 0.0, {"about": "inputs"}, 0.8869913446649912),
        (2, 1, 1, 0.25, {}, 1.0),
    ],
)
def test_the_smallest_drop(
    cases: int, base: int, new: int, variance: float, more: dict[str, Any], value: float
) -> None:
    assert smallest_drop(cases, base, new, variance, **more) == pytest.approx(value, rel=1e-9)
