"""Run the jobs of one attempt: journal, signals, the display's clock, and `run.json` before and after."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeAlias

from .._version import __version__
from ..endpoints.connect import Connection
from ..errors import RunnerError, StorageError
from ..masking import json_cleaner
from .journal.counters import Counters
from .journal.error_limit import ErrorLimit
from .journal.exit_codes import exit_code
from .journal.journal import Journal
from .journal.media_files import MediaFolder
from .journal.record import Record, cleaned
from .journal.stored_runs import FORMAT
from .judging import Judging, waits
from .plan.job import Job, Unit
from .pool import event_loop
from .pool.admission import Admission
from .pool.execute import Execute, admissions_of, execute
from .pool.pool_options import PoolOptions
from .pool.shutdown import Shutdown

__all__ = ["Display", "RunOutcome", "Sink", "run_jobs"]

DISPLAY_SECONDS = 0.1


class Display(Protocol):
    """Shows the progress of a run: receives each record once, and a tick ten times a second."""

    def record(self, record: Record) -> None:
        """Show a finished record, which has been counted."""

    def tick(self) -> None:
        """Refresh; called every tenth of a second."""

    def note(self, text: str) -> None:
        """Show a message that the user should see now."""


Sink: TypeAlias = Callable[[Job, Sequence[Record], int, int], None]
"""Called with the stored records of each job and their offset and length in the journal, in bytes.

If it raises StorageError, nothing new is sent, and requests in flight are still stored.
"""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended: exit code, duration, and the reason if it stopped early (`stopped`, else None)."""

    exit_code: int
    seconds: float
    stopped: str | None
    unsent: bool
    signal: int | None


def run_jobs(
    jobs: Mapping[str, Iterator[Job]],
    units: Sequence[Unit],
    connections: Mapping[str, Connection],
    *,
    journal: Journal,
    counters: Counters,
    display: Display,
    sinks: Sequence[Sink] = (),
    receive: Callable[[Job, Sequence[Record]], None] | None = None,
    options: PoolOptions | None = None,
    max_errors: ErrorLimit | None = None,
    facts: Mapping[str, Any] | None = None,
    means: Execute = execute,
    finish: Callable[[Shutdown], None] = lambda _: None,
    held: Callable[[Job], list[Record] | None] = lambda _: None,
) -> RunOutcome:
    """Run jobs (by endpoint; `units` are the units they belong to), write the journal, and show progress on `display`.

    Every record is in the journal before anything else receives it. The journal and the sinks get records without
    keys; `receive` gets the unredacted records so that it can reject one that contains a secret, and must not store
    them. `facts` are written to `run.json` as they are. `means` gets the answers: online, unless it is another one; `finish`
    is called when it can do no more, and may stop the run. `held`
    returns the answer to a job that an earlier attempt received but did not judge. `connections` include those of the
    calls that assertions need, which are always made online. Closes the journal and the cache.

    If a record cannot be stored, nothing new is sent and requests in flight are finished. Then StorageError (or the
    error from `receive`) is raised, after `run.json` has been updated; EndpointError is raised in the same way.
    """
    options = options or PoolOptions()
    shutdown = Shutdown()
    asked = {each.endpoint.name for unit in units if unit.asks for each in unit.asks.units}
    admissions = admissions_of(
        {name: connections[name] for name in dict.fromkeys([*jobs, *sorted(asked)])}, options
    )
    judging = Judging(journal.folder, held)
    keeper = _Recorder(journal, judging, connections, shutdown, counters, display, sinks, receive, max_errors)
    manifest = _Manifest(journal, units, connections, admissions, counters, facts or {})

    def save() -> None:
        judging.sync()
        manifest.save()

    options = replace(options, save=save, keep=MediaFolder(journal.folder).keep)
    started = time.monotonic()
    status, error = "complete", None

    async def first_pass(left: dict[str, Iterator[Job]]) -> None:
        drawn = {name: judging.drawn(each, partial(left.pop, name)) for name, each in left.items()}
        await means(drawn, connections, keeper.keep, options, shutdown, admissions)

    async def second_pass() -> None:
        keeper.conclude()
        calls = judging.jobs()
        if calls and not shutdown.stopping:
            quiet = replace(options, printer=None)
            await execute(calls, connections, keeper.keep_calls, quiet, shutdown, admissions)

    async def work() -> None:
        main = asyncio.current_task()
        assert main is not None
        ticker = asyncio.create_task(_tick(display))
        try:
            with shutdown.signals(main.cancel, display.note):
                left, more = dict(jobs), True
                while left and more and not shutdown.stopping:
                    await first_pass(left)
                    more = judging.is_full
                    await second_pass()
                if not shutdown.stopping:
                    finish(shutdown)
        finally:
            ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticker

    with contextlib.ExitStack() as closing:
        closing.callback(journal.close)
        closing.callback(judging.close)
        manifest.write(status="running")
        try:
            try:
                event_loop.run(work())
            finally:
                if options.cache is not None:
                    options.cache.close()
        except (asyncio.CancelledError, KeyboardInterrupt):
            status = "interrupted"
        except RunnerError as problem:
            error = problem
        error = keeper.error or error
        if error is None:
            try:
                journal.sync()  # a run is complete only once it is safely on disk
            except StorageError as problem:
                error = problem
        if error is not None:
            status = "failed"
        elif shutdown.reason is not None:
            status = "interrupted" if shutdown.signal else "stopped"
        seconds = time.monotonic() - started
        unsent = status != "complete"
        counts = counters.exit_counts(lacking=unsent, signal=shutdown.signal)
        code = error.exit_code if error else exit_code(counts)
        try:
            manifest.write(status=status, reason=shutdown.reason, exit_code=code, seconds=seconds)
        except StorageError as problem:
            error = error or problem
        if error is not None:
            raise error
    return RunOutcome(code, seconds, shutdown.reason, unsent, shutdown.signal)


class _Recorder:
    """Stores the records of each job in the journal, then passes them on. `error` is the first error that stopped it."""

    def __init__(
        self,
        journal: Journal,
        judging: Judging,
        connections: Mapping[str, Connection],
        shutdown: Shutdown,
        counters: Counters,
        display: Display,
        sinks: Sequence[Sink],
        receive: Callable[[Job, Sequence[Record]], None] | None,
        max_errors: ErrorLimit | None,
    ) -> None:
        self._journal = journal
        self._judging = judging
        self._connections = connections
        self._secrets: tuple[str, ...] = ()
        self._clean = json_cleaner(self._secrets)
        self._shutdown = shutdown
        self._counters = counters
        self._display = display
        self._sinks = list(sinks)
        self._receive = receive
        self._max_errors = max_errors
        self.error: RunnerError | None = None

    def keep(self, finished: Sequence[tuple[Job, list[Record]]]) -> None:
        """Store finished jobs: all of them are in the journal before anything else receives one.

        Answers that must be judged by calls are stored too, and wait.
        """
        try:
            finished = self._judging.take(finished, self._lines)
        except StorageError as error:
            self._stop(error)
            finished = [(job, records) for job, records in finished if not waits(records)]
        if finished:
            self._keep(finished)

    def keep_calls(self, finished: Sequence[tuple[Job, list[Record]]]) -> None:
        """Store the answers to calls, and the results that they decide."""
        try:
            self._judging.answered(finished, self._lines)
        except StorageError as error:
            self._stop(error)
        self.conclude()

    def conclude(self) -> None:
        """Store the results that calls have decided."""
        if ready := self._judging.ready():
            self._keep(ready)

    def _keep(self, finished: Sequence[tuple[Job, list[Record]]]) -> None:
        kept = [self._cleaned(records) for _, records in finished]
        data = [lines for _, lines in kept]
        try:
            offset = self._journal.append(b"".join(data))
        except StorageError as error:
            self._stop(error)
            self._sinks.clear()
            offset = 0
        for (job, unredacted), (records, _), line in zip(finished, kept, data, strict=True):
            for record in records:
                self._counters.add(record)
                self._display.record(record)
            self._pass_on(job, records, offset, len(line), unredacted)
            offset += len(line)
        if self._max_errors and (reason := self._max_errors.reached(self._counters)):
            self._shutdown.stop(reason)

    def _cleaned(self, records: list[Record]) -> tuple[Sequence[Record], bytes]:
        """Return the records of a job without keys, and their lines."""
        secrets = tuple(value for each in self._connections.values() for value in each.secrets)
        if secrets != self._secrets:  # a key was renewed
            self._secrets, self._clean = secrets, json_cleaner(secrets)
        return cleaned(records, self._clean)

    def _lines(self, records: list[Record]) -> bytes:
        return self._cleaned(records)[1]

    def _pass_on(
        self, job: Job, records: Sequence[Record], offset: int, length: int, unredacted: Sequence[Record]
    ) -> None:
        for sink in list(self._sinks):
            try:
                sink(job, records, offset, length)
            except StorageError as error:
                self._sinks.remove(sink)
                self._stop(error)
        if self._receive is not None and self.error is None:
            try:
                self._receive(job, unredacted)
            except RunnerError as error:
                self._stop(error)

    def _stop(self, error: RunnerError) -> None:
        """Send nothing new. Answers to requests in flight are still stored, because they are paid for."""
        self.error = self.error or error
        self._shutdown.stop(error.message)


async def _tick(display: Display) -> None:
    while True:
        await asyncio.sleep(DISPLAY_SECONDS)
        display.tick()


class _Manifest:
    """`run.json`: the requests and endpoints, written before the first request, and the results, written at the end."""

    def __init__(
        self,
        journal: Journal,
        units: Sequence[Unit],
        connections: Mapping[str, Connection],
        admissions: Mapping[str, Admission],
        counters: Counters,
        facts: Mapping[str, Any],
    ) -> None:
        self._journal = journal
        self._counters = counters
        self._admissions = admissions
        self._began = time.monotonic()
        self._before = float(facts.get("seconds", 0.0))
        self._facts = {
            "format": FORMAT,
            "runner": __version__,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "prompts": sorted({unit.prompt.path for unit in units}),
            "models": sorted({unit.model for unit in units}),
            "endpoints": {name: connection.base_url for name, connection in connections.items()},
            "transports": {name: connection.transport_name for name, connection in connections.items()},
            "event_loop": event_loop.loop_name(),
            **facts,
        }

    def save(self) -> None:
        """Store the journal and `run.json` so that they survive a power cut."""
        self._journal.sync()
        self.write(status="running", durable=True)

    def write(
        self,
        *,
        status: str,
        reason: str | None = None,
        exit_code: int | None = None,
        seconds: float = 0.0,
        durable: bool = False,
    ) -> None:
        self._journal.write_manifest(
            {
                **self._facts,
                "status": status,
                "reason": reason,
                "exit_code": exit_code,
                "seconds": round(self._before + seconds, 3),
                **self._counters.totals(),
                "concurrency": {
                    name: self._concurrency(admission) for name, admission in self._admissions.items()
                },
            },
            durable=durable,
        )

    def _concurrency(self, admission: Admission) -> dict[str, Any]:
        """Return how many requests were in flight at once, and how an adaptive limit changed."""
        facts = {
            "limit": admission.concurrency.now,
            "peak": admission.peak,
            "rate_limited": admission.rate_limited,
        }
        changes = [
            {"at": round(each.at - self._began, 3), "from": each.old, "to": each.new, "reason": each.reason}
            for each in admission.concurrency.changes
        ]
        return {**facts, "history": changes} if changes else facts
