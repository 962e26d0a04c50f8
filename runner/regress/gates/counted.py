"""Count the samples of a run: how often each case passed, and its cost, tokens and latency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...engine.journal.record import Record
from ...engine.plan.job import Job, Unit
from ...wire.usage import token_count

if TYPE_CHECKING:
    from ...verdict.metrics import Sample

__all__ = ["CaseCount", "Counted", "UnitCount", "is_missing"]


def is_missing(record: Record) -> bool:
    """Return whether a sample is no evidence, because its answer did not arrive."""
    return record["outcome"] == "error" and not record["passed"]


@dataclass(slots=True)
class CaseCount:
    """The samples of one case: those that passed, those that were answered, those that got no answer.

    `samples` has what the metrics know of each answer, if the case has a label, a number, a set or a named score.
    """

    request: str
    tags: tuple[str, ...]
    group: str | None = None
    samples: list[Sample] = field(default_factory=list)
    passed: int = 0
    answered: int = 0
    missing: int = 0


@dataclass(slots=True)
class UnitCount:
    """The samples of one prompt in one variant. `outcomes` counts the outcomes of answers that did not pass."""

    unit: Unit
    cases: dict[str, CaseCount] = field(default_factory=dict)
    served: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    costs: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """Return the number of answers that were requested, whether they arrived or not."""
        return sum(case.answered + case.missing for case in self.cases.values())

    @property
    def missing(self) -> int:
        """Return the number of answers that did not arrive."""
        return sum(case.missing for case in self.cases.values())


@dataclass(slots=True)
class Counted:
    """Receive every answer of a run; keep one count per case and three numbers per call."""

    units: dict[int, UnitCount] = field(default_factory=dict)

    def take(self, job: Job, records: Sequence[Record]) -> None:
        """Count the records of one job. A wrong answer counts as failed; a missing answer is no evidence."""
        unit = self.of(job.unit)
        case = unit.cases.get(job.case.id)
        if case is None:
            case = unit.cases[job.case.id] = CaseCount(job.fingerprint, job.case.tags, job.case.group)
        for record in records:
            if is_missing(record):
                case.missing += 1
                continue
            case.answered += 1
            case.passed += record["passed"]
            if "measured" in record or "scores" in record:
                from ...engine.measured import sample_of  # with the statistics, which few runs need

                sample = sample_of(record)
                assert sample is not None, "an answer arrived"
                case.samples.append(sample)
            if not record["passed"] and record["outcome"] != "ok":
                unit.outcomes[record["outcome"]] += 1
            if record["served_model"] is not None:
                unit.served.add(record["served_model"])
        arrived = next((record for record in records if record["outcome"] != "error"), None)
        if arrived is not None:
            self._measure(unit, arrived)

    def of(self, unit: Unit) -> UnitCount:
        """Return the counts of a unit."""
        return self.units.setdefault(id(unit), UnitCount(unit))

    def _measure(self, unit: UnitCount, record: Record) -> None:
        if record["cost"] is not None:
            unit.costs.append(record["cost"])
        used = token_count(record["usage"], "total_tokens")
        if used is not None:
            unit.tokens.append(used)
        if record["latency_ms"] is not None:
            unit.latencies.append(record["latency_ms"])
