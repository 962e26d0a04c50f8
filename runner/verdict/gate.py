"""Reach the verdict of a gate (held, worse or inconclusive) after as many looks as needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .exact import Counts, drop, rate, sign_flip, stratified_exact
from .intervals import difference_interval, rate_interval
from .looks import Looks
from .power import About

__all__ = ["Bound", "Evidence", "Trial", "Word", "as_one_sample", "can_be_worse"]

Word: TypeAlias = Literal["held", "worse", "inconclusive"]

_FIRST_SLACK = 0.4
"""At the first look a suite has held if its rate fell by at most this share of the margin (2 of 5 points)."""

_ROUNDING = 1e-9
"""One case of 20 is 5 points, no more, although 1 - 0.95 is more than 0.05 in floating point."""

_FIRST_ROOM = 0.03
"""At the first look a suite has held if its rate exceeds the required minimum by this much."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The condition of a gate on the pass rate: it may fall by at most `max_drop`, or must be at least `least`.

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


def as_one_sample(counts: Counts) -> list[tuple[int, int]]:
    """Return the counts for samples that are copies of each other: one sample per case."""
    return [(int(passed > 0), 1) for passed, _ in counts]


def can_be_worse(bound: Bound, base: Counts) -> bool:
    """Return whether the gate could ever be `worse`, even if all new answers failed."""
    failed = [(0, bound.looks.last)] * len(base)
    spent = bound.alpha * max(bound.looks.shares)
    if bound.least is not None:
        return _p_below(bound.least, failed) <= spent
    return rate(base) > bound.max_drop + _ROUNDING and _test(bound, base, failed) <= spent


@dataclass(slots=True)
class Trial:
    """One gate while its answers arrive. Call `look` once at each of its looks, until it returns True."""

    bound: Bound
    evidence: Evidence | None = None
    looked: int = 0
    p: float = 1.0
    proven: bool = False

    def look(self, base: Counts, new: Counts, *, samples: int, tests: int) -> bool:
        """Look at the counts after so many samples; return whether that decides the gate.

        `tests` is the number of gates in the run: a gate that is worse at once must be so even if no other gate is.
        """
        bound, looks = self.bound, self.bound.looks
        share = looks.shares[self.looked]
        seen = self.evidence = _evidence(bound, base, new, samples)
        # Each look's p-value is divided by its share of the error; the smallest quotient is a p-value for all looks.
        self.p = min(self.p, seen.p / share, 1.0)
        first, self.looked = self.looked == 0, self.looked + 1
        if bound.prove:
            self.proven = _proven(bound, base, new, share)
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


def _evidence(bound: Bound, base: Counts, new: Counts, samples: int) -> Evidence:
    confidence = 1 - 2 * bound.alpha
    now = rate(new)
    if bound.least is not None:
        low, high = rate_interval(new, confidence)
        return Evidence(len(new), samples, now, bound.least - now, low, high, _p_below(bound.least, new))
    low, high = difference_interval(base, new, confidence)
    return Evidence(
        len(new),
        samples,
        now,
        drop(base, new),
        low,
        high,
        _test(bound, base, new),
        base_rate=rate(base),
        p_inputs=sign_flip(base, new),
    )


def _test(bound: Bound, base: Counts, new: Counts) -> float:
    return stratified_exact(base, new) if bound.about == "cases" else sign_flip(base, new)


def _proven(bound: Bound, base: Counts, new: Counts, share: float) -> bool:
    """Return whether the near end of the interval is inside, at the error that this look may spend."""
    confidence = 1 - 2 * bound.alpha * share
    if bound.least is not None:
        return rate_interval(new, confidence)[0] >= bound.least
    return difference_interval(base, new, confidence)[0] > -bound.margin


def _p_below(least: float, counts: Counts) -> float:
    """Return the smallest one-sided level at which the rate's interval is below `least`; 0.5 if its estimate is not."""
    low, high = 0.0, 0.5
    if rate(counts) >= least - _ROUNDING:
        return high
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if rate_interval(counts, 1 - 2 * middle)[1] < least else (middle, high)
    return high
