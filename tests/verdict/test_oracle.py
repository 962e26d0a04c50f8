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


def labelled(draw: random.Random, cases: int, most: int) -> list[list[tuple[str, str]]]:
    """Return cases with the same number of samples each, as NumPy's flat arrays need it."""
    labels = ['"a"', '"b"', '"c"', '"d"'][: draw.randint(2, 4)]
    samples = draw.randint(1, most)
    came = [*labels, "(refused)", '"other"']
    suite = []
    for _ in range(cases):
        expected = draw.choice(labels)
        suite.append([(expected, draw.choice([expected, *came])) for _ in range(samples)])
    return suite


def test_precision_recall_and_f1(draw: random.Random) -> None:
    """As scikit-learn defines them, with the labels that have support."""
    import numpy

    from runner.verdict.labels import label_figures
    from runner.verdict.metrics import Metric, statistic

    def compare() -> tuple[object, object]:
        suite = labelled(draw, draw.randint(1, 30), 4)
        expected = numpy.array([pair[0] for case in suite for pair in case])
        came = numpy.array([pair[1] for case in suite for pair in case])
        figures = label_figures(suite)
        theirs, ours, scores, supports = [], [], [], []
        for label in sorted(set(expected)):
            right = numpy.sum((expected == label) & (came == label))
            predicted, support = numpy.sum(came == label), numpy.sum(expected == label)
            precision = right / predicted if predicted else 0.0
            recall = right / support
            f1 = 2 * precision * recall / (precision + recall) if right else 0.0
            each = figures[str(label)]
            ours += [each.precision or 0.0, each.recall, each.f1]
            theirs += [precision, recall, f1]
            scores.append(f1)
            supports.append(support)
        ids = [str(place) for place in range(len(suite))]
        ours += [
            statistic(Metric("macro_f1"), ids).value(suite),
            statistic(Metric("weighted_f1"), ids).value(suite),
        ]
        theirs += [numpy.mean(scores), numpy.average(scores, weights=supports)]
        return ours, theirs

    each(draw, compare, abs=1e-12)


def test_errors_of_numbers(draw: random.Random) -> None:
    import numpy

    from runner.verdict.metrics import Metric, statistic

    def compare() -> tuple[object, object]:
        arm = [[abs(draw.gauss(0, 3)) for _ in range(3)] for _ in range(draw.randint(1, 30))]
        ids = [str(place) for place in range(len(arm))]
        ours = [-(statistic(Metric(name), ids).value(arm) or 0) for name in ("mae", "rmse")]
        return ours, [numpy.mean(arm), numpy.sqrt(numpy.mean(numpy.square(arm)))]

    each(draw, compare, rel=1e-9)


def test_micro_f1_and_jaccard(draw: random.Random) -> None:
    import numpy

    from runner.verdict.metrics import Metric, SetMatch, statistic

    def compare() -> tuple[object, object]:
        wanted = numpy.array([[draw.random() < 0.4 for _ in range(5)] for _ in range(draw.randint(1, 20))])
        came = numpy.array([[draw.random() < 0.4 for _ in range(5)] for _ in wanted])
        arm = [
            [SetMatch(int(numpy.sum(old & new)), int(numpy.sum(new & ~old)), int(numpy.sum(old & ~new)))]
            for old, new in zip(wanted, came, strict=True)
        ]
        both, either = numpy.sum(wanted & came, axis=1), numpy.sum(wanted | came, axis=1)
        ids = [str(place) for place in range(len(arm))]
        ours = [statistic(Metric(name), ids).value(arm) for name in ("micro_f1", "jaccard")]
        whole = numpy.sum(wanted) + numpy.sum(came)
        shares = numpy.where(either > 0, both / numpy.maximum(either, 1), 1.0)
        return [each or 0.0 for each in ours], [
            2 * numpy.sum(both) / whole if whole else 0.0,
            numpy.mean(shares),
        ]

    each(draw, compare, abs=1e-12)


def test_the_swap_test_is_near_flipping_every_case(draw: random.Random) -> None:
    """With one sample each, swapping the arms of the mean of a score is the sign-flip test."""
    from runner.verdict.exact import sign_flip
    from runner.verdict.resampling import drop_p_value

    def part(case: object) -> tuple[tuple[str, float], ...]:
        return (("sum", float(sum(case)) / len(case)), ("cases", 1.0))  # type: ignore[arg-type,call-overload]

    for _ in range(25):
        size = draw.randint(4, 14)
        base = [[draw.randint(0, 1)] for _ in range(size)]
        new = [[draw.randint(0, 1)] for _ in range(size)]
        exact = sign_flip([(sum(case), 1) for case in base], [(sum(case), 1) for case in new])
        drawn = drop_p_value(
            base, new, part, lambda totals: totals["sum"] / totals["cases"], "seed", "inputs"
        )
        assert drawn == pytest.approx(exact, abs=0.1 if exact > 0.1 else 0.02)
        dealt = drop_p_value(base, new, part, lambda totals: totals["sum"] / totals["cases"], "seed", "cases")
        assert dealt == pytest.approx(
            stratified_exact([(sum(case), 1) for case in base], [(sum(case), 1) for case in new]),
            abs=0.1 if exact > 0.1 else 0.02,
        )


def test_the_bootstrap_is_near_numpys_with_dirichlet_weights(draw: random.Random) -> None:
    import numpy

    from runner.verdict.resampling import resampled

    def score(totals: object) -> float:
        return totals["sum"] / totals["cases"]  # type: ignore[index]

    generator = numpy.random.default_rng(20261127)
    for _ in range(10):
        cases = [draw.gauss(5, 2) for _ in range(draw.randint(10, 40))]
        drawn = sorted(resampled([(("sum", each), ("cases", 1.0)) for each in cases], (), score, "seed"))
        theirs = generator.dirichlet(numpy.ones(len(cases)), 4000) @ numpy.array(cases)
        for share in (0.05, 0.5, 0.95):
            spread = float(numpy.std(theirs))
            assert drawn[int(share * len(drawn))] == pytest.approx(
                float(numpy.quantile(theirs, share)), abs=0.25 * spread
            )
