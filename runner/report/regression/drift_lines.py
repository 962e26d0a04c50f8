"""Format the results of `runner drift`, and its history as a sparkline. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import TYPE_CHECKING

from ...verdict.power import mean_variance
from ..terminal.figures import plural, points
from ..terminal.painting import DIM, GREEN, RED, YELLOW, Line
from ..terminal.terminal_text import one_line
from .gate_lines import small

if TYPE_CHECKING:
    from ...regress.drift.night import NightResult
    from ...regress.drift.night_history import NightLine

__all__ = ["drift_lines", "plot_lines"]

_WORDS = {"drift": "DRIFT", "unchecked": "NOT CHECKED"}
_STYLES = {"steady": GREEN, "better": GREEN, "watch": YELLOW, "drift": RED, "unchecked": YELLOW}
_BLOCKS = "▁▂▃▄▅▆▇█"
_MARKS = {"steady": "·", "watch": "?", "drift": "!", "better": "+"}


def drift_lines(results: Sequence[NightResult]) -> Iterator[Line]:
    """Yield the lines of each prompt: its state with the rates, the cases that fell, evidence and remarks."""
    width = max((len(one_line(result.name)) for result in results), default=0)
    for result in results:
        start = f"{one_line(result.name):{width}}  "
        word = _WORDS.get(result.word, result.word)
        yield Line(f"{start}{word}{_figures(result)}", _STYLES[result.word], len(start) + len(word))
        indent = f"{'':{width}}    "
        if result.changes:
            fell = ", ".join(
                f"{change.case} {change.base[0]}/{change.base[1]} → {change.new[0]}/{change.new[1]}"
                for change in result.changes
            )
            yield Line(f"{indent}fell furthest: {one_line(fell)}")
        for evidence in result.evidence:
            yield Line(f"{indent}{one_line(evidence)}", YELLOW)
        for note in result.notes:
            yield Line(f"{indent}{one_line(note)}", DIM)


def _figures(result: NightResult) -> str:
    seen = result.verdict
    if seen is None:
        return f": {result.reason}"
    baseline = ["the baseline"] if result.has_baseline else []
    earlier = result.earlier - seen.nights + 1
    past = " and ".join([*baseline, *([plural(earlier, "night")] if earlier else [])])
    if seen.state == "steady":
        return f"  {100 * seen.tonight:.1f} % tonight, {100 * seen.past_rate:.1f} % in {past}"
    when = "tonight" if seen.nights == 1 else f"in the last {seen.nights} nights together"
    text = (
        f"  {100 * seen.rate:.1f} % {when} (95 %: {100 * seen.low:.0f} … {100 * seen.high:.0f}),"
        f" {100 * seen.past_rate:.1f} % in {past}: {points(-seen.drop, 1)} points, p = {small(seen.p)}"
    )
    return f"{text}; one such night may be chance" if seen.state == "watch" else text


def plot_lines(name: str, nights: Sequence[NightLine], *, width: int | None = None) -> Iterator[Line]:
    """Yield the nights of a prompt as a sparkline with a scale, the state of each night below it, and the band.

    The band is where 95 % of the nights lie if nothing changes: around the rate of all nights, as wide as the samples of
    a night make it.
    """
    room = 120 if width is None else max(width - 12, 10)
    shown = nights[-room:]
    rates = [night.rate for night in shown]
    low, high = _band(nights)
    bottom = min(*rates, low)
    floor = int(bottom * 20) / 20 if bottom < 1 else 0.95
    span = 1 - floor or 0.05
    bars = "".join(
        _BLOCKS[min(int((rate - floor) / span * len(_BLOCKS)), len(_BLOCKS) - 1)] for rate in rates
    )
    marks = "".join(_MARKS.get(night.state, " ") for night in shown)
    since = f", the last {len(shown)} of them" if len(shown) < len(nights) else ""
    first, last = shown[0], shown[-1]
    yield Line(
        f"{one_line(name)}: {plural(len(nights), 'night')}{since}, {first.at[:10]} to {last.at[:10]};"
        f" last {100 * last.rate:.1f} %, {last.state}"
    )
    yield Line(f"  {'100 %':>6}  {bars}")
    yield Line(f"  {f'{100 * floor:.0f} %':>6}  {marks}", DIM)
    yield Line(f"  band {100 * low:.0f} … {100 * high:.0f} %; · steady  ? watch  ! drift  + better", DIM)


def _band(nights: Sequence[NightLine]) -> tuple[float, float]:
    totals: dict[str, tuple[int, int]] = {}
    for night in nights:
        for case, (passed, total, _) in night.cases.items():
            before = totals.get(case, (0, 0))
            totals[case] = (before[0] + passed, before[1] + total)
    counts = list(totals.values())
    middle = sum(passed / total for passed, total in counts) / len(counts)
    samples = sum(total for _, total, _ in nights[-1].cases.values())
    half = 1.96 * sqrt(mean_variance(counts) / samples)
    return max(0.0, middle - half), min(1.0, middle + half)
