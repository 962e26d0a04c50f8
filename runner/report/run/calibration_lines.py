"""The lines that say how far a judge can be trusted. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...verdict.agreement import Cells, Preferences, TrustWord, kappa
from ...verdict.intervals import wilson
from ..terminal.terminal_text import visible

__all__ = ["Disagreement", "calibration_lines", "pairwise_lines"]

_MOST = 10


class Disagreement(NamedTuple):
    """A label that the judge contradicts: its row, what the judge said each time, and its reason."""

    row: int
    label: str
    said: Sequence[str]
    reason: str


def calibration_lines(
    title: str, cells: Cells, undecided: int, same: float, word: TrustWord, wrong: Sequence[Disagreement]
) -> Iterator[str]:
    """Yield the table, the rates with their intervals, the word, and the worst disagreements."""
    yield f"{visible(title)}: {sum(cells) + undecided} labels"
    yield "               judge: pass   fail"
    yield f"  label pass     {cells.passed_right:11} {cells.passed_wrong:6}   {_rate('TPR', cells.passed_right, cells.passing)}"
    yield f"  label fail     {cells.failed_wrong:11} {cells.failed_right:6}   {_rate('TNR', cells.failed_right, cells.failing)}"
    if undecided:
        yield f"  undecided: {undecided}, which are in no other figure"
    found = kappa(cells) if sum(cells) else None
    agreement = (
        f"kappa {found[0]:.2f} ± {1.96 * found[1]:.2f}"
        if found
        else "no kappa: one side always says the same"
    )
    yield f"{agreement} · twice the same verdict: {same:.0%}"
    yield _WORDS[word]
    if wrong:
        yield f"the judge contradicts {len(wrong)} labels" + (", such as:" if len(wrong) > _MOST else ":")
    # A judge that contradicts a label both times is the surest of its error.
    for each in sorted(
        wrong,
        key=lambda each: (-len(set(each.said) - {each.label}) - each.said.count(each.said[0]), each.row),
    )[:_MOST]:
        yield f"  row {each.row}: label {each.label}, judge {' and '.join(each.said)}: {visible(each.reason)[:200]}"


_WORDS = {
    "good": "good: use its verdicts as they are",
    "usable with correction": "usable with correction: single verdicts are often wrong; `runner run` corrects the pass rate",
    "do not use": "do not use: its verdicts say too little about the labels",
}


def pairwise_lines(title: str, found: Preferences, agreed: int, count: int) -> Iterator[str]:
    """Yield how often a judge of pairs agrees with the labels, and whether it prefers a seat."""
    yield f"{visible(title)}: {count} pairs, each in both orders"
    yield f"  {_rate('agrees with the label', agreed, count)}"
    yield f"  decided in both orders alike: {found.decided} ({found.decided / count:.0%}); otherwise it is a tie"
    if (seat := found.first_seat) is not None:
        share, (low, high) = seat
        bias = (
            "a bias, which judging in both orders cancels" if not low <= 0.5 <= high else "no bias is visible"
        )
        yield f"  the first seat won {share:.0%} (95 %: {low:.0%} to {high:.0%}): {bias}"


def _rate(name: str, hits: int, of: int) -> str:
    if not of:
        return f"{name} unknown"
    low, high = wilson(hits, of)
    return f"{name} {hits / of:.0%} (95 %: {low:.0%} to {high:.0%})"
