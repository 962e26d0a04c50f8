"""Format a comparison of arms in GitHub-flavoured Markdown, for a comment or a summary. Pure.

Text from prompts and models cannot be markup: see `literal`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...regress.arms.arm_results import ArmsComparison
from ..regression.gate_lines import small
from ..regression.markdown_summary import literal
from ..terminal.figures import count, plural
from ..terminal.metric_lines import metric_name
from .contrast_words import (
    case_change,
    closing,
    conclusion,
    counted,
    ends_of_arm,
    headline,
    level_of,
    measure_change,
    moved_by,
    value_of_arm,
    word_of_contrast,
)

__all__ = ["BEGINNING", "compare_markdown"]

BEGINNING = "### Comparison"
_ROWS = 20
_COMPARISONS = 50


def compare_markdown(comparisons: Sequence[ArmsComparison], notes: Sequence[str]) -> str:
    """Return the whole text, with a trailing line end."""
    worse = sum(result.word == "worse" for each in comparisons for result in each.contrasts)
    lines = [f"{BEGINNING}: {plural(worse, 'arm')} worse" if worse else f"{BEGINNING}: no arm is worse"]
    for comparison in comparisons[:_COMPARISONS]:
        lines += _section(comparison)
    if len(comparisons) > _COMPARISONS:
        lines += ["", f"and {count(len(comparisons) - _COMPARISONS)} more"]
    if notes:
        lines += ["", *(f"- {literal(note)}" for note in notes)]
    return "\n".join(lines) + "\n"


def _section(comparison: ArmsComparison) -> Iterator[str]:
    tag = f" {literal(comparison.tag)}" if comparison.tag is not None else ""
    yield from ("", f"#### {literal(comparison.prompt)}{tag}")
    if comparison.cases:
        level = level_of(comparison)
        yield from (
            "",
            f"| | arm | {literal(metric_name(comparison.metric))} | {level} | samples |",
            "| --- | --- | --: | --- | --: |",
        )
        for arm in comparison.arms:
            fewest, most = arm.samples
            samples = str(most) if fewest == most else f"{fewest}–{most}"
            value, ends = value_of_arm(arm, comparison.metric), ends_of_arm(arm, comparison.metric)
            yield f"| {'=' if arm.level else ''} | {literal(arm.name)} | {value} | {ends} | {samples} |"
    for result in comparison.contrasts:
        word = word_of_contrast(result)
        figures = headline(result, comparison).removeprefix(word)
        yield from ("", f"{literal(result.arm)}: **{word}** {literal(figures.lstrip(': '))}")
        if result.evidence is None:
            continue
        measures = [measure_change(change) for change in result.measures]
        yield from ("", f"- {counted(result)}", *(f"- {each}" for each in closing(result, comparison)))
        if measures:
            yield f"- median of a case: {' · '.join(measures)}"
        if result.changes:
            yield from ("", "| case | passes | change | q |", "| --- | --- | --: | --: |")
            for change in result.changes[:_ROWS]:
                moved, q = (
                    moved_by(change.drop, comparison.metric),
                    "" if change.q is None else small(change.q),
                )
                yield f"| {literal(change.case)} | {case_change(change, comparison.metric)} | {moved} | {q} |"
            if len(result.changes) > _ROWS:
                yield from ("", f"and {count(len(result.changes) - _ROWS)} more that moved")
    if (sentence := conclusion(comparison)) is not None:
        yield from ("", f"{sentence[0].upper()}{sentence[1:]}.")
    if comparison.notes:
        yield from ("", *(f"- {literal(note)}" for note in comparison.notes))
