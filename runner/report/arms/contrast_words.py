"""Format the parts of a comparison that all outputs share: verdicts, rates, intervals, measures. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...regress.arms.arm_results import (
    ArmResult,
    ArmsComparison,
    CaseContrast,
    ContrastResult,
    MeasureChange,
)
from ...verdict.metrics import Metric
from ...verdict.suite_figures import MetricFigure
from ..regression.gate_lines import small
from ..terminal.figures import count, dollars, duration, plural, points
from ..terminal.metric_lines import interval_text, metric_name, value_text

__all__ = [
    "case_change",
    "closing",
    "conclusion",
    "counted",
    "ends_of_arm",
    "ends_of_change",
    "heading",
    "headline",
    "level_of",
    "measure_change",
    "moved_by",
    "reach_of",
    "value_of_arm",
    "word_of_contrast",
]

_WORDS = {"worse": "WORSE", "inconclusive": "INCONCLUSIVE", "unchecked": "NOT CHECKED"}


def word_of_contrast(result: ContrastResult) -> str:
    """Return the verdict for people."""
    return _WORDS.get(result.word, result.word)


def heading(comparison: ArmsComparison) -> str:
    """Return `triage: 48 cases in both`, with the tag and the metric, if any."""
    tag = f" [{comparison.tag}]" if comparison.tag is not None else ""
    metric = "" if comparison.metric.name == "pass_rate" else f"{metric_name(comparison.metric)}, "
    both = "both" if len(comparison.arms) == 2 else f"all {len(comparison.arms)} arms"
    return f"{comparison.prompt}{tag}: {metric}{plural(comparison.cases, 'case')} in {both}"


def level_of(comparison: ArmsComparison) -> str:
    """Return the level of the intervals: `95 %`."""
    return f"{100 * (1 - 2 * comparison.bound.alpha):.4g} %"


def value_of_arm(arm: ArmResult, metric: Metric) -> str:
    """Return the value of an arm: `64.6 %`; of an error, its size."""
    return value_text(metric, arm.rate if arm.rate is None or metric.is_share else 0.0 - arm.rate)


def ends_of_arm(arm: ArmResult, metric: Metric) -> str:
    """Return the interval of an arm: `52 … 76`."""
    return interval_text(MetricFigure(metric, arm.rate, _turned(arm.low, arm.high, metric), 0))


def moved_by(drop: float, metric: Metric) -> str:
    """Return how far a value moved, with its sign: `−13.8 points`; of an error, `+0.4`."""
    return f"{points(-drop, 1)} points" if metric.is_share else f"{drop:+.3g}"


def ends_of_change(low: float, high: float, metric: Metric) -> str:
    """Return the interval of a difference: `−26 … −1`."""
    if metric.is_share:
        return f"{points(low)} … {points(high)}"
    low, high = _turned(low, high, metric)
    return f"{low:+.3g} … {high:+.3g}"


def _turned(low: float, high: float, metric: Metric) -> tuple[float, float]:
    return (low, high) if metric.is_share else (0.0 - high, 0.0 - low)


def headline(result: ContrastResult, comparison: ArmsComparison) -> str:
    """Return the verdict with its figures: `WORSE by 14.0 points (64.8 → 50.8 %, 95 %: −26 … −1) · p = …`."""
    word, seen, bound, metric = word_of_contrast(result), result.evidence, comparison.bound, comparison.metric
    if seen is None or seen.base_rate is None:
        return f"{word}: {result.reason}"
    moved = moved_by(seen.drop, metric)
    if result.word in ("worse", "better"):
        moved = f"by {moved.lstrip('+-−')}"
    before, after = (value if metric.is_share else 0.0 - value for value in (seen.base_rate, seen.rate))
    arms = f"{value_text(metric, before)} → {value_text(metric, after)}".replace(" % →", " →")
    text = f"{word} {moved} ({arms}, {level_of(comparison)}: {ends_of_change(seen.low, seen.high, metric)})"
    if abs(seen.drop) <= bound.margin:
        return text
    about = "these cases" if bound.about == "cases" else "inputs like these"
    inputs = (
        f", {small(result.p_inputs)} for inputs like these"
        if bound.about == "cases" and result.p_inputs is not None
        else ""
    )
    return f"{text} · p = {small(result.p)} for {about}{inputs}"


def reach_of(comparison: ArmsComparison) -> tuple[str, str, float]:
    """Return the ends of the scale of differences as they are written, what is worse first, and how far it reaches."""
    seen = [result.evidence for result in comparison.contrasts if result.evidence is not None]
    widest = max((max(abs(each.low), abs(each.high), abs(each.drop)) for each in seen), default=0.5)
    if comparison.metric.is_share:
        reach = 0.5 if widest <= 0.5 else 1.0
        return f"−{100 * reach:.0f}", f"+{100 * reach:.0f}", reach
    reach = max(widest, comparison.bound.margin) or 1.0
    return f"+{reach:.3g}", f"−{reach:.3g}", reach


def counted(result: ContrastResult) -> str:
    """Return how many cases moved: `22 worse, 10 better, 16 alike (4 fail in both)`."""
    fail = f" ({count(result.fail_in_both)} fail in both)" if result.fail_in_both else ""
    return f"{count(result.worse)} worse, {count(result.better)} better, {count(result.alike)} alike{fail}"


def case_change(change: CaseContrast, metric: Metric) -> str:
    """Return how a case moved: how often it passes, `8/8 → 0/8`, or its value in both arms."""
    if change.base is not None and change.new is not None:
        return f"{change.base[0]}/{change.base[1]} → {change.new[0]}/{change.new[1]}"
    before, after = (
        value if metric.is_share else 0.0 - value for value in (change.base_value, change.new_value)
    )
    return f"{value_text(metric, before)} → {value_text(metric, after)}"


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
