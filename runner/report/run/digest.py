"""Collect what the console shows of a run: running tallies and bounded lists, whatever the number of cases."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeVar

from ...engine.journal.counters import Verdicts, is_new
from ...engine.journal.record import Record
from ..terminal.figures import count, duration
from ..terminal.record_words import (
    RecordStatus,
    answer,
    error_text,
    failed_checks,
    input_text,
    label,
    reason,
    status,
)

__all__ = ["FAILURES", "SMALL", "Digest", "Failure", "Next", "RecordRow", "Totals"]

SMALL = 24
"""A run of at most this many records shows each of them, with its answer."""

FAILURES = 20
"""At most this many different failures are explained; the others are counted."""

_ALIKE = 3

_CASES = 40
_PROMPTS = 200
_VARIANTS = 50
_FACTS = 10
_EXCERPT = 2000

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


@dataclass(slots=True)
class Totals(Verdicts):
    """Totals over some records; `word` is the verdict on the last one, for the tally of a single record.

    `seconds` sums the latency of the `timed` answers.
    """

    seconds: float = 0.0
    timed: int = 0
    word: str = ""

    @property
    def total(self) -> int:
        """Return the number of records counted."""
        return self.passed + self.failed + self.errors

    def add(self, record: Record) -> None:
        """Count one record; a cached answer adds no time."""
        Verdicts.add(self, record)  # super() would need the class that slots=True replaces
        self.word = status(record)
        if self.word == "FAIL" and record["outcome"] != "ok":
            self.word = record["outcome"]
        if record["latency_ms"] is not None and is_new(record):
            self.seconds += record["latency_ms"] / 1000
            self.timed += 1


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record of a small run. `text` is the answer, or why it did not pass; `note` is its time, or `cached`."""

    status: RecordStatus
    prompt: str
    name: str
    text: str | None
    note: str


@dataclass(slots=True)
class Failure:
    """Records that did not pass for the same reasons: the first of them, and their number.

    `facts` are pairs of a caption (a check and its path) and a message; `alike` names the first of the others.
    """

    status: RecordStatus
    label: str
    facts: tuple[tuple[str, str], ...]
    input: str | None
    answer: str | None
    number: int = 1
    alike: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Next:
    """What can be done after a run. `stopped` is why it ended early; the others are a path and two commands."""

    results: str | None = None
    show: str | None = None
    stopped: str | None = None
    resume: str | None = None


@dataclass(slots=True)
class Digest:
    """Receives every record; its size is bounded.

    `rows` has all records of a run of at most SMALL records, otherwise none. `cases` maps (prompt, case), and `prompts`
    the prompt, to a tally for each variant; `cases_whole` and `prompts_whole` say whether there was room for all.
    `failures` are explained, `unexplained` counts the others; `row_of` returns a record's row in a file, if known.
    `sampled` says whether any case has several samples; `unpriced` counts paid answers without a known price.
    """

    rows: list[RecordRow] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    seen: int = 0
    not_passed: int = 0
    unexplained: int = 0
    unpriced: int = 0
    sampled: bool = False
    cases: dict[tuple[str, str], dict[str | None, Totals]] = field(default_factory=dict)
    prompts: dict[str, dict[str | None, Totals]] = field(default_factory=dict)
    variants: dict[str | None, Totals] = field(default_factory=dict)
    cases_whole: bool = True
    prompts_whole: bool = True
    row_of: Callable[[Record], int | None] = lambda _: None
    _groups: dict[Hashable, Failure] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Add one record."""
        self.seen += 1
        self.sampled = self.sampled or record["sample"] > 0
        if self.seen <= SMALL:
            self.rows.append(_row(record))
        else:
            self.rows.clear()
        if not record["passed"]:
            self.not_passed += 1
            self._explain(record)
        if record["attempts"] and record["cost"] is None and record["outcome"] != "error":
            self.unpriced += 1
        self._tally(record)

    def _explain(self, record: Record) -> None:
        facts = _facts(record)
        key = (status(record), facts)
        group = self._groups.get(key)
        if group is not None:
            group.number += 1
            if len(group.alike) < _ALIKE:
                group.alike.append(label(record))
        elif len(self._groups) < FAILURES:
            said = _beginning(answer(record))
            given = input_text(record["vars"], self.row_of(record))
            self._groups[key] = Failure(status(record), label(record), facts, given, said)
            self.failures.append(self._groups[key])
        else:
            self.unexplained += 1

    def _tally(self, record: Record) -> None:
        variant = record["variant"]
        whole = _of(self.variants, variant, _VARIANTS, Totals)
        if whole is None:
            self.cases_whole = self.prompts_whole = False
            return
        whole.add(record)
        of_case = _of(self.cases, (record["prompt"], record["case"]), _CASES, dict[str | None, Totals])
        if of_case is not None:
            _tally_of(of_case, variant).add(record)
        else:
            self.cases_whole = False
        of_prompt = _of(self.prompts, record["prompt"], _PROMPTS, dict[str | None, Totals])
        if of_prompt is not None:
            _tally_of(of_prompt, variant).add(record)
        else:
            self.prompts_whole = False


def _tally_of(tallies: dict[str | None, Totals], variant: str | None) -> Totals:
    """Return the variant's own tally; there cannot be more variants here than in the whole run."""
    found = tallies.get(variant)
    if found is None:
        found = tallies[variant] = Totals()
    return found


def _of(kept: dict[_K, _V], key: _K, most: int, new: Callable[[], _V]) -> _V | None:
    """Return `kept[key]`, created if missing; None if there is no room for another key."""
    found = kept.get(key)
    if found is None and len(kept) < most:
        found = kept[key] = new()
    return found


def _row(record: Record) -> RecordRow:
    passed = status(record) == "pass"
    text = answer(record) if passed else reason(record)
    if passed and record["outcome"] != "ok":
        text = f"{record['outcome']} as expected: {text}" if text else f"{record['outcome']} as expected"
    note = "cached" if record["cached"] else _time(record)
    return RecordRow(status(record), record["prompt"], label(record, prompt=False), _beginning(text), note)


def _time(record: Record) -> str:
    return "" if record["latency_ms"] is None else duration(record["latency_ms"] / 1000)


def _facts(record: Record) -> tuple[tuple[str, str], ...]:
    """Return why a record did not pass. Records with equal facts are reported together."""
    facts: list[tuple[str, str]] = []
    problem = error_text(record)
    if problem is not None:
        facts.append(("error", problem))
    if record["error"] is not None and record["error"]["hint"]:
        facts.append(("hint", record["error"]["hint"]))
    if record["outcome"] not in ("ok", "error") or (record["detail"] and problem is None):
        facts.append((record["outcome"], record["detail"] or ""))
    facts += (
        (f"{check['type']} {check['path'] or ''}".rstrip(), check["message"])
        for check in failed_checks(record)
        # An expected ok goes without saying; the actual outcome is shown above.
        if not (check["type"] == "outcome" and check["message"].startswith("expected ok"))
    )
    shown = [(caption, _beginning(text) or "") for caption, text in facts[:_FACTS]]
    if len(facts) > _FACTS:
        shown.append(("...", f"and {count(len(facts) - _FACTS)} more"))
    return tuple(shown)


def _beginning(text: str | None) -> str | None:
    return text if text is None or len(text) <= _EXCERPT else text[:_EXCERPT] + "…"
