"""Format a comparison of arms for a terminal or a log. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...regress.arms.arm_results import ArmsComparison, ContrastResult
from ..regression.gate_lines import small
from ..terminal.figures import plural
from ..terminal.metric_lines import metric_name
from ..terminal.painting import BOLD, DIM, GREEN, RED, YELLOW, Line
from ..terminal.table import format_table
from ..terminal.terminal_text import cell_width, one_line, packed, shorten, wrapped
from .contrast_words import (
    case_change,
    closing,
    conclusion,
    counted,
    ends_of_arm,
    heading,
    headline,
    level_of,
    measure_change,
    reach_of,
    value_of_arm,
    word_of_contrast,
)

__all__ = ["compare_lines", "forest_bar"]

_STYLES = {"worse": RED, "better": GREEN, "held": GREEN, "inconclusive": YELLOW, "unchecked": YELLOW}
_NAMED = 6
_BAR = 41
_NAME = 32


def compare_lines(
    comparisons: Sequence[ArmsComparison], notes: Sequence[str], *, width: int | None = None
) -> Iterator[Line]:
    """Yield the lines: for each prompt its arms, each verdict with its interval and the cases that moved, and remarks."""
    for place, comparison in enumerate(comparisons):
        if place:
            yield Line("")
        yield Line(one_line(heading(comparison)), BOLD)
        if comparison.cases:
            for line in _arms_table(comparison, width).split("\n"):
                yield Line(
                    line, DIM if line.startswith("  arm") else "", None if line.startswith("  arm") else 0
                )
        for result in comparison.contrasts:
            yield from _contrast(result, comparison, width)
        if (sentence := conclusion(comparison)) is not None:
            yield Line(f"  {sentence}")
        for note in comparison.notes:
            yield from _wrapped(note, 2, width, DIM)
    for note in notes:
        yield from _wrapped(note, 0, width, DIM)
    tests = max((comparison.tests for comparison in comparisons), default=0)
    if tests > 1:
        yield Line(f"p-values are adjusted for {plural(tests, 'comparison')} (Benjamini-Hochberg)", DIM)


def _arms_table(comparison: ArmsComparison, width: int | None) -> str:
    with_models = any(arm.models and arm.models != (arm.name,) for arm in comparison.arms)
    rows = []
    for arm in comparison.arms:
        fewest, most = arm.samples
        rows.append(
            [
                "=" if arm.level else "",
                shorten(one_line(arm.name), _NAME),
                value_of_arm(arm, comparison.metric),
                ends_of_arm(arm, comparison.metric),
                str(most) if fewest == most else f"{fewest}–{most}",
                *([", ".join(arm.models)] if with_models else []),
            ]
        )
    if len(comparison.arms) > 2:
        rows[1:] = [
            row
            for _, row in sorted(
                zip(comparison.arms[1:], rows[1:], strict=True), key=lambda each: -(each[0].rate or 0.0)
            )
        ]
    value = metric_name(comparison.metric)
    headers = ["", "arm", value, level_of(comparison), "samples", *(["model"] if with_models else [])]
    return format_table(headers, rows, right=(value, "samples"), width=width and width - 2)


def _contrast(result: ContrastResult, comparison: ArmsComparison, width: int | None) -> Iterator[Line]:
    start = "  " if len(comparison.arms) == 2 else f"  {shorten(one_line(result.arm), _NAME)}: "
    text = start + one_line(headline(result, comparison))
    styled = len(start) + len(word_of_contrast(result))
    for place, line in enumerate(_broken(text, 4, width)):
        yield Line(line, _STYLES[result.word], styled if not place else 0)
    seen = result.evidence
    if seen is None:
        return
    left, right, reach = reach_of(comparison)
    bar = forest_bar(seen.low, -seen.drop, seen.high, reach=reach, margin=comparison.bound.margin)
    yield Line(f"    {left} {bar} {right}")
    yield Line(f"    {counted(result)}")
    shown = [change for change in result.changes if change.drop > 0][:_NAMED]
    if not shown:
        shown = sorted(result.changes, key=lambda change: (change.drop, change.case))[:_NAMED]
    names = max((cell_width(one_line(change.case)) for change in shown), default=0)
    for change in shown:
        name = one_line(change.case)
        alone = f"   q = {small(change.q)}" if change.q is not None and change.q < 0.1 else ""
        yield Line(
            f"      {name}{' ' * (names - cell_width(name))}  {case_change(change, comparison.metric)}{alone}"
        )
    rest = len(result.changes) - len(shown)
    if shown and rest:
        yield Line(f"      and {plural(rest, 'other')} that moved", DIM)
    measures = [measure_change(change) for change in result.measures]
    if measures:
        measures[0] = f"median of a case: {measures[0]}"
        yield from (Line(f"    {line}") for line in packed(measures, " · ", width and width - 4))
    for sentence in closing(result, comparison):
        yield from _wrapped(sentence, 4, width, DIM)


def forest_bar(
    low: float, middle: float, high: float, *, reach: float, margin: float, size: int = _BAR
) -> str:
    """Return an interval on a line from -reach to +reach: `├────●───┤`; `┆` marks no difference, `╎` the margin."""

    def place(value: float) -> int:
        return round((max(-reach, min(reach, value)) + reach) / (2 * reach) * (size - 1))

    marks = [" "] * size
    for at in range(place(low), place(high) + 1):
        marks[at] = "─"
    for value, mark in ((-margin, "╎"), (0.0, "┆"), (low, "├"), (high, "┤"), (middle, "●")):
        marks[place(value)] = mark
    return "".join(marks)


def _broken(text: str, indent: int, width: int | None) -> list[str]:
    if width is None:
        return [text]
    first, *rest = wrapped(text, width)
    following = wrapped(" ".join(rest), width - indent) if rest else []
    return [first.rstrip(), *(f"{'':{indent}}{line.rstrip()}" for line in following)]


def _wrapped(text: str, indent: int, width: int | None, style: str) -> Iterator[Line]:
    lines = wrapped(one_line(text), width - indent) if width is not None else [one_line(text)]
    for line in lines:
        yield Line(f"{'':{indent}}{line.rstrip()}", style)
