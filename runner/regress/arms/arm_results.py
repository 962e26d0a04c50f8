"""The results of a comparison of arms, for reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ...verdict.contrast import ContrastWord
from ...verdict.gate import Bound, Evidence
from ...verdict.metrics import Metric

__all__ = [
    "PASS_RATE",
    "ArmResult",
    "ArmsComparison",
    "CaseContrast",
    "ComparisonWord",
    "ContrastResult",
    "Flip",
    "MeasureChange",
]

PASS_RATE = Metric("pass_rate")

ComparisonWord: TypeAlias = ContrastWord | Literal["unchecked"]
"""The verdict on one arm; `unchecked` should have been judged but could not be."""


@dataclass(frozen=True, slots=True)
class CaseContrast:
    """One case in both arms: the value of the metric, and the passed and all samples if it is a share of samples.

    Of an error, of which less is better, the value is negative. `q` is the p-value of a change of this case alone in its
    direction, adjusted for all cases that moved; None if the metric has no such test.
    """

    case: str
    base_value: float
    new_value: float
    base: tuple[int, int] | None = None
    new: tuple[int, int] | None = None
    q: float | None = None

    @property
    def drop(self) -> float:
        """Return by how much the value of the case fell."""
        return self.base_value - self.new_value


@dataclass(frozen=True, slots=True)
class MeasureChange:
    """The medians over `cases` of a measure in both arms, and the median of the cases' ratios (None without any)."""

    measure: str
    base: float
    new: float
    ratio: float | None
    cases: int


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One arm: the value of the metric with its interval, None if nothing was compared or it is not defined.

    `samples` are the fewest and the most of a case. `level`: chance could explain how far it is below the best arm.
    """

    name: str
    started: str | None = None
    models: tuple[str, ...] = ()
    rate: float | None = None
    low: float = 0.0
    high: float = 1.0
    samples: tuple[int, int] = (0, 0)
    level: bool = False


@dataclass(frozen=True, slots=True)
class ContrastResult:
    """One arm compared with the first.

    `p` is the p-value of the test in the direction of the change, adjusted for all comparisons; `p_inputs` that of the
    same hypothesis about inputs like these. `changes` are the cases that moved, those that fell furthest first. `finds`
    is the smallest drop that so many samples find 4 times in 5. `can_decide`: so many samples could show a difference.
    """

    arm: str
    word: ComparisonWord
    reason: str = ""
    evidence: Evidence | None = None
    p: float = 1.0
    p_inputs: float | None = None
    worse: int = 0
    better: int = 0
    alike: int = 0
    fail_in_both: int = 0
    changes: tuple[CaseContrast, ...] = ()
    finds: float | None = None
    can_decide: bool = True
    measures: tuple[MeasureChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Flip:
    """A case that moved, with an answer of each arm: of the verdict that it has more often there.

    An answer is None if the arm has none (a baseline); `reasons` say why an answer did not pass.
    """

    case: str
    input: str | None = None
    answers: tuple[str | None, str | None] = (None, None)
    reasons: tuple[str | None, str | None] = (None, None)


@dataclass(frozen=True, slots=True)
class ArmsComparison:
    """The comparison of all arms of one prompt, or of its cases with one tag. The first arm is the base.

    `tests` is the number of comparisons for which the p-values are adjusted, `cases` the number of cases in all arms.
    """

    prompt: str
    tag: str | None
    bound: Bound
    arms: tuple[ArmResult, ...]
    contrasts: tuple[ContrastResult, ...]
    tests: int
    cases: int
    notes: tuple[str, ...] = ()
    metric: Metric = PASS_RATE
    flips: dict[str, tuple[Flip, ...]] = field(default_factory=dict)
