"""Format the rates of a prompt, new and old, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...regress.gates.rates import Rates
from ...verdict.exact import rate
from ...verdict.intervals import difference_interval, rate_interval
from ..terminal.figures import plural, points

__all__ = ["rates_lines"]


def rates_lines(prompt: str, variant: str | None, before: Rates | None, new: Rates) -> Iterator[str]:
    """Yield `triage: 91.0 % pass (95 %: 83 … 98), 20 cases x 10 samples; was 93.0 %, −2.0 points (−6 … +2)`."""
    name = prompt if variant is None else f"{prompt}@{variant}"
    counts = [(each.passed, each.total) for each in new.cases.values()]
    low, high = rate_interval(counts)
    text = (
        f"{name}: {100 * rate(counts):.1f} % pass (95 %: {100 * low:.0f} … {100 * high:.0f}),"
        f" {plural(len(counts), 'case')} x {plural(new.samples, 'sample')}"
    )
    common = [case for case in new.cases if before is not None and case in before.cases]
    if before is not None and common:
        old = [(before.cases[case].passed, before.cases[case].total) for case in common]
        now = [(new.cases[case].passed, new.cases[case].total) for case in common]
        low, high = difference_interval(old, now)
        text += (
            f"; was {100 * rate(old):.1f} %: {points(rate(now) - rate(old), 1)} points"
            f" ({points(low)} … {points(high)})"
        )
        other = sum(before.cases[case].request != new.cases[case].request for case in common)
        if other:
            text += f", of other requests for {plural(other, 'case')}"
    yield text
