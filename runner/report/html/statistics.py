"""Compute the few statistics of a report. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import ceil, comb, floor, log10, sqrt
from typing import NamedTuple

__all__ = ["Bin", "bins", "mcnemar", "quantile"]


class Bin(NamedTuple):
    """The `number` of values that are at least `low` and below `high` (in the last one: at most)."""

    low: float
    high: float
    number: int


def mcnemar(fixed: int, regressed: int) -> float:
    """Return the two-sided p-value of McNemar's exact test: are as many cases fixed as regressed?"""
    changed = fixed + regressed
    if not changed:
        return 1.0
    if changed > _MOST_EXACT:
        # The normal approximation with continuity correction; at this size no digit that is shown differs.
        from math import erfc

        return float(erfc(max(abs(fixed - regressed) - 1, 0) / sqrt(changed) / sqrt(2)))
    tail = sum(comb(changed, k) for k in range(min(fixed, regressed) + 1))
    return float(min(1.0, 2 * tail / 2**changed))


_MOST_EXACT = 1000


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value at this share of the sorted values, by the nearest rank."""
    return ordered[max(ceil(share * len(ordered)) - 1, 0)]


def bins(ordered: Sequence[float], most: int = 28) -> list[Bin]:
    """Return the sorted values in up to `most` bins: of equal width, or equal ratio if they span two powers of ten."""
    if not ordered:
        return []
    low, high = ordered[0], ordered[-1]
    if low == high:
        return [Bin(low, high, len(ordered))]
    if low > 0 and high / low >= 100:
        start, end = floor(log10(low) * 4) / 4, ceil(log10(high) * 4) / 4
        steps = min(most, round((end - start) * 8))
        edges = [10 ** (start + (end - start) * each / steps) for each in range(steps + 1)]
    else:
        width = _round_step((high - low) / most)
        start = floor(low / width)
        edges = [(start + each) * width for each in range(floor(high / width) - start + 2)]
    last = len(edges) - 1
    places = [
        (bisect_right if place == last else bisect_left)(ordered, edge) for place, edge in enumerate(edges)
    ]
    return [Bin(edges[each], edges[each + 1], places[each + 1] - places[each]) for each in range(last)]


def _round_step(width: float) -> float:
    """Return the next larger of 1, 2, 2.5 and 5 times a power of ten."""
    power = 10.0 ** floor(log10(width))
    return next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= width * (1 - 1e-9))
