"""How far a judge can be trusted, from labels of people: agreement, error rates, and pass rates corrected by them.

Everything is computed from counts. `Cells` are the four counts of labels by people against verdicts of a judge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, NamedTuple, TypeAlias

from .intervals import Interval, t_quantile, wilson

__all__ = [
    "Cells",
    "Corrected",
    "Preferences",
    "TrustWord",
    "kappa",
    "prediction_powered",
    "rogan_gladen",
    "trust_in",
]

TrustWord: TypeAlias = Literal["good", "usable with correction", "do not use"]

_GOOD_RATE, _GOOD_KAPPA, _LEAST_INFORMATION = 0.8, 0.6, 0.3
_CONFIDENCE = 0.95


class Cells(NamedTuple):
    """How often a person said pass or fail, and the judge with them or against them.

    `passed_right` of the answers that pass were passed by the judge, `passed_wrong` were failed; `failed_right` of those
    that fail were failed, `failed_wrong` were passed.
    """

    passed_right: int
    passed_wrong: int
    failed_right: int
    failed_wrong: int

    @property
    def passing(self) -> int:
        """How many answers pass, by the labels."""
        return self.passed_right + self.passed_wrong

    @property
    def failing(self) -> int:
        """How many answers fail, by the labels."""
        return self.failed_right + self.failed_wrong

    @property
    def sensitivity(self) -> float:
        """The share of the passing answers that the judge passes (TPR)."""
        return self.passed_right / self.passing

    @property
    def specificity(self) -> float:
        """The share of the failing answers that the judge fails (TNR)."""
        return self.failed_right / self.failing


@dataclass(frozen=True, slots=True)
class Corrected:
    """A pass rate that is corrected for the errors of the judge, with its 95 % interval."""

    rate: float
    low: float
    high: float


def kappa(cells: Cells) -> tuple[float, float] | None:
    """Return Cohen's kappa and its standard error (Fleiss, Cohen and Everitt 1969); None if one side says always the same.

    Both sides agree by chance if they only know how often to say pass.
    """
    count = sum(cells)
    table = (
        (cells.failed_right / count, cells.failed_wrong / count),
        (cells.passed_wrong / count, cells.passed_right / count),
    )
    people = [sum(row) for row in table]
    judge = [table[0][column] + table[1][column] for column in (0, 1)]
    observed = table[0][0] + table[1][1]
    chance = people[0] * judge[0] + people[1] * judge[1]
    if chance >= 1:
        return None
    found = (observed - chance) / (1 - chance)
    same = sum(table[k][k] * (1 - (people[k] + judge[k]) * (1 - found)) ** 2 for k in (0, 1))
    other = (1 - found) ** 2 * (
        table[0][1] * (judge[0] + people[1]) ** 2 + table[1][0] * (judge[1] + people[0]) ** 2
    )
    spread = same + other - (found - chance * (1 - found)) ** 2
    return found, math.sqrt(max(0.0, spread)) / (1 - chance) / math.sqrt(count)


def trust_in(cells: Cells) -> TrustWord:
    """Return how a judge may be used.

    It is good if both rates are surely at least .8 and kappa is at least .6; usable if its verdicts surely carry
    information: sensitivity + specificity - 1 above .3, by the interval of the sum (Newcombe's method).
    """
    se, sp = cells.sensitivity, cells.specificity
    low_se, low_sp = (
        wilson(*pair)[0]
        for pair in ((cells.passed_right, cells.passing), (cells.failed_right, cells.failing))
    )
    agreement = kappa(cells)
    if low_se >= _GOOD_RATE and low_sp >= _GOOD_RATE and agreement and agreement[0] >= _GOOD_KAPPA:
        return "good"
    surely = se + sp - 1 - math.hypot(se - low_se, sp - low_sp)
    return "usable with correction" if surely > _LEAST_INFORMATION else "do not use"


def rogan_gladen(passed: int, judged: int, cells: Cells, confidence: float = _CONFIDENCE) -> Corrected | None:
    """Return the pass rate behind a judge's: it passed `passed` of `judged` answers (Lang and Reiczigel 2014).

    For labels of other answers than these. None if the judge is no better than chance.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    # Add-one rates and the Agresti-Coull rate, as the interval needs them.
    se, sp = (cells.passed_right + 1) / (cells.passing + 2), (cells.failed_right + 1) / (cells.failing + 2)
    youden = se + sp - 1
    plain = cells.sensitivity + cells.specificity - 1
    if youden <= 0 or plain <= 0:
        return None
    size = judged + z * z
    rate = (passed + z * z / 2) / size
    middle = (rate + sp - 1) / youden
    of_se, of_sp = se * (1 - se) / (cells.passing + 2), sp * (1 - sp) / (cells.failing + 2)
    shift = 2 * z * z * (middle * of_se - (1 - middle) * of_sp)
    half = z / youden * math.sqrt(rate * (1 - rate) / size + middle**2 * of_se + (1 - middle) ** 2 * of_sp)
    point = (passed / judged + cells.specificity - 1) / plain
    return Corrected(_share(point), _share(middle + shift - half), _share(middle + shift + half))


def prediction_powered(cells: Cells, passed: int, judged: int, confidence: float = _CONFIDENCE) -> Corrected:
    """Return the pass rate of all answers of a run, of which some have labels (PPI++, Angelopoulos et al. 2023).

    The labelled answers were drawn at random from the run; `passed` of its `judged` other answers were passed by the
    judge. The weight of the judge is the best one between 0, with which only the labels count, and 1.
    """
    n = sum(cells)
    said = cells.passed_right + cells.failed_wrong
    people, judge = cells.passing / n, said / n
    together = cells.passed_right / n - people * judge
    covariance = together * n / (n - 1)
    whole = n + judged
    pooled = (said + passed) / whole
    variance = pooled * (1 - pooled) * whole / (whole - 1)
    weight = _share(covariance / variance / (1 + n / judged)) if variance else 0.0
    rate = people + weight * (passed / judged - judge)
    # What is left of each label after the judge's part: its mean and its variance.
    left = (
        (1 - weight, cells.passed_right),
        (1.0, cells.passed_wrong),
        (-weight, cells.failed_wrong),
        (0.0, cells.failed_right),
    )
    mean = math.fsum(value * count for value, count in left) / n
    spread = math.fsum((value - mean) ** 2 * count for value, count in left) / (n - 1)
    unlabelled = passed / judged * (1 - passed / judged) * judged / max(1, judged - 1)
    half = t_quantile((1 + confidence) / 2, n - 1) * math.sqrt(weight**2 * unlabelled / judged + spread / n)
    # Where all labels agree, the spread is 0, which would claim to know everything.
    low, high = wilson(cells.passing, n, confidence) if spread == 0 else (rate - half, rate + half)
    return Corrected(_share(rate), _share(low), _share(high))


@dataclass(frozen=True, slots=True)
class Preferences:
    """Pairs of answers, each judged in both orders: a win only if both orders agree, else a tie.

    `seats` counts how often the answer in the first seat was preferred, of all verdicts that preferred one.
    """

    wins: int
    losses: int
    ties: int
    seats: tuple[int, int]

    @classmethod
    def of(cls, pairs: list[tuple[str, str]]) -> Preferences:
        """Count pairs of verdicts (`first`, `second`, anything else is a tie): as written, and with the answers swapped."""
        wins = sum(pair == ("first", "second") for pair in pairs)
        losses = sum(pair == ("second", "first") for pair in pairs)
        verdicts = [verdict for pair in pairs for verdict in pair]
        seats = verdicts.count("first"), verdicts.count("first") + verdicts.count("second")
        return cls(wins, losses, len(pairs) - wins - losses, seats)

    @property
    def decided(self) -> int:
        """The number of pairs that are not ties."""
        return self.wins + self.losses

    @property
    def p(self) -> float:
        """The two-sided p-value of the sign test: how surely one side is preferred."""
        most = max(self.wins, self.losses)
        tail = sum(math.comb(self.decided, k) for k in range(most, self.decided + 1))
        return min(1.0, 2 * tail / 2**self.decided) if self.decided else 1.0

    @property
    def first_seat(self) -> tuple[float, Interval] | None:
        """How often the first seat won, with its interval: away from a half it is a bias; None without a preference."""
        won, of = self.seats
        return (won / of, wilson(won, of)) if of else None


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))
