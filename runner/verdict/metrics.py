"""The metrics of a suite: what each takes from the samples of a case, its value, its interval, its tests.

Every verdict, comparison and summary goes through here: `values` says what a case contributes to a metric, `statistic`
what can be said about all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

from .exact import rate, sign_flip, stratified_exact
from .intervals import Interval, difference_interval, rate_interval
from .labels import Labelled, label_part, label_score, pseudo_labels
from .power import About
from .resampling import Portion, Sums, central, drop_p_value, resampled, total_of

__all__ = [
    "LABELS",
    "METRICS",
    "NUMBERS",
    "OF_A_LABEL",
    "PASSES",
    "SETS",
    "CaseValues",
    "Metric",
    "Sample",
    "SetMatch",
    "Statistic",
    "statistic",
    "values",
]

LABELS = ("accuracy", "macro_f1", "weighted_f1", "f1", "precision", "recall")
"""The metrics of a prompt with `labels`."""

OF_A_LABEL = ("f1", "precision", "recall")
"""Those of them that are about one label."""

NUMBERS = ("mae", "rmse", "within")
"""The metrics of a prompt with `numbers`."""

SETS = ("micro_f1", "jaccard")
"""The metrics of a prompt with `sets`."""

METRICS = ("pass_rate", *LABELS, *NUMBERS, *SETS)
"""All metrics with a name of their own; any other name is that of a named score."""

_ROUNDING = 1e-9
_MANY_DRAWS = 9999


class Metric(NamedTuple):
    """A metric, and the label (as JSON) that it is about, if it is about one."""

    name: str
    label: str | None = None

    @property
    def shown(self) -> str:
        """Return the metric as it is written for people: `recall bug`."""
        return self.name if self.label is None else f"{self.name} {_bare(self.label)}"

    @property
    def lower_is_better(self) -> bool:
        """Return whether a small value is good."""
        return self.name in ("mae", "rmse")

    @property
    def is_share(self) -> bool:
        """Return whether the value is a share, from 0 to 1."""
        return not self.lower_is_better


def _bare(label: str) -> str:
    return label[1:-1] if label.startswith('"') and len(label) > 2 else label


class SetMatch(NamedTuple):
    """How a set that came matches the expected one: the items in both, the extra ones, the missing ones."""

    both: int
    extra: int
    missing: int


class Sample(NamedTuple):
    """What the metrics know of one answer that arrived.

    `label` is the expected label and what came (see `labels`); `error` is how far a number is from the expected one, `within`
    whether that is near enough, `match` compares sets. `scores` are the named scores. All are None, or absent, where they
    do not apply; `error` also where no number came.
    """

    passed: bool
    label: Labelled | None = None
    error: float | None = None
    within: bool | None = None
    match: SetMatch | None = None
    scores: Mapping[str, float] = {}


CaseValues: TypeAlias = Any
"""What a case is to a metric: the number of good samples and of all (see `exact`), or a list with a value of each sample."""


def values(metric: Metric, samples: Sequence[Sample]) -> CaseValues | None:
    """Return what the samples of a case are to a metric; None if the metric does not apply to the case."""
    good: list[bool] | None = None
    found: list[Any] = []
    match metric.name:
        case "pass_rate":
            good = [sample.passed for sample in samples]
        case "accuracy":
            good = [pair[0] == pair[1] for sample in samples if (pair := sample.label)]
        case "recall":
            pairs = [pair for sample in samples if (pair := sample.label) and pair[0] == metric.label]
            good = [expected == came for expected, came in pairs]
        case "macro_f1" | "weighted_f1" | "f1" | "precision":
            found = [sample.label for sample in samples if sample.label]
        case "within":
            good = [sample.within for sample in samples if sample.within is not None]
        case "mae" | "rmse":
            found = [sample.error for sample in samples if sample.error is not None]
        case "micro_f1" | "jaccard":
            found = [sample.match for sample in samples if sample.match]
        case name:
            found = [sample.scores[name] for sample in samples if name in sample.scores]
    if good is not None:
        return (sum(good), len(good)) if good else None
    return found or None


class Statistic(Protocol):
    """What can be said about a metric. An arm has the values of each case; two arms have the same cases, in order.

    For a metric of which less is better (`mae`), the value is negative, so that more is better everywhere.
    """

    def value(self, arm: Sequence[CaseValues]) -> float | None:
        """Return the metric's value; None if it is not defined, such as the precision of a label that was never given."""

    def interval(self, arm: Sequence[CaseValues], confidence: float = 0.95) -> Interval:
        """Return the interval of the value. The units are cases (or groups), not samples."""

    def difference(
        self, base: Sequence[CaseValues], new: Sequence[CaseValues], confidence: float = 0.95
    ) -> Interval:
        """Return the interval of the difference, new minus base, for inputs like these."""

    def p_drop(self, base: Sequence[CaseValues], new: Sequence[CaseValues], about: About) -> float:
        """Return the one-sided p-value for so low a value of `new`, compared with `base`."""

    def p_below(self, arm: Sequence[CaseValues], least: float) -> float:
        """Return the one-sided p-value for a value so far below `least`; 0.5 or more if it is not below."""

    def failed(self, arm: Sequence[CaseValues], samples: int) -> list[CaseValues]:
        """Return an arm with the same cases in which so many samples of each are as bad as can be."""


def statistic(metric: Metric, ids: Sequence[str], groups: Sequence[str] | None = None) -> Statistic:
    """Return the statistic of a metric for these cases; the draws of a bootstrap are seeded with their ids.

    `groups` names the group of each case, if cases belong together: then groups, not cases, are the units of what is said
    about inputs like these.
    """
    seed = "\n".join(sorted(ids))
    match metric.name:
        case "macro_f1" | "weighted_f1":
            return _Pooled(seed, groups, label_part, label_score(metric.name), _of_all_labels, _all_wrong)
        case "f1" | "precision":
            assert metric.label is not None, "it is about one label"
            pseudo = _pairs_of(pseudo_labels([metric.label]))
            score = label_score(metric.name, metric.label)
            return _Pooled(seed, groups, label_part, score, lambda _: pseudo, _mistaken_for(metric.label))
        case "micro_f1":
            return _Pooled(seed, groups, _set_part, _micro_f1, lambda _: _PSEUDO_SETS, _no_items)
        case "mae" | "rmse":
            part, score = (_error_part, _mae) if metric.name == "mae" else (_square_part, _rmse)
            return _Pooled(seed, groups, part, score, lambda _: (), _far_off, low=-math.inf, high=0.0)
        case "jaccard":
            return _Mean(seed, groups, _jaccard, SetMatch(0, 1, 1))
        case "pass_rate" | "accuracy" | "recall" | "within":
            return _Share(seed, groups)
    return _Mean(seed, groups, float, 0.0)


class _Share:
    """The mean over the cases of the share of their samples that are good."""

    __slots__ = ("groups", "seed")

    def __init__(self, seed: str, groups: Sequence[str] | None = None) -> None:
        self.seed = seed
        self.groups = groups

    def value(self, arm: Sequence[CaseValues]) -> float | None:
        return rate(self.counts(arm)) if arm else None

    def interval(self, arm: Sequence[CaseValues], confidence: float = 0.95) -> Interval:
        return rate_interval(self.counts(arm), confidence, self.groups)

    def difference(
        self, base: Sequence[CaseValues], new: Sequence[CaseValues], confidence: float = 0.95
    ) -> Interval:
        return difference_interval(self.counts(base), self.counts(new), confidence, self.groups)

    def p_drop(self, base: Sequence[CaseValues], new: Sequence[CaseValues], about: About) -> float:
        return stratified_exact(base, new) if about == "cases" else sign_flip(base, new, self.groups)

    def p_below(self, arm: Sequence[CaseValues], least: float) -> float:
        """Return the smallest level at which the interval is below `least`."""
        counts = self.counts(arm)
        low, high = 0.0, 0.5
        if rate(counts) >= least - _ROUNDING:
            return high
        for _ in range(50):
            middle = (low + high) / 2
            below = rate_interval(counts, 1 - 2 * middle, self.groups)[1] < least
            low, high = (low, middle) if below else (middle, high)
        return high

    def failed(self, arm: Sequence[CaseValues], samples: int) -> list[CaseValues]:
        return [(0, samples)] * len(arm)

    def counts(self, arm: Sequence[CaseValues]) -> Sequence[tuple[Any, int]]:
        """Return the sum and the number of the samples of each case."""
        return arm


class _Mean(_Share):
    """The mean over the cases of the mean value of their samples, each from 0 to 1."""

    __slots__ = ("number", "worst")

    def __init__(
        self, seed: str, groups: Sequence[str] | None, number: Callable[[Any], float], worst: Any
    ) -> None:
        super().__init__(seed, groups)
        self.number = number
        self.worst = worst

    def p_drop(self, base: Sequence[CaseValues], new: Sequence[CaseValues], about: About) -> float:
        old, now = ([[self.number(value) for value in case] for case in arm] for arm in (base, new))
        if all(value in (0, 1) for arm in (old, now) for case in arm for value in case):
            one, two = ([(round(sum(case)), len(case)) for case in arm] for arm in (old, now))
            return super().p_drop(one, two, about)
        return drop_p_value(old, now, _mean_part, _mean_score, self.seed, about, self.groups)

    def failed(self, arm: Sequence[CaseValues], samples: int) -> list[CaseValues]:
        return [(self.worst,) * samples] * len(arm)

    def counts(self, arm: Sequence[CaseValues]) -> list[tuple[Any, int]]:
        return [(sum(map(self.number, case)), len(case)) for case in arm]


PASSES: Statistic = _Share("")
"""The pass rate, of cases that are not grouped."""


@dataclass(frozen=True, slots=True)
class _Pooled:
    """A function of sums over all cases, such as F1: its intervals and tests resample the cases."""

    seed: str
    groups: Sequence[str] | None
    part: Callable[[CaseValues], Portion]
    score: Callable[[Sums], float | None]
    pseudo: Callable[[Sequence[CaseValues]], Sequence[tuple[Portion, Portion, float]]]
    """The pseudo-cases of an arm: one that is right, one that is wrong, the weight of each."""
    worst: Callable[[CaseValues], Any]
    """Return a sample of a case that is as bad as can be."""
    low: float = 0.0
    high: float = 1.0

    def value(self, arm: Sequence[CaseValues]) -> float | None:
        return self.score(total_of((self.part(case), 1.0) for case in arm))

    def interval(self, arm: Sequence[CaseValues], confidence: float = 0.95) -> Interval:
        value = self.value(arm)
        units = self._units([self.part(case) for case in arm])
        low, high = central(
            resampled(units, self._added(arm), self.score, self.seed), len(units), confidence, value or 0.0
        )
        return max(self.low, low), min(self.high, high)

    def difference(
        self, base: Sequence[CaseValues], new: Sequence[CaseValues], confidence: float = 0.95
    ) -> Interval:
        parts = [_marked(self.part(old), self.part(now)) for old, now in zip(base, new, strict=True)]
        added = [
            (_marked(one, two), weight)
            for right, wrong, weight in self.pseudo(base)
            for one, two in ((right, wrong), (wrong, right))
        ]
        units = self._units(parts)
        old, now = self.value(base), self.value(new)
        value = 0.0 if old is None or now is None else now - old
        low, high = central(resampled(units, added, self._gain, self.seed), len(units), confidence, value)
        most = self.high - self.low
        return max(-most, low), min(most, high)

    def p_drop(self, base: Sequence[CaseValues], new: Sequence[CaseValues], about: About) -> float:
        return drop_p_value(base, new, self.part, self.score, self.seed, about, self.groups)

    def p_below(self, arm: Sequence[CaseValues], least: float) -> float:
        value = self.value(arm)
        if value is None or value >= least - _ROUNDING:
            return 0.5
        units = self._units([self.part(case) for case in arm])
        drawn = [
            each
            for each in resampled(units, self._added(arm), self.score, self.seed, _MANY_DRAWS)
            if each is not None
        ]
        return min((1 + sum(each >= least for each in drawn)) / (1 + len(drawn)), 0.5)

    def failed(self, arm: Sequence[CaseValues], samples: int) -> list[CaseValues]:
        return [(self.worst(case),) * samples for case in arm]

    def _units(self, parts: Sequence[Portion]) -> list[Portion]:
        """Return the parts of the units that are resampled: cases, or groups of cases."""
        if self.groups is None:
            return [tuple(sorted(part)) for part in parts]
        together: dict[str, list[Portion]] = {}
        for name, part in zip(self.groups, parts, strict=True):
            together.setdefault(name, []).append(part)
        return [tuple(sorted(total_of((part, 1.0) for part in each).items())) for each in together.values()]

    def _added(self, arm: Sequence[CaseValues]) -> list[tuple[Portion, float]]:
        return [(part, weight) for right, wrong, weight in self.pseudo(arm) for part in (right, wrong)]

    def _gain(self, totals: Sums) -> float | None:
        arms = [{name[1:]: amount for name, amount in totals.items() if name[0] == mark} for mark in "-+"]
        old, now = map(self.score, arms)
        return None if old is None or now is None else now - old


def _marked(old: Portion, now: Portion) -> Portion:
    return (*((f"-{name}", amount) for name, amount in old), *((f"+{name}", amount) for name, amount in now))


def _of_all_labels(arm: Sequence[CaseValues]) -> list[tuple[Portion, Portion, float]]:
    return _pairs_of(pseudo_labels(sorted({expected for case in arm for expected, _ in case})))


def _pairs_of(weighted: Sequence[tuple[Portion, float]]) -> list[tuple[Portion, Portion, float]]:
    half = len(weighted) // 2
    return [
        (right, wrong, weight)
        for (right, weight), (wrong, _) in zip(weighted[:half], weighted[half:], strict=True)
    ]


def _all_wrong(case: CaseValues) -> Labelled:
    return case[0][0], "(wrong)"


def _mistaken_for(label: str) -> Callable[[CaseValues], Labelled]:
    """Return a function from a case to an answer that is wrong about this label."""
    return lambda case: (case[0][0], label if case[0][0] != label else "(wrong)")


def _no_items(case: CaseValues) -> SetMatch:
    match: SetMatch = case[0]
    return SetMatch(0, 1, match.both + match.missing)


def _far_off(case: CaseValues) -> float:
    return _FAR


_FAR = 1e12


def _mean_part(case: Sequence[float]) -> Portion:
    return (("sum", sum(case) / len(case)), ("cases", 1.0))


def _mean_score(totals: Sums) -> float | None:
    return totals["sum"] / totals["cases"]


def _error_part(case: Sequence[float]) -> Portion:
    return _mean_part(case)


def _square_part(case: Sequence[float]) -> Portion:
    return _mean_part([error * error for error in case])


def _mae(totals: Sums) -> float | None:
    return -totals["sum"] / totals["cases"] if totals else None


def _rmse(totals: Sums) -> float | None:
    return -math.sqrt(totals["sum"] / totals["cases"]) if totals else None


def _jaccard(match: SetMatch) -> float:
    whole = sum(match)
    return match.both / whole if whole else 1.0


def _set_part(case: Sequence[SetMatch]) -> Portion:
    both, extra, missing = (sum(each) / len(case) for each in zip(*case, strict=True))
    return (("both", both), ("other", extra + missing))


def _micro_f1(totals: Sums) -> float | None:
    both = 2 * totals.get("both", 0.0)
    whole = both + totals.get("other", 0.0)
    return both / whole if whole else None


_PSEUDO_SETS = (((("both", 1.0),), (("other", 2.0),), 0.5),)
