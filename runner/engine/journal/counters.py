"""Counters of a run, so that no list of records is needed."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from ...wire.usage import token_count
from .exit_codes import ExitCounts
from .record import Record, spent

if TYPE_CHECKING:
    from ..measured import MeasuredSuites

__all__ = ["Counters", "Verdicts", "is_new", "measured_with"]


@dataclass(slots=True)
class Verdicts:
    """The number of records that passed, failed (a wrong answer), or are errors (no answer to judge).

    `cost` is in US dollars, None until the first answer with a price.
    """

    passed: int = 0
    failed: int = 0
    errors: int = 0
    cost: float | None = None

    def add(self, record: Record) -> None:
        """Count one finished record. An answer from the cache costs nothing, several choices of an answer cost once."""
        if record["passed"]:
            self.passed += 1
        elif record["outcome"] == "error":
            self.errors += 1
        else:
            self.failed += 1
        if (cost := spent(record)) is not None:
            self.cost = (self.cost or 0.0) + cost


def measured_with(record: Record, suites: MeasuredSuites | None) -> MeasuredSuites | None:
    """Return the measured answers with one more record; None until there is something to measure."""
    if "measured" not in record and "scores" not in record:
        return suites
    if suites is None:
        from ..measured import MeasuredSuites  # with the statistics, which few runs need

        suites = MeasuredSuites()
    suites.add(record)
    return suites


def is_new(record: Record) -> bool:
    """Return whether a record's answer was requested in this run, and counts here as the first of its choices."""
    return not record["cached"] and not record.get("choice")


@dataclass(slots=True)
class Counters(Verdicts):
    """Running totals of a run; its size does not depend on the number of cases, except for those that are measured.

    `total` is the number of expected records (None: unknown). `measured` has the answers with a right label, number or set,
    or with a named score; None if there are none.
    """

    total: int | None = None
    done: int = 0
    cached: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    measured: MeasuredSuites | None = None

    @property
    def unfinished(self) -> int:
        """The number of expected records that are not done yet (0 if unknown)."""
        return 0 if self.total is None else max(self.total - self.done, 0)

    def exit_counts(self, *, lacking: int = 0, signal: int | None = None) -> ExitCounts:
        """Return the counts that decide the exit code. `lacking` is how much of the run was not done at all."""
        return ExitCounts(
            failed=self.failed, unchecked=self.errors + lacking, selected=self.done, signal=signal
        )

    def totals(self) -> dict[str, object]:
        """Return all counters in the form they have in `run.json`."""
        totals = asdict(replace(self, measured=None))
        del totals["measured"]
        metrics = {} if self.measured is None else {"metrics": self.measured.as_json()}
        return {**totals, "outcomes": dict(self.outcomes), **metrics}

    def add(self, record: Record) -> None:
        """Count one finished record."""
        Verdicts.add(self, record)  # super() would need the class that slots=True replaces
        self.done += 1
        self.measured = measured_with(record, self.measured)
        self.outcomes[record["outcome"]] += 1
        self.cached += record["cached"]
        self.retries += max(record["attempts"] - 1, 0)
        if is_new(record):
            usage = record["usage"]
            self.prompt_tokens += token_count(usage, "prompt_tokens") or 0
            self.completion_tokens += token_count(usage, "completion_tokens") or 0
