"""Put the jobs of several units that are compared into one order in which they take turns.

All arms meet the server at the same time: case by case, sample by sample, one job of each arm after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, zip_longest

from .job import Job, Unit
from .plan import Plan, Preflight, Skip

__all__ = ["in_turn"]


def in_turn(
    plan: Plan,
    preflight: Preflight,
    groups: Sequence[Sequence[int]],
    samples: Callable[[Unit], range],
    skip: Skip | None = None,
) -> dict[str, Iterator[Job]]:
    """Return the jobs of some samples of each unit, by endpoint, with their places in the run.

    `groups` has the positions of the units that take turns; their cases have the same order. `skip` is as in
    `Plan.by_endpoint`. Endpoints without a job are left out.
    """
    found: dict[str, Iterator[Job]] = {}
    for name, places in plan.places_by_endpoint().items():
        turns = [[place for place in group if place in places] for group in groups]
        jobs = chain.from_iterable(_turns(plan, preflight, group, samples, skip) for group in turns if group)
        first = next(jobs, None)
        if first is not None:
            found[name] = chain((first,), jobs)
    return found


def _turns(
    plan: Plan,
    preflight: Preflight,
    places: Sequence[int],
    samples: Callable[[Unit], range],
    skip: Skip | None,
) -> Iterator[Job]:
    wanted = [samples(plan.units[place]) for place in places]
    if not any(wanted):
        return
    starts = [preflight.starts[place] for place in places]
    for number, jobs in enumerate(zip_longest(*(plan.first_samples(place, preflight) for place in places))):
        for sample in range(min(each.start for each in wanted), max(each.stop for each in wanted)):
            for job, start, each in zip(jobs, starts, wanted, strict=True):
                if job is None or sample not in each:
                    continue
                place = start + number * plan.repeat + sample
                if skip is None or not skip(job.unit, job.case, sample, place):
                    yield job._replace(sample=sample, place=place)
