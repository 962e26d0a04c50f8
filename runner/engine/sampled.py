"""Whether the samples of a run say more than one answer does: several that are copies of each other are one sample."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from .journal.record import Record
from .plan.plan import Job, Unit

__all__ = ["Sampled", "seed_remark"]

MOST_CASES = 1000
"""Of so many cases of a prompt the answers are compared. More would say nothing new."""


def seed_remark(unit: Unit, samples: int) -> str | None:
    """What is to be said of a prompt that names a seed and is asked more than once; None where nothing is."""
    seed = unit.fields.get("seed")
    if samples < 2 or seed is None:
        return None
    return (
        f"{_name(unit)} names seed {seed}: its {samples} samples may well be one sample, asked {samples} times;"
        " leave `seed` out to see how much the answers vary"
    )


def temperature_of(unit: Unit) -> float:
    """The temperature that a unit is asked with; 1 where only the provider knows it."""
    declared = unit.fields.get("temperature")
    if isinstance(declared, int | float):
        return float(declared)
    return 0.0 if unit.endpoint.embedded is not None else 1.0


@dataclass(slots=True)
class _Seen:
    """The answers of one unit: the first of each case, and whether another sample differed from it."""

    unit: Unit
    first: dict[str, Hashable] = field(default_factory=dict)
    samples: int = 1
    differs: bool = False


@dataclass(slots=True)
class Sampled:
    """Fed with every answer of a run. What it keeps has an upper bound."""

    _units: dict[int, _Seen] = field(default_factory=dict)

    def take(self, job: Job, records: Sequence[Record]) -> None:
        """Take in the records of one job. One without an answer says nothing."""
        seen = self._units.setdefault(id(job.unit), _Seen(job.unit))
        if seen.differs or any(record["outcome"] == "error" for record in records):
            return
        answer = tuple(
            (record["outcome"], record["text"], str(record.get("tool_calls"))) for record in records
        )
        if len(seen.first) < MOST_CASES or job.case.id in seen.first:
            seen.samples = max(seen.samples, job.sample + 1)
            if seen.first.setdefault(job.case.id, answer) != answer:
                seen.differs = True
                seen.first.clear()

    def is_one(self, unit: Unit) -> bool:
        """Whether all samples of all cases are copies where they should not be: with a seed, or above temperature 0."""
        seen = self._units.get(id(unit))
        if seen is None or seen.differs or seen.samples < 2:
            return False
        return unit.fields.get("seed") is not None or temperature_of(unit) > 0

    def remarks(self) -> Iterator[str]:
        """One sentence for each unit whose samples are one sample."""
        for seen in self._units.values():
            if self.is_one(seen.unit):
                yield (
                    f"{_name(seen.unit)}: all {seen.samples} samples of each case are the same answer,"
                    " so they say no more than one sample does"
                )


def _name(unit: Unit) -> str:
    return unit.prompt.name if unit.variant is None else f"{unit.prompt.name}@{unit.variant}"
