"""Compute intervals of a pass rate and of the difference of two. They are never empty: a few passes prove little."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from statistics import NormalDist

from .exact import Counts

__all__ = [
    "beta_quantile",
    "difference_interval",
    "incomplete_beta",
    "rate_interval",
    "root",
    "t_quantile",
    "wilson",
]

Interval = tuple[float, float]

_STEPS = 400


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b), 0 < x < 1, by Lentz's continued fraction.

    See Numerical Recipes, 6.4.
    """
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    f, c, d = 1.0, 1.0, 0.0
    for step in range(_STEPS):
        m = step // 2
        if step == 0:
            numerator = 1.0
        elif step % 2 == 0:
            numerator = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            numerator = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / (1 + numerator * d)
        c = 1 + numerator / c
        f *= c * d
        if abs(1 - c * d) < 1e-15:
            break
    return math.exp(logarithm) / a * (f - 1)


def root(rising: Callable[[float], float]) -> float:
    """Return the point in (0, 1) where a rising function crosses from negative to positive; 1 if it stays negative."""
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return high


def beta_quantile(q: float, a: float, b: float) -> float:
    """Return a quantile of the beta distribution."""
    return root(lambda x: incomplete_beta(a, b, x) - q)


@lru_cache(4096)
def t_quantile(q: float, degrees: float) -> float:
    """Return a quantile of Student's t distribution."""
    if q < 0.5:
        return -t_quantile(1 - q, degrees)
    # I_x(v/2, 1/2) is twice the tail beyond t, where x = v / (v + t^2).
    x = beta_quantile(2 * (1 - q), degrees / 2, 0.5)
    return math.sqrt(degrees * (1 - x) / x)


def wilson(passed: int, total: int, confidence: float = 0.95) -> Interval:
    """Return Wilson's interval of one rate; (0, 1) if there are no samples."""
    if not total:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p, widened = passed / total, 1 + z * z / total
    middle = (p + z * z / (2 * total)) / widened
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / widened
    return middle - half if passed else 0.0, middle + half if passed < total else 1.0


def rate_interval(counts: Counts, confidence: float = 0.95, groups: Sequence[str] | None = None) -> Interval:
    """Return the interval of the mean pass rate over cases. The units are cases (or `groups`), not samples of one case.

    With one sample per case it is Wilson's interval. Otherwise it is the t interval around the mean, after adding two
    cases at half the weight of a case, one that passes and one that fails, so that its width is not zero if all pass.
    """
    if groups is None and all(total == 1 and passed in (0, 1) for passed, total in counts):
        return wilson(sum(passed for passed, _ in counts), len(counts), confidence)
    low, high = _t_interval([passed / total for passed, total in counts], (0.0, 1.0), confidence, groups)
    return max(0.0, low), min(1.0, high)


def difference_interval(
    base: Counts, new: Counts, confidence: float = 0.95, groups: Sequence[str] | None = None
) -> Interval:
    """Return the interval of the mean difference, new minus base, for inputs like these.

    It is the t interval over the cases (or `groups`), after adding two with the differences +1 and -1 at half the weight
    of a case (as Agresti and Min do for one sample each), so that its width is not zero if nothing differs.
    """
    differences = [k2 / n2 - k1 / n1 for (k1, n1), (k2, n2) in zip(base, new, strict=True)]
    low, high = _t_interval(differences, (1.0, -1.0), confidence, groups)
    return max(-1.0, low), min(1.0, high)


def _t_interval(
    values: Sequence[float], added: tuple[float, float], confidence: float, groups: Sequence[str] | None
) -> Interval:
    """Return the t interval of the mean over cases; with groups, of the ratio of their sums to their sizes."""
    sums: dict[object, tuple[float, int]] = {}
    for key, value in zip(range(len(values)) if groups is None else groups, values, strict=True):
        whole, size = sums.get(key, (0.0, 0))
        sums[key] = whole + value, size + 1
    mean_size = len(values) / len(sums)
    units = [(whole, float(size), 1.0) for whole, size in sums.values()]
    units += [(value * mean_size, mean_size, 0.5) for value in added]
    number = sum(share for *_, share in units)
    weight = sum(share * size for _, size, share in units)
    mean = sum(share * whole for whole, _, share in units) / weight
    spread = sum(share * (whole - mean * size) ** 2 for whole, size, share in units)
    half = t_quantile((1 + confidence) / 2, number - 1) * math.sqrt(spread * number / (number - 1)) / weight
    return mean - half, mean + half
