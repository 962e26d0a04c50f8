"""Detect samples that are copies of each other, and so give no more information than one sample."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from .journal.record import Record
from .plan.job import Job, Unit

__all__ = ["SampleAnswers", "Sampled", "seed_remark", "temperature_of"]

MOST_CASES = 1000
"""The number of cases of a prompt whose answers are compared. More cases would add nothing."""


def seed_remark(unit: Unit, samples: int) -> str | None:
    """Return the remark about a prompt that sets a seed and is sampled more than once, or None."""
    seed = unit.fields.get("seed")
    if samples < 2 or seed is None:
        return None
    return (
        f"{_name(unit)} sets seed {seed}: its {samples} samples may all be the same;"
        " remove `seed` to see how much the answers vary"
    )


def temperature_of(unit: Unit) -> float:
    """Return the temperature of a unit's requests; 1 if it is the provider's default."""
    declared = unit.fields.get("temperature")
    if isinstance(declared, int | float):
        return float(declared)
    return 0.0 if unit.endpoint.embedded is not None else 1.0


@dataclass(slots=True)
class SampleAnswers:
    """The answers of one suite: the first of each case, and whether another sample differed from it."""

    first: dict[str, Hashable] = field(default_factory=dict)
    samples: int = 1
    differs: bool = False

    @property
    def are_copies(self) -> bool:
        """Return whether there are several samples, and those of each case are all the same answer."""
        return not self.differs and self.samples > 1

    def add(self, case: str, number: int, records: Sequence[Record]) -> None:
        """Add the records of one sample of a case, numbered from 0. A sample without an answer is ignored."""
        if self.differs or any(record["outcome"] == "error" for record in records):
            return
        answer = tuple(
            (record["outcome"], record["text"], str(record.get("tool_calls"))) for record in records
        )
        if len(self.first) < MOST_CASES or case in self.first:
            self.samples = max(self.samples, number + 1)
            if self.first.setdefault(case, answer) != answer:
                self.differs = True
                self.first.clear()


@dataclass(slots=True)
class _Seen:
    unit: Unit
    answers: SampleAnswers = field(default_factory=SampleAnswers)


@dataclass(slots=True)
class Sampled:
    """Collects every answer of a run, in bounded memory."""

    _units: dict[int, _Seen] = field(default_factory=dict)

    def take(self, job: Job, records: Sequence[Record]) -> None:
        """Add the records of one job. A job without an answer is ignored."""
        seen = self._units.setdefault(id(job.unit), _Seen(job.unit))
        seen.answers.add(job.case.id, job.sample, records)

    def is_one(self, unit: Unit) -> bool:
        """Return whether all samples of all cases are copies although they should differ.

        Samples should differ if a seed is set, or the temperature is above 0.
        """
        seen = self._units.get(id(unit))
        if seen is None or not seen.answers.are_copies:
            return False
        return unit.fields.get("seed") is not None or temperature_of(unit) > 0

    def remarks(self) -> Iterator[str]:
        """Yield one sentence for each unit whose samples are all the same."""
        for seen in self._units.values():
            if self.is_one(seen.unit):
                yield (
                    f"{_name(seen.unit)}: all {seen.answers.samples} samples of each case are the same answer,"
                    " so they tell you no more than one sample"
                )


def _name(unit: Unit) -> str:
    return unit.prompt.name if unit.variant is None else f"{unit.prompt.name}@{unit.variant}"
