"""Test exactly whether fewer samples pass than before, and adjust for several tests at once.

An arm is a sequence of counts, one per case: (number passed, number of samples). Both arms have the same cases in the
same order, and may differ in the number of samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from statistics import NormalDist
from typing import TypeAlias

__all__ = ["Counts", "benjamini_hochberg", "drop", "rate", "sign_flip", "stratified_exact"]

Counts: TypeAlias = Sequence[tuple[int, int]]

_Stratum: TypeAlias = tuple[int, int, int, int, int]
"""An informative case: its samples in both arms, how many passed, the minimum and maximum of the new passes."""

_MANY = 1500
"""With more informative cases than this the normal approximation is used; it is then accurate to four digits."""

_CDF = NormalDist().cdf


def rate(counts: Counts) -> float:
    """Return the mean pass rate over the cases. Raises ZeroDivisionError if there are none."""
    return sum(passed / total for passed, total in counts) / len(counts)


def drop(base: Counts, new: Counts) -> float:
    """Return by how much the mean pass rate fell; negative if it rose."""
    return rate(base) - rate(new)


def stratified_exact(base: Counts, new: Counts) -> float:
    """Return the one-sided p-value for so few passes in `new`, given each case's passes in both arms together.

    If nothing changed, the samples of a case are exchangeable between the arms (the exact Cochran-Mantel-Haenszel
    test). The hypothesis is about these very cases. With one sample each this is McNemar's exact test. A case of which
    all or no samples pass in both arms carries no information.
    """
    seen = 0
    strata: list[_Stratum] = []
    for (k1, n1), (k2, n2) in zip(base, new, strict=True):
        passed = k1 + k2
        least, most = max(0, passed - n1), min(passed, n2)
        seen += k2 - least
        if least < most:
            strata.append((n1, n2, passed, least, most))
    return _normal_law(strata, seen) if len(strata) > _MANY else _lower_tail(strata, seen)


def _lower_tail(strata: Sequence[_Stratum], seen: int) -> float:
    """Return P(sum <= seen) for independent hypergeometric counts, each starting at its minimum."""
    chances = [1.0]
    for n1, n2, passed, least, most in strata:
        ways = math.comb(n1 + n2, passed)
        weights = [math.comb(n2, x) * math.comb(n1, passed - x) / ways for x in range(least, most + 1)]
        longer = [0.0] * (len(chances) + most - least)
        for x, weight in enumerate(weights):
            for place, chance in enumerate(chances, x):
                longer[place] += chance * weight
        chances = longer
    return min(1.0, math.fsum(chances[: seen + 1]))


def _normal_law(strata: Sequence[_Stratum], seen: int) -> float:
    mean = variance = 0.0
    for n1, n2, passed, least, _ in strata:
        total = n1 + n2
        mean += passed * n2 / total - least
        variance += passed * (total - passed) * n1 * n2 / (total * total * (total - 1))
    return _CDF((seen + 0.5 - mean) / math.sqrt(variance))


def sign_flip(base: Counts, new: Counts, groups: Sequence[str] | None = None) -> float:
    """Return the one-sided p-value for such a fall of the mean if each case's difference is equally likely up or down.

    The hypothesis is about inputs like these, of which the cases are a sample. All 2^m sign flips are counted, on
    integers. With one sample each this is the sign test. Returns 1 if no case differs. `groups` names the group of each
    case, if cases belong together: the differences of a group are then flipped as one.
    """
    differences = [Fraction(k2, n2) - Fraction(k1, n1) for (k1, n1), (k2, n2) in zip(base, new, strict=True)]
    if groups is not None:
        together: dict[str, Fraction] = {}
        for group, difference in zip(groups, differences, strict=True):
            together[group] = together.get(group, Fraction()) + difference
        differences = list(together.values())
    factor = math.lcm(*(each.denominator for each in differences))
    whole = [int(each * factor) for each in differences if each]
    if not whole:
        return 1.0
    unit = math.gcd(*whole)
    sizes, total = [abs(each) // unit for each in whole], sum(whole) // unit
    if max(sizes) == 1:
        ways = sum(math.comb(len(sizes), ups) for ups in range((len(sizes) + total) // 2 + 1))
        return float(Fraction(ways, 2 ** len(sizes)))
    if len(sizes) > _MANY:
        # The continuity correction: sums of the same sizes differ by at least 2, and this is half of that.
        return _CDF((total + 1) / math.sqrt(sum(size * size for size in sizes)))
    return _flips(sizes, total)


def _flips(sizes: Sequence[int], total: int) -> float:
    """Return the share of the 2^m sums of plus or minus each size that are at most `total`.

    The numbers of combinations are the coefficients of a polynomial, packed into one integer with a field of `step`
    bytes each.
    """
    step = len(sizes) // 8 + 1
    ways = 1
    for size in sizes:
        ways += ways << (2 * size * step * 8)
    fields = sum(sizes) + total + 1
    low = ways & ((1 << (fields * step * 8)) - 1)
    data = low.to_bytes(fields * step, "little")
    count = sum(int.from_bytes(data[at : at + step], "little") for at in range(0, len(data), step))
    return float(Fraction(count, 2 ** len(sizes)))


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for multiple tests, in the given order: at most a share a of those <= a is false."""
    adjusted = [0.0] * len(ps)
    least = 1.0
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda index: -ps[index])):
        least = min(least, ps[index] * (len(ps) / (len(ps) - rank)))
        adjusted[index] = least
    return adjusted
