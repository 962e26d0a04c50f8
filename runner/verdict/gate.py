"""Reach the verdict of a gate (held, worse or inconclusive) after as many looks as needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .looks import Looks
from .metrics import PASSES, CaseValues, Statistic
from .power import About

__all__ = ["Arm", "Bound", "Evidence", "Trial", "Word", "as_one_sample", "can_be_worse"]

Arm: TypeAlias = Sequence[CaseValues]
"""What each case is to the metric of a gate."""

Word: TypeAlias = Literal["held", "worse", "inconclusive"]

_FIRST_SLACK = 0.4
"""At the first look a suite has held if its rate fell by at most this share of the margin (2 of 5 points)."""

_ROUNDING = 1e-9
"""One case of 20 is 5 points, no more, although 1 - 0.95 is more than 0.05 in floating point."""

_FIRST_ROOM = 0.03
"""At the first look a suite has held if its rate exceeds the required minimum by this much."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The condition of a gate on a metric: it may fall by at most `max_drop`, or must be at least `least`.

    `confidence` is one-sided. `prove` reverses the burden of proof: the gate holds only if the near end of the interval
    is inside.
    """

    max_drop: float = 0.05
    least: float | None = None
    confidence: float = 0.975
    about: About = "cases"
    prove: bool = False
    looks: Looks = field(default_factory=lambda: Looks((1,)))

    @property
    def alpha(self) -> float:
        """The permitted probability of a false alarm."""
        return 1 - self.confidence

    @property
    def margin(self) -> float:
        """How far the rate may be below the value it is compared with."""
        return 0.0 if self.least is not None else self.max_drop


@dataclass(frozen=True, slots=True)
class Evidence:
    """The findings of one look. `drop` is how far the rate is below the base's, or below the required minimum.

    `low` and `high` are the ends of the interval at the gate's confidence: of the difference new - base, or of the
    rate. `p` is the p-value of the test, `p_inputs` that of the same hypothesis about inputs like these.
    """

    cases: int
    samples: int
    rate: float
    drop: float
    low: float
    high: float
    p: float
    base_rate: float | None = None
    p_inputs: float | None = None


def as_one_sample(arm: Arm) -> list[CaseValues]:
    """Return an arm whose samples are copies of each other: one sample per case."""
    return [(int(case[0] > 0), 1) if isinstance(case, tuple) else case[:1] for case in arm]


def can_be_worse(bound: Bound, base: Arm, statistic: Statistic = PASSES) -> bool:
    """Return whether the gate could ever be `worse`, even if all new answers failed."""
    failed = statistic.failed(base, bound.looks.last)
    spent = bound.alpha * max(bound.looks.shares)
    if bound.least is not None:
        return statistic.p_below(failed, bound.least) <= spent
    fall = _fall(statistic, base, failed)
    return fall > bound.max_drop + _ROUNDING and statistic.p_drop(base, failed, bound.about) <= spent


@dataclass(slots=True)
class Trial:
    """One gate while its answers arrive. Call `look` once at each of its looks, until it returns True."""

    bound: Bound
    evidence: Evidence | None = None
    looked: int = 0
    p: float = 1.0
    proven: bool = False

    def look(self, base: Arm, new: Arm, *, samples: int, tests: int, statistic: Statistic = PASSES) -> bool:
        """Look at the arms after so many samples; return whether that decides the gate.

        `tests` is the number of gates in the run: a gate that is worse at once must be so even if no other gate is.
        """
        bound, looks = self.bound, self.bound.looks
        share = looks.shares[self.looked]
        seen = self.evidence = _evidence(bound, base, new, samples, statistic)
        # Each look's p-value is divided by its share of the error; the smallest quotient is a p-value for all looks.
        self.p = min(self.p, seen.p / share, 1.0)
        first, self.looked = self.looked == 0, self.looked + 1
        if bound.prove:
            self.proven = _proven(bound, base, new, share, statistic)
        if self.looked == len(looks.samples):
            return True
        if self.p <= bound.alpha / tests and seen.drop > bound.margin + _ROUNDING:
            return True
        if bound.prove:
            return self.proven
        if bound.least is not None:
            return seen.drop <= (-_FIRST_ROOM if first else 0.0) + _ROUNDING
        return seen.drop <= bound.margin * (_FIRST_SLACK if first else 1.0) + _ROUNDING

    def word(self, adjusted: float) -> Word:
        """Return the verdict, with p adjusted for all gates of the run."""
        assert self.evidence is not None, "a verdict needs a look"
        beyond = self.evidence.drop > self.bound.margin + _ROUNDING
        if adjusted <= self.bound.alpha and beyond:
            return "worse"
        if self.bound.prove:
            return "held" if self.proven else "inconclusive"
        return "inconclusive" if beyond else "held"


def _evidence(bound: Bound, base: Arm, new: Arm, samples: int, statistic: Statistic) -> Evidence:
    confidence = 1 - 2 * bound.alpha
    now = statistic.value(new) or 0.0
    if bound.least is not None:
        low, high = statistic.interval(new, confidence)
        p = statistic.p_below(new, bound.least)
        return Evidence(len(new), samples, now, bound.least - now, low, high, p)
    low, high = statistic.difference(base, new, confidence)
    return Evidence(
        len(new),
        samples,
        now,
        _fall(statistic, base, new),
        low,
        high,
        statistic.p_drop(base, new, bound.about),
        base_rate=statistic.value(base) or 0.0,
        p_inputs=statistic.p_drop(base, new, "inputs"),
    )


def _fall(statistic: Statistic, base: Arm, new: Arm) -> float:
    """Return by how much the metric fell. One that is not defined, such as a precision without answers, counts as 0."""
    return (statistic.value(base) or 0.0) - (statistic.value(new) or 0.0)


def _proven(bound: Bound, base: Arm, new: Arm, share: float, statistic: Statistic) -> bool:
    """Return whether the near end of the interval is inside, at the error that this look may spend."""
    confidence = 1 - 2 * bound.alpha * share
    if bound.least is not None:
        return statistic.interval(new, confidence)[0] >= bound.least
    return statistic.difference(base, new, confidence)[0] > -bound.margin
