"""One stretch of a run: journal, signals, the display's clock, and what `run.json` says before and after."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from .._version import __version__
from ..endpoints.connect import Connection
from ..errors import RunnerError, StorageError
from ..masking import json_cleaner
from .journal.counters import Counters
from .journal.error_limit import ErrorLimit
from .journal.exit_codes import ExitCounts, exit_code
from .journal.journal import Journal
from .journal.record import Record, journal_line, json_line
from .journal.stored_runs import FORMAT
from .plan.plan import Job, Unit
from .pool import event_loop
from .pool.admission import Admission
from .pool.execute import admissions_of, execute
from .pool.options import Options
from .pool.shutdown import Shutdown

__all__ = ["Display", "RunOutcome", "Sink", "run_jobs"]

DISPLAY_SECONDS = 0.1


class Display(Protocol):
    """Who is told while a run goes on: each record once, and a tick ten times a second."""

    def record(self, record: Record) -> None:
        """A record is finished, and counted."""

    def tick(self) -> None:
        """A tenth of a second has passed."""

    def note(self, text: str) -> None:
        """Something a person should know now."""


Sink: TypeAlias = Callable[[Job, Sequence[Record], int, int], None]
"""Receives the records of a job that were kept, and where the journal has them, offset and length in bytes; StorageError from it stops the run, which goes on to keep what is under way."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended: its exit code, its folder, how long it took, and why it stopped early (None: it did not)."""

    exit_code: int
    folder: Path
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
    options: Options | None = None,
    max_errors: ErrorLimit | None = None,
    facts: Mapping[str, Any] | None = None,
) -> RunOutcome:
    """Run jobs (by endpoint; `units` are what they are made of) under a journal and tell `display` about it.

    Every record is in the journal before anything else hears of it. The journal and the sinks get it without keys;
    `receive` gets it as it came, to refuse what a key stands in, and must not write it. `facts` go into `run.json` as
    they are. Closes the journal and the cache. When something cannot be kept nothing new is sent, and what is under way
    is still taken in; then StorageError (or what `receive` raised) is raised, as EndpointError is, after `run.json`
    says so.
    """
    options = options or Options()
    shutdown = Shutdown()
    admissions = admissions_of({name: connections[name] for name in jobs}, options)
    keeper = _Recorder(journal, connections, shutdown, counters, display, sinks, receive, max_errors)
    told = _Manifest(journal, units, connections, admissions, counters, facts or {})
    started = time.monotonic()
    status, error = "complete", None

    async def work() -> None:
        main = asyncio.current_task()
        assert main is not None
        ticker = asyncio.create_task(_tick(display))
        try:
            with shutdown.signals(main.cancel, display.note):
                await execute(jobs, connections, keeper.keep, options, shutdown, admissions)
        finally:
            ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticker

    with contextlib.ExitStack() as closing:
        closing.callback(journal.close)
        told.write(status="running")
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
                journal.sync()  # it is not complete before it is safe
            except StorageError as problem:
                error = problem
        if error is not None:
            status = "failed"
        elif shutdown.reason is not None:
            status = "interrupted" if shutdown.signal else "stopped"
        seconds = time.monotonic() - started
        unsent = status != "complete"
        code = error.exit_code if error else _exit_code(counters, shutdown, unsent=unsent)
        try:
            told.write(status=status, reason=shutdown.reason, exit_code=code, seconds=seconds)
        except StorageError as problem:
            error = error or problem
        if error is not None:
            raise error
    return RunOutcome(code, journal.folder, seconds, shutdown.reason, unsent, shutdown.signal)


def _exit_code(counters: Counters, shutdown: Shutdown, *, unsent: bool) -> int:
    return exit_code(
        ExitCounts(
            failed=counters.failed,
            unchecked=counters.errors + unsent,
            selected=counters.done,
            signal=shutdown.signal,
        )
    )


class _Recorder:
    """Keeps the records of each job: in the journal, then everywhere else. `error` is the first that stopped it."""

    def __init__(
        self,
        journal: Journal,
        connections: Mapping[str, Connection],
        shutdown: Shutdown,
        counters: Counters,
        display: Display,
        sinks: Sequence[Sink],
        receive: Callable[[Job, Sequence[Record]], None] | None,
        max_errors: ErrorLimit | None,
    ) -> None:
        self._journal = journal
        self._clean = json_cleaner(
            value for connection in connections.values() for value in connection.secrets
        )
        self._shutdown = shutdown
        self._counters = counters
        self._display = display
        self._sinks = list(sinks)
        self._receive = receive
        self._max_errors = max_errors
        self.error: RunnerError | None = None

    def keep(self, finished: Sequence[tuple[Job, list[Record]]]) -> None:
        """Take in finished jobs: all of them are in the journal before anything else hears of one."""
        kept = [self._cleaned(records) for _, records in finished]
        data = [lines for _, lines in kept]
        try:
            offset = self._journal.append(b"".join(data))
        except StorageError as error:
            self._stop(error)
            self._sinks.clear()
            offset = 0
        for (job, came), (records, _), line in zip(finished, kept, data, strict=True):
            for record in records:
                self._counters.add(record)
                self._display.record(record)
            self._hand_on(job, records, offset, len(line), came)
            offset += len(line)
        if self._max_errors and (reason := self._max_errors.reached(self._counters)):
            self._shutdown.stop(reason)

    def _cleaned(self, records: list[Record]) -> tuple[Sequence[Record], bytes]:
        """The records and their lines without keys; those of one job stand together."""
        lines = [json_line(record) for record in records]
        clean = [self._clean(line) for line in lines]
        kept = records if clean == lines else [json.loads(line) for line in clean]
        return kept, b"".join(map(journal_line, clean))

    def _hand_on(
        self, job: Job, records: Sequence[Record], offset: int, length: int, as_they_came: Sequence[Record]
    ) -> None:
        for sink in list(self._sinks):
            try:
                sink(job, records, offset, length)
            except StorageError as error:
                self._sinks.remove(sink)
                self._stop(error)
        if self._receive is not None and self.error is None:
            try:
                self._receive(job, as_they_came)
            except RunnerError as error:
                self._stop(error)

    def _stop(self, error: RunnerError) -> None:
        """What comes from now on is still taken in, since it is paid for; nothing new is asked."""
        self.error = self.error or error
        self._shutdown.stop(error.message)


async def _tick(display: Display) -> None:
    while True:
        await asyncio.sleep(DISPLAY_SECONDS)
        display.tick()


class _Manifest:
    """`run.json`: what is asked from whom, written before the first request, and how it went, written at the end."""

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

    def write(
        self, *, status: str, reason: str | None = None, exit_code: int | None = None, seconds: float = 0.0
    ) -> None:
        self._journal.write_manifest(
            {
                **self._facts,
                "status": status,
                "reason": reason,
                "exit_code": exit_code,
                "seconds": round(self._before + seconds, 3),
                **self._counters.totals(),
                "concurrency": {name: self._told(admission) for name, admission in self._admissions.items()},
            }
        )

    def _told(self, admission: Admission) -> dict[str, Any]:
        """How many requests were under way at once, and for an adaptive limit how it was found."""
        told = {
            "limit": admission.concurrency.now,
            "peak": admission.peak,
            "rate_limited": admission.rate_limited,
        }
        changes = [
            {"at": round(each.at - self._began, 3), "from": each.old, "to": each.new, "reason": each.reason}
            for each in admission.concurrency.changes
        ]
        return {**told, "history": changes} if changes else told
