"""Get the answers of a test run from batches: `runner test --live --batch`.

A batch may outlive the command that submitted it. The next test run that would send the same requests, in the same
order, finds the batches in the journal of the stopped one, and collects them instead of submitting anything again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..engine.batch.batch_parts import BatchPart, parts_in
from ..engine.batch.batch_requests import refuse_embedded
from ..engine.batch.batch_run import BatchRun
from ..engine.journal.record import Record
from ..engine.plan.job import Job, Unit
from .test_attempt import TestAttempt

__all__ = ["TestBatches"]


@dataclass(slots=True)
class TestBatches:
    """The requests of a test run, with their places, and how many seconds to `wait` for their results.

    `numbering` identifies them and their order.
    """

    __test__ = False  # for pytest, which collects classes by name

    jobs: Mapping[str, Sequence[Job]]
    numbering: str
    wait: float
    stored: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, waiting: Mapping[str, Iterator[Job]], units: Sequence[Unit], wait: float) -> TestBatches:
        """Draw all jobs and number them. Raises UsageError for an endpoint that has no batches."""
        refuse_embedded(units)
        digest, place = hashlib.sha256(), 0
        numbered: dict[str, list[Job]] = {}
        for name, jobs in waiting.items():
            of_endpoint = numbered[name] = []
            for job in jobs:
                of_endpoint.append(job._replace(place=place))
                digest.update(f"{name}\n{job.key}\n{job.sample}\n{job.fingerprint}\n".encode())
                place += 1
        return cls(numbered, f"sha256:{digest.hexdigest()}", wait)

    @property
    def facts(self) -> Mapping[str, Any]:
        """What `run.json` says about them; the list of batches is kept up to date."""
        return {"numbering": self.numbering, "batches": self.stored}

    def unanswered(
        self, test: TestAttempt, take: Callable[[Job, Sequence[Record]], None]
    ) -> dict[str, list[Job]]:
        """Return the jobs without an answer in the journal of `test`; `take` receives the records of the others."""
        return {name: list(test.unanswered(iter(jobs), take)) for name, jobs in self.jobs.items()}

    def run(self, test: TestAttempt, left: Mapping[str, Sequence[Job]]) -> BatchRun:
        """Return the run of the batches that `test` began, and of the jobs that are `left`."""
        parts: list[BatchPart] = parts_in(test.attempt.facts, test.attempt.journal.id)
        self.stored[:] = [part.as_json() for part in parts]

        def again() -> dict[str, Iterator[Job]]:
            return {name: (job for job in jobs if test.held(job) is None) for name, jobs in left.items()}

        return BatchRun(test.attempt.journal.id, again, parts, self.stored, self.wait)
