"""Format the results of a run's gates as lines, as rows of a table, and for annotations. Pure.

Points are percentage points, with the sign `−` or `+`; an interval is written `from … to`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..terminal.figures import count, dollars, plural, points
from ..terminal.painting import DIM, GREEN, RED, YELLOW, Line
from ..terminal.terminal_text import one_line

if TYPE_CHECKING:
    from ...regress.gates.gate_results import CaseChange, GateResult

__all__ = ["details", "gate_lines", "headline", "small", "summary_rows", "total_line", "word_of"]

_STYLES = {"held": GREEN, "worse": RED, "inconclusive": YELLOW, "unchecked": YELLOW, "skipped": DIM}

_WORDS = {"worse": "WORSE", "inconclusive": "INCONCLUSIVE", "unchecked": "NOT CHECKED", "skipped": "gate"}


def word_of(result: GateResult) -> str:
    """Return the word for a verdict, for people."""
    return _WORDS.get(result.word, result.word)


def gate_lines(results: Sequence[GateResult]) -> Iterator[Line]:
    """Yield a line or two for each gate, and one for all of them."""
    skipped = [result for result in results if result.word == "skipped"]
    if len(skipped) > 1 and len(skipped) == len(results) and len({result.reason for result in results}) == 1:
        yield Line(f"{plural(len(results), 'gate')} {results[0].reason}", DIM)
        return
    width = max((len(one_line(result.name)) for result in results), default=0)
    for result in sorted(results, key=lambda result: result.outcome != "ok"):
        name, gate = one_line(result.name), one_line(result.gate)
        start = f"{name:{width}}  {gate}  "
        word = word_of(result)
        yield Line(start + headline(result), _STYLES[result.word], len(start) + len(word))
        for detail in details(result):
            yield Line(f"{'':{width}}    {one_line(detail)}", DIM)
    if any(result.word != "skipped" for result in results):
        yield total_line(results)


def headline(result: GateResult) -> str:
    """Return the verdict with its figures: `WORSE by 14.0 points (64.8 → 50.8 %, 95 %: −26 … −1)`."""
    word, seen, bound = word_of(result), result.evidence, result.bound
    if result.reason:
        return f"{word}: {result.reason}" if result.word != "skipped" else result.reason
    if result.limit is not None and result.value is not None:
        return f"{word}: {_amount(result, result.value)}, at most {_amount(result, result.limit)}"
    assert seen is not None
    assert bound is not None
    level = f"{100 * (1 - 2 * bound.alpha):.4g} %"
    if result.metric.lower_is_better:
        assert bound.least is not None
        ends = f"{level}: {-seen.high:.3g} … {-seen.low:.3g}"
        return f"{word}: {-seen.rate:.3g} ({ends}), at most {-bound.least:g}{_p(result)}"
    if bound.least is not None:
        least = f"{100 * bound.least:.4g}"
        return f"{word}: {100 * seen.rate:.1f} % ({level}: {100 * seen.low:.0f} … {100 * seen.high:.0f}), at least {least}{_p(result)}"
    assert seen.base_rate is not None
    change = (
        f"by {100 * seen.drop:.1f} points" if result.word == "worse" else f"{points(-seen.drop, 1)} points"
    )
    arms = f"{100 * seen.base_rate:.1f} → {100 * seen.rate:.1f} %"
    ends = f"{points(seen.low)} … {points(seen.high)}"
    return f"{word} {change} ({arms}, {level}: {ends}){_p(result)}"


def _p(result: GateResult) -> str:
    """Return the p-values, if the rate fell far enough for a test."""
    seen, bound = result.evidence, result.bound
    if seen is None or bound is None or result.p is None or seen.drop <= bound.margin:
        return ""
    if bound.least is not None:
        return f" · p = {small(result.p)}"
    about = "these cases" if bound.about == "cases" else "inputs like these"
    inputs = (
        f", {small(seen.p_inputs)} for inputs like these"
        if bound.about == "cases" and seen.p_inputs is not None
        else ""
    )
    return f" · p = {small(result.p)} for {about}{inputs}"


def details(result: GateResult) -> Iterator[str]:
    """Yield further details: the cases that fell furthest, the number of calls, the detectable drop, remarks."""
    seen = result.evidence
    if seen is not None and seen.base_rate is not None and (result.worse or result.better):
        named = ", ".join(map(_change, result.changes))
        more = ", …" if result.worse > len(result.changes) else ""
        cases = f": {named}{more}" if named and seen.drop > 0 else ""
        yield f"{count(result.worse)} worse, {count(result.better)} better{cases}"
    parts = []
    if seen is not None and result.calls:
        saved = f", {count(result.saved)} saved" if result.saved else ""
        parts.append(f"{plural(seen.cases, 'case')}, {plural(result.calls, 'call')}{saved}")
    if result.finds is not None:
        parts.append(f"finds drops of {100 * result.finds:.0f} points 4 times in 5")
    if parts:
        yield " · ".join(parts)
    yield from result.notes


def total_line(results: Sequence[GateResult]) -> Line:
    """Return the totals: `gates: 1 worse, 2 held (Benjamini-Hochberg over 3)`."""
    words = [result.word for result in results if result.word != "skipped"]
    parts = [
        f"{count(words.count(word))} {label}"
        for word, label in (
            ("worse", "worse"),
            ("inconclusive", "inconclusive"),
            ("unchecked", "not checked"),
            ("held", "held"),
        )
        if word in words
    ]
    tests = sum(result.evidence is not None for result in results)
    over = f" (Benjamini-Hochberg over {tests})" if tests > 1 else ""
    style = RED if "worse" in words else YELLOW if {"inconclusive", "unchecked"} & set(words) else GREEN
    text = f"{'gate' if len(words) == 1 else 'gates'}: {', '.join(parts)}"
    return Line(text + over, style, len(text))


def summary_rows(results: Sequence[GateResult]) -> Iterator[tuple[str, str, str]]:
    """Yield the cells of a table: the prompt, the gate, and its verdict with figures and remarks."""
    for result in results:
        yield result.name, result.gate, "; ".join([headline(result), *details(result)])


def _change(change: CaseChange) -> str:
    return f"{change.case} {change.base[0]:.3g}/{change.base[1]} → {change.new[0]:.3g}/{change.new[1]}"


def _amount(result: GateResult, value: float) -> str:
    if result.label.startswith("cost"):
        return dollars(value)
    return f"{value:,.0f} tokens" if result.label.startswith("tokens") else f"{value:,.0f} ms"


def small(p: float) -> str:
    """Return a p-value: `.020`, `8.4e-04`."""
    return f"{p:.1e}" if p < 0.001 else f"{p:.3f}".removeprefix("0")
