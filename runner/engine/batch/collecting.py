"""Turn the results of a batch into records: read, judged and priced as the same answers would be online."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...endpoints.connect import Connection
from ...wire.batch_lines import ResultLine, mark_of, reply_of
from ...wire.reply import Reply
from ..journal.record import Record
from ..plan.job import Job
from ..pool.admission import Admission
from ..pool.pool import Emit
from ..pool.pool_options import PoolOptions
from ..pool.result import records_of
from ..pool.shutdown import Shutdown
from .result_files import ResultFiles

__all__ = ["Collection", "marks_of", "read_line", "records_in_batch"]

_TOGETHER = 256
"""Answers that are stored in one step."""


def marks_of(job: Job) -> list[str]:
    """Return the beginnings of fingerprints that the custom_id of a request may have."""
    return [mark_of(fingerprint) for fingerprint in job.fingerprints()]


def read_line(job: Job, line: ResultLine, connection: Connection) -> Reply:
    """Return the result of a request of a batch."""
    return reply_of(
        line,
        job.unit.dialect,
        request=job.unit.fields,
        finish_reasons=connection.endpoint.finish_reasons,
        limits=connection.limits,
    )


def records_in_batch(job: Job, reply: Reply, connection: Connection) -> list[Record]:
    """Return the records of a request that was answered in a batch."""
    return records_of(
        job,
        reply,
        latency_ms=None,
        attempts=1,
        cached=False,
        batch=True,
        secret_values=connection.secrets,
    )


@dataclass(slots=True)
class Collection:
    """Collects the results in `files`. `missing` counts the requests without one."""

    files: ResultFiles
    missing: int = 0

    async def carry_out(
        self,
        jobs: Mapping[str, Iterator[Job]],
        connections: Mapping[str, Connection],
        emit: Emit,
        _options: PoolOptions,
        shutdown: Shutdown,
        _admissions: Mapping[str, Admission],
    ) -> None:
        """Emit the records of the jobs that have a result. See `execute`."""
        finished: list[tuple[Job, list[Record]]] = []
        for name, of_endpoint in jobs.items():
            connection = connections[name]
            for job in of_endpoint:
                if shutdown.stopping:
                    break
                assert job.place is not None
                line = self.files.take(job.place, marks_of(job))
                if line is None:
                    self.missing += 1
                    continue
                finished.append((job, records_in_batch(job, read_line(job, line, connection), connection)))
                if len(finished) == _TOGETHER:
                    emit(finished)
                    finished = []
                    await asyncio.sleep(0)  # for signals and the display
        if finished:
            emit(finished)

    def finish(self, shutdown: Shutdown) -> None:
        """Stop the run if results are missing."""
        if self.missing:
            text = "1 request has" if self.missing == 1 else f"{self.missing:,} requests have"
            shutdown.stop(f"{text} no result")
