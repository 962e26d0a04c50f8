"""Write the summary of a regression run in GitHub-flavoured Markdown: counts, changes, what to do. Pure.

Text from prompts, models and file names is written with character references, which Markdown never interprets as
structure (CommonMark 0.31.2, section 2.5), so that an answer cannot contain a link, an image, a mention or a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from ...regress.modes import Modes
from ...regress.tally import Tally
from ..terminal.figures import count, dollars, duration
from ..terminal.terminal_text import one_line
from .gate_lines import summary_rows
from .regression_closing import cost_of, next_steps, sentences
from .regression_digest import Bounded, RegressionDigest, ReportedCase
from .review_table import HEADERS

if TYPE_CHECKING:
    from ...engine.measured import MeasuredKey
    from ...regress.gates.gate_results import GateResult
    from ...verdict.suite_figures import Figures

__all__ = ["literal", "markdown_summary"]

_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


_MOST_GATES = 100
_MOST_LABELS = 50
_ROOM = 150_000
"""Maximum size in bytes of the cases in a section; there are four sections, and GitHub accepts 1 MiB per step."""


def literal(text: str) -> str:
    """Return text as inline code of Markdown, in which nothing acts as markup, even inside a table."""
    spelt = _PUNCTUATION.sub(lambda found: f"&#{ord(found.group())};", one_line(text))
    return f"<code>{spelt}</code>" if spelt else ""


def markdown_summary(
    digest: RegressionDigest,
    tally: Tally,
    *,
    modes: Modes,
    seconds: float,
    complete: bool,
    gates: Sequence[GateResult] = (),
) -> str:
    """Return the whole summary, with a trailing line end. Its size is far below GitHub's limit of 1 MiB."""
    lines = [f"### {_heading(tally, complete=complete)}", "", *_counts(digest, tally, seconds)]
    if gates:
        lines += ["", "#### Gates", "", "| prompt | gate | verdict |", "| --- | --- | --- |"]
        lines += [f"| {' | '.join(map(literal, row))} |" for row in summary_rows(gates[:_MOST_GATES])]
        if len(gates) > _MOST_GATES:
            lines += ["", f"and {count(len(gates) - _MOST_GATES)} more"]
    if tally.measured is not None:
        lines += _metrics(tally.measured.figures())
    for caption, few in (
        ("Failed", digest.failures),
        ("Out of date", digest.outdated),
        ("Pending", digest.waiting),
        ("Flaky", digest.flaky),
    ):
        lines += _section(caption, few)
    if digest.unreferenced.total and modes.unreferenced != "ignore":
        lines += ["", "#### Snapshots without a case", ""]
        lines += [f"- {literal(file)}" for file in digest.unreferenced.kept]
        lines += _more(digest.unreferenced)
    todo = [*sentences(digest, unreferenced=tally.unreferenced, modes=modes), *next_steps(digest)]
    if todo:
        lines += ["", "#### What to do", "", *(f"- {_sentence(each)}" for each in todo)]
    return "\n".join(lines) + "\n"


def _metrics(units: Mapping[MeasuredKey, Figures]) -> Iterator[str]:
    """Yield a table of the metrics of all prompts, and one of the labels of each."""
    from ..terminal.metric_lines import (
        LABEL_HEADERS,
        interval_text,
        label_cells,
        metric_name,
        remarks_on,
        value_text,
    )

    shown = dict(islice(units.items(), _MOST_GATES))
    yield from (
        "",
        "#### Metrics",
        "",
        "| prompt | metric | value | 95 % | cases |",
        "| --- | --- | --: | --: | --: |",
    )
    for (prompt, variant), figures in shown.items():
        name = literal(prompt if variant is None else f"{prompt}@{variant}")
        for each in figures.metrics:
            cells = (metric_name(each.metric), value_text(each.metric, each.value), interval_text(each))
            yield f"| {name} | {literal(cells[0])} | {cells[1]} | {cells[2]} | {count(each.cases)} |"
    for (prompt, variant), figures in shown.items():
        if figures.labels:
            yield from ("", f"Labels of {literal(prompt if variant is None else f'{prompt}@{variant}')}", "")
            yield f"| {' | '.join(LABEL_HEADERS)} |"
            yield "| --- " + "| --: " * (len(LABEL_HEADERS) - 1) + "|"
            for label, *rest in islice(label_cells(figures), _MOST_LABELS):
                yield f"| {literal(label)} | {' | '.join(rest)} |"
            yield from ("", *(f"- {literal(remark)}" for remark in remarks_on(figures)))


def _heading(tally: Tally, *, complete: bool) -> str:
    if not complete:
        return "Prompts: the run was stopped"
    if tally.gates_failed:
        return "Prompts: worse than their baseline"
    as_they_were = tally.passed + tally.excused.total() - tally.excused["pass"] == tally.selected
    if as_they_were and tally.excused and not tally.gates_unchecked:
        return "Prompts: no gate says worse"
    return "Prompts: as approved" if tally.passed == tally.selected else "Prompts: review needed"


def _counts(digest: RegressionDigest, tally: Tally, seconds: float) -> Iterator[str]:
    names = (
        "passed",
        "failed",
        "flaky",
        "to review",
        "out of date",
        "not checked",
        "asked",
        "calls",
        "cost",
        "time",
    )
    numbers = (
        tally.passed,
        tally.failed,
        tally.flaky,
        tally.pending,
        tally.outdated,
        tally.errors,
        tally.called,
        tally.calls,
    )
    spent = cost_of(digest, tally)
    cost = "-" if spent is None else dollars(spent)
    yield f"| {' | '.join(names)} |"
    yield "| --: " * len(names) + "|"
    yield f"| {' | '.join([*map(count, numbers), cost, duration(seconds)])} |"


def _section(caption: str, few: Bounded[ReportedCase]) -> Iterator[str]:
    if not few.total:
        return
    yield from ("", f"#### {caption}")
    room = _ROOM
    for number, reported in enumerate(few.kept):
        lines = list(_case(reported))
        room -= sum(len(line.encode("utf-8", "backslashreplace")) + 1 for line in lines)
        if room < 0:
            yield from ("", f"and {count(few.total - number)} more")
            return
        yield from lines
    yield from _more(few)


def _case(reported: ReportedCase) -> Iterator[str]:
    """Yield the lines of one case: the reason, the answer compared field by field with the approved one, and facts."""
    reason = f": {literal(reported.reason)}" if reported.reason else ""
    yield from ("", f"**{reported.sort}** {literal(reported.name)}{reason}")
    if reported.input:
        yield from ("", f"input: {literal(reported.input)}")
    if reported.changes:
        yield from ("", f"| {' | '.join(HEADERS)} |", "| --- " * len(HEADERS) + "|")
        yield from (f"| {' | '.join(map(literal, row.cells))} |" for row in reported.changes)
        yield from ("", f"and {count(reported.more_rows)} more") if reported.more_rows else ()
    if reported.answer is not None:
        yield from ("", f"answer: {literal(reported.answer)}")
    if reported.facts:
        yield from ("", *(f"- {literal(fact)}" for fact in reported.facts))


def _more(few: Bounded[ReportedCase] | Bounded[str]) -> Iterator[str]:
    if few.more:
        yield from ("", f"and {count(few.more)} more")


def _sentence(text: str) -> str:
    """Return one of our own sentences, with commands in it, which may contain file names, as code."""
    before, found, command = text.partition("runner ")
    return before.lstrip() + literal(found + command) if before.endswith((": ", "  ")) else text
