"""Collect the cases of a regression run that need a look: bounded lists, whatever the number of cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from shlex import quote
from typing import Generic, TypeVar

from ...regress.answers import value_of
from ...regress.results import CaseResult
from ..terminal.figures import count
from ..terminal.record_words import input_text
from ..terminal.terminal_text import one_line, shorten, visible
from .review_table import FieldRow, field_row, value_text

__all__ = [
    "SHOWN",
    "Bounded",
    "RegressionDigest",
    "ReportedCase",
    "case_name",
    "facts_of",
    "reason_of",
    "sort_of",
]

SHOWN = 20
"""At most this many cases of a sort are reported; the others are counted."""

_ROWS = 12
_FACTS = 10
_NOTES = 10
_PROMPTS = 20
_IDS = 3
_REASON = 300
_VALUE = 300
_ANSWER = 1_000
"""The columns of a value or a new answer that are kept for a summary, which has more room than a screen."""

_T = TypeVar("_T")


def case_name(result: CaseResult) -> str:
    """Return `prompt/case@variant`."""
    return f"{result.prompt}/{result.case}" + (f"@{result.variant}" if result.variant is not None else "")


@dataclass(slots=True)
class Bounded(Generic[_T]):
    """The first things of a sort, and their total number."""

    kept: list[_T] = field(default_factory=list)
    total: int = 0

    def add(self, make: Callable[[], _T]) -> None:
        """Count one thing, and make and keep it if it is among the first."""
        if len(self.kept) < SHOWN:
            self.kept.append(make())
        self.total += 1

    @property
    def more(self) -> int:
        """Return how many were not kept."""
        return self.total - len(self.kept)


@dataclass(frozen=True, slots=True)
class ReportedCase:
    """A case that the report names. `sort` is a word for its state: a kind, a status, or the verdict.

    `rows` are the differences (`more_rows` were left out), those beyond the rules first; `facts` are the failed checks,
    the hint, the samples and the notes, one per line; `input` has the variables. Everything except `file` and `case` is
    safe for a terminal. `changes` are the same rows with longer texts, and `answer` is a new answer that has nothing to
    be compared with.
    """

    sort: str
    name: str
    file: str
    case: str
    reason: str
    rows: tuple[FieldRow, ...]
    more_rows: int
    facts: tuple[str, ...]
    input: str | None
    changes: tuple[FieldRow, ...] = ()
    answer: str | None = None


@dataclass(slots=True)
class RegressionDigest:
    """Receives every case of a run; its size is bounded.

    `sorts` counts the reported cases by their sort, `answered` those with a new answer, requested or cached. `cost` is
    in US dollars, None until the first answer with a price.
    """

    seen: int = 0
    answered: int = 0
    cost: float | None = None
    sorts: Counter[str] = field(default_factory=Counter)
    failures: Bounded[ReportedCase] = field(default_factory=Bounded)
    flaky: Bounded[ReportedCase] = field(default_factory=Bounded)
    waiting: Bounded[ReportedCase] = field(default_factory=Bounded)
    outdated: Bounded[ReportedCase] = field(default_factory=Bounded)
    written: Bounded[str] = field(default_factory=Bounded)
    unreferenced: Bounded[str] = field(default_factory=Bounded)
    notes: Counter[str] = field(default_factory=Counter)
    _renewable: dict[str, Bounded[str]] = field(default_factory=dict)

    def add(self, result: CaseResult) -> None:
        """Add one case. Nothing is kept of a case that passed unchanged."""
        self.seen += 1
        if result.called or result.cached:
            self.answered += 1
            if result.cost is not None:
                self.cost = (self.cost or 0.0) + result.cost
        if result.written:
            self.written.add(lambda: result.snapshot)
        if result.verdict == "pass":
            if result.flavour is not None:
                self.sorts[result.flavour] += 1
            for note in result.notes:
                if note in self.notes or len(self.notes) < _NOTES:
                    self.notes[note] += 1
            return
        self.sorts[sort_of(result)] += 1
        if result.gated:
            return  # the gate reports the cases that fell furthest
        self._bounded(result).add(lambda: _reported(result))
        if result.verdict == "outdated" and (
            result.named in self._renewable or len(self._renewable) < _PROMPTS
        ):
            self._renewable.setdefault(result.named, Bounded()).add(lambda: result.case)

    def _bounded(self, result: CaseResult) -> Bounded[ReportedCase]:
        match result.verdict:
            case "flaky":
                return self.flaky
            case "pending":
                return self.waiting
            case "outdated":
                return self.outdated
        return self.failures

    def renewals(self) -> Iterator[str]:
        """Yield the commands that renew what is out of date: one per prompt, naming its cases if they are few."""
        for prompt, cases in self._renewable.items():
            ids = list(dict.fromkeys(cases.kept)) if cases.total <= _IDS else []
            named = "".join(f" --case {quote(visible(each))}" for each in ids)
            yield f"runner test {quote(visible(prompt))}{named} --record new_episodes"


def sort_of(result: CaseResult) -> str:
    """Return a word for the state of a case that did not pass unchanged."""
    match result.verdict:
        case "pending" if result.status == "conflict":
            return result.status
        case "pending":
            return result.kind or "pending"
        case "outdated":
            return result.status
        case "flaky":
            return result.flavour or "flaky"
        case "fail" if result.kind == "changed":
            return "changed"
    return result.verdict


def _reported(result: CaseResult) -> ReportedCase:
    rows = sorted(result.fields, key=lambda change: change.equal)
    return ReportedCase(
        sort_of(result),
        one_line(case_name(result)),
        result.file,
        result.case,
        shorten(one_line(reason_of(result)), _REASON),
        tuple(field_row(change) for change in rows[:_ROWS]),
        max(len(rows) - _ROWS, 0),
        tuple(shorten(one_line(fact), _REASON) for fact in facts_of(result)),
        input_text(result.vars),
        tuple(field_row(change, width=_VALUE) for change in rows[:_ROWS]),
        _answer_of(result),
    )


def _answer_of(result: CaseResult) -> str | None:
    """Return the proposed answer of a case that has no approved one yet."""
    if result.kind != "new" or result.basis is None or not result.basis.records:
        return None
    value = value_of(result.basis.records[0], result.basis.job.body)
    return value_text(value, width=_ANSWER)


def reason_of(result: CaseResult) -> str:
    """Return why a case is reported, in one sentence; the error if there was no answer."""
    if result.error is None:
        return result.reason
    code, status = result.error["code"], result.error["status"]
    code = code if status is None or str(status) == code else f"{status} {code}"
    return f"{code}: {result.error['message']}"


def facts_of(result: CaseResult) -> Iterator[str]:
    """Yield further details of a case: its failed checks, the hint of its error, its samples, its notes."""
    failed = [check for check in result.checks if check["passed"] is False]
    if failed and result.reason.endswith(failed[0]["message"]):
        failed = failed[1:]  # the reason already has the first
    for check in failed[:_FACTS]:
        yield f"{check['type']}{' ' + check['path'] if check['path'] else ''}: {check['message']}"
    if len(failed) > _FACTS:
        yield f"and {count(len(failed) - _FACTS)} more checks failed"
    if result.error is not None and result.error["hint"]:
        yield f"hint: {result.error['hint']}"
    if result.samples > 1:
        before = ""
        if result.agreement is not None and result.agreement[1] > 1:
            before = f"; {result.agreement[0]} of {result.agreement[1]} agreed when it was approved"
        passed = "as approved" if result.status != "missing" else "good"
        yield f"{result.passed_samples} of {result.samples} samples {passed}{before}"
    yield from result.notes[:_FACTS]
