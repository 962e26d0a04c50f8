"""Format the parts of a comparison that all outputs share: verdicts, rates, intervals, measures. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...regress.arms.arm_results import ArmsComparison, CaseContrast, ContrastResult, MeasureChange
from ..regression.gate_lines import small
from ..terminal.figures import count, dollars, duration, plural, points

__all__ = [
    "case_change",
    "closing",
    "conclusion",
    "counted",
    "heading",
    "headline",
    "level_of",
    "measure_change",
    "percent_ends",
    "word_of_contrast",
]

_WORDS = {"worse": "WORSE", "inconclusive": "INCONCLUSIVE", "unchecked": "NOT CHECKED"}


def word_of_contrast(result: ContrastResult) -> str:
    """Return the verdict for people."""
    return _WORDS.get(result.word, result.word)


def heading(comparison: ArmsComparison) -> str:
    """Return `triage: 48 cases in both`, with the tag, if any."""
    tag = f" [{comparison.tag}]" if comparison.tag is not None else ""
    both = "both" if len(comparison.arms) == 2 else f"all {len(comparison.arms)} arms"
    return f"{comparison.prompt}{tag}: {plural(comparison.cases, 'case')} in {both}"


def level_of(comparison: ArmsComparison) -> str:
    """Return the level of the intervals: `95 %`."""
    return f"{100 * (1 - 2 * comparison.bound.alpha):.4g} %"


def percent_ends(low: float, high: float) -> str:
    """Return an interval of a rate: `52 … 76`."""
    return f"{100 * low:.0f} … {100 * high:.0f}"


def headline(result: ContrastResult, comparison: ArmsComparison) -> str:
    """Return the verdict with its figures: `WORSE by 14.0 points (64.8 → 50.8 %, 95 %: −26 … −1) · p = …`."""
    word, seen, bound = word_of_contrast(result), result.evidence, comparison.bound
    if seen is None or seen.base_rate is None:
        return f"{word}: {result.reason}"
    moved = (
        f"by {100 * abs(seen.drop):.1f} points"
        if result.word in ("worse", "better")
        else f"{points(-seen.drop, 1)} points"
    )
    arms = f"{100 * seen.base_rate:.1f} → {100 * seen.rate:.1f} %"
    ends = f"{points(seen.low)} … {points(seen.high)}"
    text = f"{word} {moved} ({arms}, {level_of(comparison)}: {ends})"
    if abs(seen.drop) <= bound.margin:
        return text
    about = "these cases" if bound.about == "cases" else "inputs like these"
    inputs = (
        f", {small(result.p_inputs)} for inputs like these"
        if bound.about == "cases" and result.p_inputs is not None
        else ""
    )
    return f"{text} · p = {small(result.p)} for {about}{inputs}"


def counted(result: ContrastResult) -> str:
    """Return how many cases moved: `22 worse, 10 better, 16 alike (4 fail in both)`."""
    fail = f" ({count(result.fail_in_both)} fail in both)" if result.fail_in_both else ""
    return f"{count(result.worse)} worse, {count(result.better)} better, {count(result.alike)} alike{fail}"


def case_change(change: CaseContrast) -> str:
    """Return how often a case passes in both arms: `8/8 → 0/8`."""
    return f"{change.base[0]}/{change.base[1]} → {change.new[0]}/{change.new[1]}"


def measure_change(change: MeasureChange) -> str:
    """Return `latency 0.41 s → 0.64 s (1.52 times)`: the medians of the cases, and the median of their ratios."""
    spell = {
        "latency": lambda value: duration(value / 1000),
        "tokens": lambda value: f"{value:,.0f}",
        "cost": dollars,
    }[change.measure]
    ratio = f" ({change.ratio:.2f} times)" if change.ratio is not None else ""
    return f"{change.measure} {spell(change.base)} → {spell(change.new)}{ratio}"


def closing(result: ContrastResult, comparison: ArmsComparison) -> Iterator[str]:
    """Yield sentences about how far the verdict can be trusted."""
    if result.evidence is None:
        return
    if not result.can_decide:
        yield "so few samples can show no difference, however large: add cases or samples"
    elif result.finds is not None:
        yield f"finds drops of {100 * result.finds:.0f} points 4 times in 5"


def conclusion(comparison: ArmsComparison) -> str | None:
    """Return a sentence about all arms, if no difference between them is certain; None else."""
    if not comparison.cases or any(result.word in ("worse", "better") for result in comparison.contrasts):
        return None
    if len(comparison.arms) > 2 and not all(arm.level for arm in comparison.arms):
        return None
    return "no difference is separated from noise"
