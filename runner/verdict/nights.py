"""Watch a suite night by night: is it as good as at its baseline and in the nights since? Pure.

Tonight, and the last few nights together, are compared with the baseline and all nights before them, by the exact test.
One bad night is only watched: in a year of nights some look bad by chance. What chance almost never brings is drift.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal, TypeAlias

from .exact import drop, rate, stratified_exact
from .intervals import rate_interval

__all__ = ["CaseCounts", "DriftRule", "DriftState", "NightVerdict", "watch"]

DriftState: TypeAlias = Literal["steady", "watch", "drift", "better"]
"""`watch`: tonight looks worse, perhaps by chance. `drift`: it is worse. `better`: it is better. `steady`: none of these."""

CaseCounts: TypeAlias = Mapping[str, tuple[int, int]]
"""For each case, how many of its samples passed, and how many there were."""


@dataclass(frozen=True, slots=True)
class DriftRule:
    """When nights are bad: their rate is more than `margin` below the past's, and p at most `watch`.

    p of at most `certain` is drift. `windows` are the numbers of nights, with tonight, that are taken together. A case's
    past counts up to `most` samples: then it is known well enough, and a slow decline does not become the past.
    """

    margin: float = 0.05
    watch: float = 0.05
    certain: float = 0.0005
    windows: tuple[int, ...] = (1, 2, 3, 5)
    most: int = 60


_USUAL = DriftRule()
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class NightVerdict:
    """The verdict on a night: its state, and what decided it.

    `nights` is how many nights, with tonight, were taken together: those that differ most surely. `rate` is their rate
    with its interval, `past_rate` that of the same cases before, `p` the p-value of a fall, or of a rise if it rose.
    `tonight` is the rate of this night alone.
    """

    state: DriftState
    cases: int
    tonight: float
    nights: int
    rate: float
    low: float
    high: float
    past_rate: float
    p: float

    @property
    def drop(self) -> float:
        """Return by how much the rate is below the past's."""
        return self.past_rate - self.rate


def watch(
    base: CaseCounts, nights: Sequence[CaseCounts], tonight: CaseCounts, rule: DriftRule = _USUAL
) -> NightVerdict | None:
    """Return the verdict on tonight, given the baseline and the nights since; None if no case of tonight has a past."""
    pasts = [dict(base)]
    for night in nights:
        pasts.append(_longer(pasts[-1], night, rule.most))
    together: dict[str, tuple[int, int]] = {}
    found: list[NightVerdict] = []
    for number, night in enumerate((tonight, *reversed(nights)), 1):
        if number > max(rule.windows):
            break
        together = _longer(together, {case: night[case] for case in tonight if case in night})
        if number in rule.windows and (verdict := _verdict(pasts[-number], together, tonight, number, rule)):
            found.append(verdict)
    if not found:
        return None
    # Of windows that say the same, the surest; of those that say nothing, tonight.
    return min(
        found,
        key=lambda verdict: (
            _ORDER.index(verdict.state),
            verdict.nights if verdict.state == "steady" else verdict.p,
        ),
    )


_ORDER: tuple[DriftState, ...] = ("drift", "watch", "better", "steady")


def _verdict(
    past: CaseCounts, now: CaseCounts, tonight: CaseCounts, nights: int, rule: DriftRule
) -> NightVerdict | None:
    common = [case for case in now if case in past]
    if not common:
        return None
    before, after = [past[case] for case in common], [now[case] for case in common]
    fell = drop(before, after)
    p = stratified_exact(before, after) if fell > 0 else stratified_exact(after, before)
    state: DriftState = "steady"
    if abs(fell) > rule.margin + _ROUNDING:
        if p <= rule.certain:
            state = "drift" if fell > 0 else "better"
        elif p <= rule.watch and fell > 0 and nights == 1:
            state = "watch"
    low, high = rate_interval(after)
    of_tonight = rate([tonight[case] for case in common if case in tonight])
    return NightVerdict(state, len(common), of_tonight, nights, rate(after), low, high, rate(before), p)


def _longer(past: CaseCounts, night: CaseCounts, most: float = inf) -> dict[str, tuple[int, int]]:
    """Return counts with those of one more night; `most` samples of a case are enough."""
    longer = dict(past)
    for case, (passed, total) in night.items():
        before = longer.get(case, (0, 0))
        if before[1] < most:
            longer[case] = before[0] + passed, before[1] + total
    return longer
