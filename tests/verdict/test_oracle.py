"""Every formula against SciPy's, or NumPy's, on a thousand random inputs."""

from __future__ import annotations

import random
from collections.abc import Callable
from statistics import NormalDist

import pytest

from runner.verdict.exact import benjamini_hochberg, sign_flip, stratified_exact
from runner.verdict.intervals import (
    beta_quantile,
    difference_interval,
    incomplete_beta,
    rate_interval,
    t_quantile,
    wilson,
)
from runner.verdict.power import mean_variance, smallest_drop

pytestmark = pytest.mark.slow

INPUTS = 1000


@pytest.fixture
def draw() -> random.Random:
    return random.Random(20261127)


def arm(draw: random.Random, cases: int, most: int) -> list[tuple[int, int]]:
    totals = [draw.randint(1, most) for _ in range(cases)]
    return [(draw.randint(0, total), total) for total in totals]


def each(draw: random.Random, compare: Callable[[], tuple[object, object]], **tolerance: float) -> None:
    for _ in range(INPUTS):
        ours, theirs = compare()
        assert ours == pytest.approx(theirs, **tolerance)


def test_incomplete_beta(draw: random.Random) -> None:
    from scipy import special

    def compare() -> tuple[object, object]:
        a, b, x = draw.uniform(0.3, 80), draw.uniform(0.3, 80), draw.random()
        return incomplete_beta(a, b, x), special.betainc(a, b, x)

    each(draw, compare, abs=1e-11)


def test_beta_quantile(draw: random.Random) -> None:
    from scipy import stats

    def compare() -> tuple[object, object]:
        q, a, b = draw.random(), draw.uniform(0.3, 80), draw.uniform(0.3, 80)
        return beta_quantile(q, a, b), stats.beta.ppf(q, a, b)

    each(draw, compare, abs=1e-9)


def test_t_quantile(draw: random.Random) -> None:
    from scipy import stats

    def compare() -> tuple[object, object]:
        q, degrees = draw.uniform(0.0005, 0.9995), draw.choice((draw.uniform(1, 5), draw.uniform(1, 500)))
        return t_quantile(q, degrees), stats.t.ppf(q, degrees)

    each(draw, compare, rel=1e-7, abs=1e-9)


def test_wilson(draw: random.Random) -> None:
    from scipy import stats

    def compare() -> tuple[object, object]:
        total, confidence = draw.randint(1, 300), draw.uniform(0.5, 0.999)
        passed = draw.randint(0, total)
        theirs = stats.binomtest(passed, total).proportion_ci(confidence, "wilson")
        return wilson(passed, total, confidence), (theirs.low, theirs.high)

    each(draw, compare, abs=1e-9)


def test_stratified_exact_of_one_case_is_fishers(draw: random.Random) -> None:
    from scipy import stats

    def compare() -> tuple[object, object]:
        [(k1, n1)], [(k2, n2)] = arm(draw, 1, 20), arm(draw, 1, 20)
        theirs = stats.fisher_exact([[k2, n2 - k2], [k1, n1 - k1]], alternative="less").pvalue
        return stratified_exact([(k1, n1)], [(k2, n2)]), theirs

    each(draw, compare, abs=1e-10)


def test_stratified_exact_of_many_cases_convolves_hypergeometric_counts(draw: random.Random) -> None:
    import numpy
    from scipy import special

    def chances(n1: int, n2: int, passed: int) -> object:
        x = numpy.arange(0, n2 + 1)
        ways = special.comb(n2, x) * special.comb(n1, passed - x)
        return ways / ways.sum()

    def compare() -> tuple[object, object]:
        cases = draw.randint(2, 25)
        base, new = arm(draw, cases, 10), arm(draw, cases, 10)
        law = numpy.ones(1)
        for (k1, n1), (k2, n2) in zip(base, new, strict=True):
            law = numpy.convolve(law, chances(n1, n2, k1 + k2))
        seen = sum(passed for passed, _ in new)
        return stratified_exact(base, new), min(1.0, float(law[: seen + 1].sum()))

    each(draw, compare, abs=1e-10)


def test_sign_flip_of_one_sample_each_is_the_binomial_test(draw: random.Random) -> None:
    from scipy import stats

    def compare() -> tuple[object, object]:
        cases = draw.randint(1, 60)
        base, new = arm(draw, cases, 1), arm(draw, cases, 1)
        downs = sum(k1 > k2 for (k1, _), (k2, _) in zip(base, new, strict=True))
        ups = sum(k1 < k2 for (k1, _), (k2, _) in zip(base, new, strict=True))
        theirs = stats.binomtest(downs, downs + ups, 0.5, "greater").pvalue if downs + ups else 1.0
        return sign_flip(base, new), theirs

    each(draw, compare, abs=1e-10)


def test_sign_flip_is_the_permutation_test_of_paired_samples(draw: random.Random) -> None:
    import numpy

    signs = {m: numpy.array(numpy.meshgrid(*[(-1, 1)] * m)).reshape(m, -1) for m in range(2, 11)}

    def compare() -> tuple[object, object]:
        cases = draw.randint(2, 10)
        totals = [draw.randint(1, 6) for _ in range(cases)]
        base, new = ([(draw.randint(0, total), total) for total in totals] for _ in range(2))
        whole = numpy.array([(k2 - k1) * 60 // n for (k1, n), (k2, _) in zip(base, new, strict=True)])
        return sign_flip(base, new), float((whole @ signs[cases] <= whole.sum()).mean())

    each(draw, compare, abs=1e-12)


def test_benjamini_hochberg(draw: random.Random) -> None:
    from scipy import stats

    def compare() -> tuple[object, object]:
        ps = [draw.random() ** draw.choice((1, 4)) for _ in range(draw.randint(1, 40))]
        return benjamini_hochberg(ps), list(stats.false_discovery_control(ps))

    each(draw, compare, abs=1e-12)


def weighted_t(values: list[float], added: list[float], confidence: float) -> tuple[float, float]:
    import numpy
    from scipy import stats

    both, weights = [*values, *added], [1.0] * len(values) + [0.5] * len(added)
    mean = numpy.average(both, weights=weights)
    count = sum(weights)
    variance = numpy.cov(both, aweights=weights, ddof=0) * count / (count - 1)
    low, high = stats.t.interval(confidence, count - 1, loc=mean, scale=numpy.sqrt(variance / count))
    return float(low), float(high)


def test_rate_interval(draw: random.Random) -> None:
    def compare() -> tuple[object, object]:
        counts, confidence = [*arm(draw, draw.randint(1, 60), 10), (1, 2)], draw.uniform(0.5, 0.999)
        low, high = weighted_t([passed / total for passed, total in counts], [0, 1], confidence)
        return rate_interval(counts, confidence), (max(0, low), min(1, high))

    each(draw, compare, abs=1e-8)


def test_difference_interval(draw: random.Random) -> None:
    def compare() -> tuple[object, object]:
        cases, confidence = draw.randint(1, 60), draw.uniform(0.5, 0.999)
        base, new = arm(draw, cases, 10), arm(draw, cases, 10)
        values = [k2 / n2 - k1 / n1 for (k1, n1), (k2, n2) in zip(base, new, strict=True)]
        low, high = weighted_t(values, [-1, 1], confidence)
        return difference_interval(base, new, confidence), (max(-1, low), min(1, high))

    each(draw, compare, abs=1e-8)


def test_mean_variance(draw: random.Random) -> None:
    import numpy

    def compare() -> tuple[object, object]:
        total = draw.randint(2, 10)
        counts = [(draw.randint(0, total), total) for _ in range(draw.randint(1, 40))]
        samples = [[1] * passed + [0] * (total - passed) for passed, total in counts]
        return mean_variance(counts), float(numpy.var(samples, axis=1, ddof=1).mean())

    each(draw, compare, abs=1e-12)


def test_smallest_drop(draw: random.Random) -> None:
    from scipy import optimize

    def compare() -> tuple[object, object]:
        cases, n1, n2 = draw.randint(3, 200), draw.randint(1, 20), draw.randint(1, 20)
        variance, alpha, power = draw.uniform(0.01, 0.25), draw.uniform(0.005, 0.1), draw.uniform(0.5, 0.95)
        about = draw.choice(("cases", "inputs"))
        z = NormalDist().inv_cdf(1 - alpha) + NormalDist().inv_cdf(power)

        def excess(found: float) -> float:
            own, inverse = found * (1 - found), 1 / n1 + 1 / n2
            spread = (variance + own / 2) * inverse if about == "cases" else variance * inverse + own
            return float(found - min(1.0, z * (spread / cases) ** 0.5))

        ours = smallest_drop(cases, n1, n2, variance, alpha=alpha, power=power, about=about)
        return ours, 1.0 if excess(1.0) <= 0 else optimize.brentq(excess, 1e-9, 1.0)

    each(draw, compare, abs=1e-4)
