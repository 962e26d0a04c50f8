"""Intervals and tests by resampling the cases, for metrics that are not a mean over cases, such as F1.

What a case adds to a metric is a `Portion`: named amounts, which are summed over the cases. The seed is made of the ids of the
cases, so that the same answers always give the same figures.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from statistics import NormalDist
from typing import Any, Literal, TypeAlias, TypeVar

from .intervals import t_quantile

__all__ = ["Portion", "Sums", "central", "drop_p_value", "resampled", "total_of"]

Portion: TypeAlias = tuple[tuple[str, float], ...]
"""What one case adds to the totals."""

Sums: TypeAlias = Mapping[str, float]

_DRAWS = 2000
_WEIGHTS = 400_000
"""At most about so many weights are drawn for one interval, ..."""
_FEWEST = 400
"""... but at least so many suites."""

_SHUFFLES = 9999
_SAMPLES = 2_000_000
"""At most about so many samples are shuffled for one test, ..."""
_FEWEST_SHUFFLES = 1999
"""... but at least so many suites."""

_CLEAR = 200
"""A test ends once so many shuffled suites were as low as the real one: p is not small."""

_ROUNDING = 1e-12

_S = TypeVar("_S", bound=Any)
_T = TypeVar("_T")


def total_of(parts: Iterable[tuple[Portion, float]]) -> dict[str, float]:
    """Return the weighted sum of parts."""
    totals: dict[str, float] = {}
    for part, weight in parts:
        for name, amount in part:
            totals[name] = totals.get(name, 0.0) + weight * amount
    return totals


def resampled(
    parts: Iterable[Portion],
    added: Sequence[tuple[Portion, float]],
    score: Callable[[Sums], _T],
    seed: str,
    draws: int = _DRAWS,
) -> list[_T]:
    """Return the scores of resampled suites: the Bayesian bootstrap over the cases (Rubin 1981).

    `added` are pseudo-cases with their weights: without them, the interval of a suite of which all cases are right would
    have no width.
    """
    alike = Counter(parts)
    weighted = [*((part, float(number)) for part, number in sorted(alike.items())), *added]
    random = Random(seed)  # noqa: S311 - the same figures for the same cases
    times = max(min(draws, _WEIGHTS // len(weighted)), _FEWEST)
    return [
        score(total_of([(part, random.gammavariate(weight, 1.0)) for part, weight in weighted]))
        for _ in range(times)
    ]


def central(
    drawn: Iterable[float | None], cases: int, confidence: float, value: float
) -> tuple[float, float]:
    """Return the interval that has this share of the draws in its middle; it contains the value itself.

    It is widened from the normal to the t distribution, because a bootstrap of few cases is too narrow.
    """
    known = sorted(each for each in drawn if each is not None)
    if not known:
        return value, value
    beyond = int((1 - confidence) / 2 * len(known))
    low, high = min(known[beyond], value), max(known[-1 - beyond], value)
    if cases < 2:
        return low, high
    level = (1 + confidence) / 2
    wider = t_quantile(level, cases - 1) / NormalDist().inv_cdf(level) * math.sqrt(cases / (cases - 1))
    return value - wider * (value - low), value + wider * (high - value)


def drop_p_value(
    base: Sequence[Sequence[_S]],
    new: Sequence[Sequence[_S]],
    part_of: Callable[[Sequence[_S]], Portion],
    score: Callable[[Sums], float | None],
    seed: str,
    about: Literal["cases", "inputs"],
    groups: Sequence[str] | None = None,
) -> float:
    """Return the one-sided p-value for so low a score of `new` compared with `base`, by approximate randomisation.

    For `cases`, the samples of each case are dealt out anew to the two arms; for `inputs`, the arms of a case, or of all
    cases of a group, are swapped as a whole (Noreen). The test ends early once p is clearly large, which keeps it valid
    (Besag and Clifford 1991).
    """
    seen = _difference(total_of((part_of(each), 1.0) for each in base),
                       total_of((part_of(each), 1.0) for each in new), score)  # fmt: skip
    if seen is None:
        return 1.0
    pairs = [(sorted(old), sorted(now)) for old, now in zip(base, new, strict=True)]
    if about == "cases":
        units = [[pair] for pair in pairs if len({*pair[0], *pair[1]}) > 1]
    else:
        named = groups if groups is not None else [str(place) for place in range(len(pairs))]
        together: dict[str, list[tuple[list[_S], list[_S]]]] = {}
        for name, pair in zip(named, pairs, strict=True):
            if part_of(pair[0]) != part_of(pair[1]):
                together.setdefault(name, []).append(pair)
        units = list(together.values())
    if not units:
        return 1.0
    moved = {id(pair) for unit in units for pair in unit}
    fixed = [pair for pair in pairs if id(pair) not in moved]
    before = total_of((part_of(pair[0]), 1.0) for pair in fixed)
    after = total_of((part_of(pair[1]), 1.0) for pair in fixed)
    parts = [[(part_of(old), part_of(now)) for old, now in unit] for unit in units]
    random = Random(seed)  # noqa: S311 - the same p for the same cases
    size = sum(len(old) + len(now) for unit in units for old, now in unit)
    limit = max(_FEWEST_SHUFFLES, min(_SHUFFLES, _SAMPLES // size))
    as_low = 0
    for draw in range(1, limit + 1):
        one, two = dict(before), dict(after)
        for place, unit in enumerate(units):
            if about == "cases":
                old, now = unit[0]
                pool = old + now
                random.shuffle(pool)
                drawn = [(part_of(pool[: len(old)]), part_of(pool[len(old) :]))]
            else:
                drawn = parts[place]
                if random.random() < 0.5:
                    drawn = [(second, first) for first, second in drawn]
            for first, second in drawn:
                _add(one, first)
                _add(two, second)
        found = _difference(one, two, score)
        as_low += found is None or found <= seen + _ROUNDING
        if as_low == _CLEAR:
            return as_low / draw
    return (as_low + 1) / (limit + 1)


def _add(totals: dict[str, float], part: Portion) -> None:
    for name, amount in part:
        totals[name] = totals.get(name, 0.0) + amount


def _difference(base: Sums, new: Sums, score: Callable[[Sums], float | None]) -> float | None:
    old, now = score(base), score(new)
    return None if old is None or now is None else now - old
