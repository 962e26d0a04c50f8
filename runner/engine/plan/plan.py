"""The plan of a run: prompts x variants x cases x samples, as a lazy stream of ready-to-send jobs.

Nothing is kept in memory per case. `preflight` walks the whole stream once before anything is sent, so that a mistake in
the last row of a data file costs nothing. The run then reads the jobs that the preflight has spooled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import CaseError, NothingSelectedError, RunnerError, UsageError, raise_all
from ...files.inputs import MAX_COLUMNS
from ...files.model import Case
from .job import Job, Unit, choices
from .shard import Shard

if TYPE_CHECKING:
    from .spool import Spool

__all__ = ["Plan", "Preflight", "Skip"]

MAX_PROBLEMS = 20
"""How many mistakes in cases are reported at once; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """The totals of a run: the number of jobs and of records (choices).

    `starts` has the place in the whole run at which the jobs of each unit begin, and finally the end of the run; it does
    not depend on the shard. `spool` has the jobs that need not be rendered again, if a spool was given. `columns` are the
    columns of the rows that are not variables.
    """

    jobs: int
    records: int
    starts: tuple[int, ...]
    spool: Spool | None = None
    columns: tuple[str, ...] = ()

    def cases_of(self, units: Sequence[Unit]) -> dict[int, int]:
        """Map the `id()` of each of the plan's units to its number of cases."""
        ends = self.starts[1:]
        return {id(unit): end - start for unit, start, end in zip(units, self.starts, ends, strict=False)}


Skip = Callable[[Unit, Case, int, int], bool]
"""Called with the unit, case, sample and index of each job, in order; returns whether the job is skipped."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The units of a run and the source of their cases; `repeat` samples of each case, only those of `shard` if given."""

    units: tuple[Unit, ...]
    cases: Callable[[Unit], Iterator[Case]]
    repeat: int = 1
    shard: Shard | None = None

    def jobs(self, preflight: Preflight | None = None) -> Iterator[Job]:
        """Yield every job: unit by unit, case by case, then sample by sample; from the preflight's spool if it has one."""
        for place in range(len(self.units)):
            for job in self.first_samples(place, preflight):
                if job is not None:
                    for sample in range(self.repeat):
                        yield job._replace(sample=sample)

    def by_endpoint(
        self,
        preflight: Preflight,
        skip: Skip | None = None,
        foreign: Callable[[int], None] = lambda _: None,
    ) -> dict[str, Iterator[Job]]:
        """Return the same jobs with their places in the run, by endpoint.

        `foreign` is called with the places of the jobs of other shards.
        """
        return {
            name: self._placed(places, preflight, skip, foreign)
            for name, places in self.places_by_endpoint().items()
        }

    def places_by_endpoint(self) -> dict[str, list[int]]:
        """Return the positions of the units of each endpoint, by its name."""
        places: dict[str, list[int]] = {}
        for place, unit in enumerate(self.units):
            places.setdefault(unit.endpoint.name, []).append(place)
        return places

    def _placed(
        self,
        places: Sequence[int],
        preflight: Preflight,
        skip: Skip | None,
        foreign: Callable[[int], None],
    ) -> Iterator[Job]:
        for place in places:
            index = preflight.starts[place]
            for job in self.first_samples(place, preflight):
                if job is None:
                    for other in range(index, index + self.repeat):
                        foreign(other)
                elif skip is None and self.repeat == 1:
                    yield job
                else:
                    for sample in range(self.repeat):
                        if skip is None or not skip(job.unit, job.case, sample, index + sample):
                            yield job._replace(sample=sample, place=index + sample)
                index += self.repeat

    def first_samples(self, place: int, preflight: Preflight | None) -> Iterator[Job | None]:
        """Yield the job of the first sample of each case of the unit at `place`, or None for a case of another shard."""
        unit = self.units[place]
        if preflight is None:
            for case in self.cases(unit):
                yield unit.job(case) if self._has(unit, case) else None
            return
        index, spool = preflight.starts[place], preflight.spool
        kept = spool.kept(place) if spool else 0
        if spool:
            yield from spool.jobs(place, unit)
        if kept * self.repeat == preflight.starts[place + 1] - index:
            return
        for number, case in enumerate(self.cases(unit)):
            if number >= kept:
                yield unit.job(case, 0, index + number * self.repeat) if self._has(unit, case) else None

    def more_samples(
        self, preflight: Preflight | None, samples: Callable[[Unit], range]
    ) -> dict[str, Iterator[Job]]:
        """Return, by endpoint, the jobs of further samples of all cases, as many as each unit needs."""
        return {
            name: self._more(places, preflight, samples)
            for name, places in self.places_by_endpoint().items()
            if any(samples(self.units[place]) for place in places)
        }

    def _more(
        self, places: Sequence[int], preflight: Preflight | None, samples: Callable[[Unit], range]
    ) -> Iterator[Job]:
        for place in places:
            wanted = samples(self.units[place])
            for job in self.first_samples(place, preflight) if wanted else ():
                if job is not None:
                    for sample in wanted:
                        yield job._replace(sample=sample, place=None)

    def _has(self, unit: Unit, case: Case) -> bool:
        return self.shard is None or self.shard.has(unit.prompt.file, case.id, unit.variant)

    def preflight(self, visit: Callable[[Job], None] | None = None, spool: Spool | None = None) -> Preflight:
        """Load, validate and render every case without sending anything; call `visit` with the job of its first sample.

        `spool` stores these jobs for `by_endpoint`. Raises Problems (all mistakes, the first twenty in full) or
        NothingSelectedError.
        """
        jobs = records = index = 0
        starts: list[int] = []
        columns: dict[str, None] = {}
        problems: list[RunnerError] = []
        more = 0
        for unit in self.units:
            starts.append(index)
            if spool is not None:
                spool.begin()
            cases = self.cases(unit)
            while True:
                try:
                    case = next(cases, None)
                    if case is None:
                        break
                    place = index
                    index += self.repeat
                    if case.row and not case.row.keys() <= columns.keys():
                        columns.update(dict.fromkeys(case.row))
                        _limit_columns(columns, case)
                    unit.prepare(case)
                    job = unit.job(case, 0, place) if self._has(unit, case) else None
                    if spool is not None:
                        spool.add(job)
                    if job is None:
                        continue
                    if visit is not None:
                        visit(job)
                except RunnerError as error:
                    if len(problems) < MAX_PROBLEMS:
                        problems.append(error)
                    else:
                        more += 1
                    continue
                jobs += self.repeat
                records += self.repeat * choices(unit.fields)
        if more:
            problems.append(UsageError(f"and {more} more mistakes in the cases"))
        raise_all(problems)
        if not index:
            raise NothingSelectedError("nothing to run: no prompt has a case")
        if spool is not None:
            spool.end()
        return Preflight(jobs, records, (*starts, index), spool, tuple(columns))


def _limit_columns(columns: Mapping[str, None], case: Case) -> None:
    if len(columns) > MAX_COLUMNS:
        raise CaseError(
            f"the rows have more than {MAX_COLUMNS:,} different columns that are not variables",
            location=case.location,
            hint="put values whose names differ from row to row into one column, as an object",
        )
