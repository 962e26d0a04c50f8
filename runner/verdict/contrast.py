"""Compare two arms in both directions: has the second become worse, better, or neither? And rank several arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .exact import benjamini_hochberg
from .gate import Arm, Bound, Evidence, Trial, can_be_worse
from .metrics import PASSES, Statistic

__all__ = ["Contrast", "ContrastWord", "adjusted", "level_with_the_best"]

ContrastWord: TypeAlias = Literal["worse", "better", "held", "inconclusive"]
"""The verdict on the second arm; `held`: no difference that matters was seen."""


@dataclass(slots=True)
class Contrast:
    """One comparison while its answers arrive: two trials, each with the whole permitted error of its direction.

    Call `look` once at each of the bound's looks, until it returns True.
    """

    bound: Bound
    fall: Trial = field(init=False)
    rise: Trial = field(init=False)
    can_decide: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.fall, self.rise = Trial(self.bound), Trial(self.bound)

    @property
    def evidence(self) -> Evidence:
        """Return the findings of the last look."""
        assert self.fall.evidence is not None, "a verdict needs a look"
        return self.fall.evidence

    def look(self, base: Arm, new: Arm, *, samples: int, tests: int, statistic: Statistic = PASSES) -> bool:
        """Look at both arms after so many samples; return whether that decides both directions."""
        decided = [
            self.fall.look(base, new, samples=samples, tests=tests, statistic=statistic),
            self.rise.look(new, base, samples=samples, tests=tests, statistic=statistic),
        ]
        self.can_decide = any(can_be_worse(self.bound, arm, statistic) for arm in (base, new))
        return all(decided)

    def word(self, fall: float, rise: float) -> ContrastWord:
        """Return the verdict, with the p-values of both directions adjusted for all comparisons."""
        if self.fall.word(fall) == "worse":
            return "worse"
        if self.rise.word(rise) == "worse":
            return "better"
        if not self.can_decide or "inconclusive" in (self.fall.word(fall), self.rise.word(rise)):
            return "inconclusive"
        return "held"


def adjusted(contrasts: Sequence[Contrast]) -> list[tuple[float, float]]:
    """Return the p-values of a fall and of a rise, adjusted for all these comparisons, in the given order."""
    falls = benjamini_hochberg([each.fall.p for each in contrasts])
    rises = benjamini_hochberg([each.rise.p for each in contrasts])
    return list(zip(falls, rises, strict=True))


def level_with_the_best(arms: Sequence[Arm], bound: Bound, statistic: Statistic = PASSES) -> list[bool]:
    """Return for each arm whether chance could explain how far it is below the best one.

    The p-values are adjusted for the number of arms. The best arm is level with itself.
    """
    best = max(range(len(arms)), key=lambda index: statistic.value(arms[index]) or 0.0)
    others = [index for index in range(len(arms)) if index != best]
    found = benjamini_hochberg([statistic.p_drop(arms[best], arms[index], bound.about) for index in others])
    level = dict(zip(others, (p > bound.alpha for p in found), strict=True))
    return [level.get(index, True) for index in range(len(arms))]
