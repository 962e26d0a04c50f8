"""Write the end of a regression run: its cases by what has to be done, a sentence each, the last line. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...regress.modes import Modes
from ...regress.tally import Tally
from ..terminal.figures import count, dollars, duration, plural
from ..terminal.painting import BOLD, DIM, GREEN, RED, YELLOW, Line
from ..terminal.terminal_text import cell_width, packed, shorten, visible, wrapped
from .regression_digest import Bounded, RegressionDigest, ReportedCase
from .review_table import field_table

__all__ = ["closing_lines", "cost_of", "next_steps", "sentences", "total_lines"]

_SORT_WIDTH = 9
_ALIKE = 3


def closing_lines(digest: RegressionDigest, *, width: int | None) -> Iterator[Line]:
    """Yield the cases to look at, the gravest last, where a terminal stops; `width` is the terminal's, in columns."""
    for note, times in sorted(digest.notes.items()):
        yield Line(f"note: {visible(note)}" + (f" ({plural(times, 'case')})" if times > 1 else ""), DIM)
    yield from _files("written without a review", digest.written)
    yield from _files("no case refers to", digest.unreferenced)
    yield from _section(digest.flaky, YELLOW, width)
    yield from _section(digest.waiting, YELLOW, width)
    yield from _section(digest.outdated, YELLOW, width)
    yield from _failures(digest.failures, width)


def sentences(digest: RegressionDigest, *, unreferenced: int, modes: Modes) -> Iterator[str]:
    """Yield one sentence for each state that cases are in."""
    for sort, (one, several) in _SENTENCES.items():
        number = digest.sorts[sort]
        if number:
            yield one if number == 1 else several.format(count(number))
    if unreferenced and modes.unreferenced != "ignore":
        have, them = ("has", "it") if unreferenced == 1 else ("have", "them")
        yield f"{plural(unreferenced, 'snapshot')} {have} no case; only `runner prune` deletes {them}."


def next_steps(digest: RegressionDigest) -> Iterator[str]:
    """Yield what to do next. It is printed last, where a terminal shows it."""
    commands = list(digest.renewals())
    if commands:
        yield "To renew what is out of date:"
        yield from (f"  {command}" for command in commands)
    if digest.outdated.total or digest.waiting.total or digest.sorts["changed"]:
        yield "To review and approve: runner review"


def total_lines(
    digest: RegressionDigest, tally: Tally, *, seconds: float, complete: bool, width: int | None
) -> Iterator[Line]:
    """Yield the totals, wrapped at `width`: `12 passed, 1 failed, 2 to review in 0.31 s · 3 asked · $0.0012`."""
    parts = [f"{count(tally.passed)} passed", f"{count(tally.failed)} failed"]
    for number, words in (
        (tally.flaky, "flaky"),
        (tally.pending, "to review"),
        (tally.outdated, "out of date"),
        (tally.errors, "not checked"),
    ):
        if number:
            parts.append(f"{count(number)} {words}")
    rest = [_asked(tally)] if tally.called else []
    if tally.cached:
        rest.append(f"{count(tally.cached)} from the cache")
    if (cost := cost_of(digest, tally)) is not None:
        rest.append(dollars(cost))
    if tally.written:
        rest.append(f"{plural(tally.written, 'snapshot')} written")
    verdict = ", ".join(parts)
    stopped = "" if complete else f"stopped after {plural(tally.selected, 'case')}: "
    failed = tally.failed - tally.excused["fail"] + tally.gates_failed
    as_it_should_be = tally.passed + tally.excused.total() - tally.excused["pass"] == tally.selected
    green = complete and as_it_should_be and not tally.gates_unchecked
    style = RED if failed else GREEN if green else YELLOW
    first, *others = packed([f"{stopped}{verdict} in {duration(seconds)}", *rest], " · ", width)
    yield Line(first, style, len(stopped) + len(verdict))
    yield from map(Line, others)


def cost_of(digest: RegressionDigest, tally: Tally) -> float | None:
    """Return the cost of all calls in US dollars; None if no price is known."""
    known = [cost for cost in (digest.cost, tally.further_cost) if cost is not None]
    return sum(known) if known else None


def _asked(tally: Tally) -> str:
    """Return the number of cases with requests, and the number of calls if that differs."""
    calls = "" if tally.calls == tally.called else f" in {plural(tally.calls, 'call')}"
    return f"{count(tally.called)} asked{calls}"


def _section(few: Bounded[ReportedCase], style: str, width: int | None) -> Iterator[Line]:
    for reported in few.kept:
        yield from _case(reported, style, width)
    if few.more:
        yield Line(f"and {count(few.more)} more", BOLD)


def _failures(few: Bounded[ReportedCase], width: int | None) -> Iterator[Line]:
    """Yield cases that failed for the same reasons together: the first with its input, and the names of some others."""
    groups: dict[tuple[object, ...], list[ReportedCase]] = {}
    for reported in few.kept:
        groups.setdefault((reported.sort, reported.reason, reported.rows, reported.facts), []).append(
            reported
        )
    for first, *others in groups.values():
        lines = _case(first, RED, width)
        yield next(lines)
        if others:
            names = ", ".join(reported.name for reported in others[:_ALIKE])
            such = ": " if len(others) <= _ALIKE else ", such as "
            yield Line(f"    and {count(len(others))} more{such}{names}")
        if first.input is not None:
            text = f"input: {first.input}"
            yield Line(f"    {text if width is None else shorten(text, max(width - 5, 20))}")
        yield from lines
    if few.more:
        yield Line(f"and {count(few.more)} more", BOLD)


def _case(reported: ReportedCase, style: str, width: int | None) -> Iterator[Line]:
    sort = _WORDS.get(reported.sort, reported.sort)
    title = f"{sort:{_SORT_WIDTH}}  {reported.name}"
    whole = f"{title}  {reported.reason}" if reported.reason else title
    if width is None or cell_width(whole) <= width:
        yield Line(whole, style, len(sort))
    else:
        yield Line(title, style, len(sort))
        yield from (Line(f"    {line}") for line in wrapped(reported.reason, width - 4))
    table = field_table(reported.rows, width=None if width is None else width - 4, more=reported.more_rows)
    for number, line in enumerate(table):
        same = 0 < number <= len(reported.rows) and reported.rows[number - 1].equal
        yield Line(f"    {line}", DIM if same or number == 0 else "")
    for fact in reported.facts:
        yield from (Line(f"    {line}") for line in wrapped(fact, None if width is None else width - 4))


def _files(caption: str, few: Bounded[str]) -> Iterator[Line]:
    for file in few.kept:
        yield Line(f"{caption}: {visible(file)}", DIM)
    if few.more:
        yield Line(f"and {count(few.more)} more", DIM)


_WORDS = {"fail": "FAIL", "error": "ERROR", "changed": "CHANGED"}

_SENTENCES = {
    "new-flaky": ("1 case is flaky, and was not before.", "{} cases are flaky, and were not before."),
    "known-flaky": ("1 case is as flaky as before.", "{} cases are as flaky as before."),
    "recovered": ("1 flaky case has recovered.", "{} flaky cases have recovered."),
    "flaky": (
        "1 case is flaky: not all of its samples pass.",
        "{} cases are flaky: not all of their samples pass.",
    ),
    "new": ("1 answer is new and pending.", "{} answers are new and pending."),
    "refreshed": (
        "1 request changed but its answer did not; awaiting approval.",
        "{} requests changed but their answers did not; awaiting approval.",
    ),
    "moved": (
        "1 snapshot belongs to a renamed case or prompt; its move awaits approval.",
        "{} snapshots belong to renamed cases or prompts; their moves await approval.",
    ),
    "missing": ("1 case has no approved snapshot.", "{} cases have no approved snapshot."),
    "stale": (
        "1 request differs from the approved one.",
        "{} requests differ from the approved ones.",
    ),
    "conflict": ("1 snapshot has a merge conflict.", "{} snapshots have a merge conflict."),
    "error": ("1 case got no answer.", "{} cases got no answer."),
    "fail": (
        "1 case fails its outcome, schema or assertions.",
        "{} cases fail their outcomes, schemas or assertions.",
    ),
    "changed": ("1 answer changed beyond the rules.", "{} answers changed beyond the rules."),
}
