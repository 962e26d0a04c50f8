"""Get answers from batches: write the lines, submit each batch once, wait, and collect the results into the journal.

What must not be lost is in `run.json` before it matters: a batch and its token before it is created, the id of its input
before the batch is. If the answer to the creation is lost, the service is asked whether it has the batch; only one that
it does not have is created again.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Any, BinaryIO, TypeVar

from ...endpoints.batch_service import BatchService, BatchState, ServiceError, Sought
from ...endpoints.connect import Connection
from ...errors import EndpointError, StorageError, UsageError
from ...wire.batch_lines import LineId
from ...wire.reply import ProviderError, Reply
from ..journal.record import Record
from ..plan.job import Job
from ..pool.admission import Admission
from ..pool.execute import execute
from ..pool.pool import Emit
from ..pool.pool_options import PoolOptions
from ..pool.retry import backoff, delay_before_retry
from ..pool.shutdown import Shutdown
from .batch_parts import BatchPart, PartWriter, PlaceSet
from .batch_requests import BatchKind, kind_of, line_of, reckoned_cost
from .cached import cached_records, remember
from .collecting import marks_of, read_line, records_in_batch
from .result_files import ResultFiles
from .services import service_of

__all__ = ["BatchRun"]

T = TypeVar("T")

FIRST_POLL, LONGEST_POLL = 1.0, 60.0
"""Seconds between two questions for the state of a batch, unless the service says otherwise: doubled each time."""

SETTLE = 10.0
"""For so many seconds after a lost creation, a batch that the service does not list yet may still appear."""

_TOGETHER = 256
_OFTEN = 1000
_TRIES = 4
"""How often the results of a completed batch are fetched if lines are missing in them."""

_QUEUE_FULL = frozenset({"token_limit_exceeded", "batch_limit_exceeded", "enqueued_token_limit_exceeded"})


@dataclass(slots=True)
class _Open:
    """A batch that the run waits for: when to ask for its state again, and what was found so far."""

    part: BatchPart
    due: float
    delay: float = FIRST_POLL
    tries: int = 0


@dataclass(slots=True)
class BatchRun:
    """An `Execute` that uses batches. `again` returns the jobs without an answer once more, each time it is called.

    `parts` are the batches of earlier attempts; new ones are added. `stored` is the list in `run.json`, which is kept
    equal to them. `wait` is how many seconds to wait for results, 0 to ask once. Without `submits`, requests that are
    in no batch are sent online.
    """

    run: str
    again: Callable[[], Mapping[str, Iterator[Job]]]
    parts: list[BatchPart]
    stored: list[dict[str, Any]]
    wait: float
    submits: bool = True
    _reason: str | None = None

    async def carry_out(
        self,
        jobs: Mapping[str, Iterator[Job]],
        connections: Mapping[str, Connection],
        emit: Emit,
        options: PoolOptions,
        shutdown: Shutdown,
        admissions: Mapping[str, Admission],
    ) -> None:
        """Submit, wait and collect. See `execute`.

        Raises EndpointError if a service refuses a batch or cannot be reached, UsageError for a request that no batch
        can have.
        """
        work = _Work(self, connections, emit, options, shutdown)
        shutdown.on_wake(work.woken.set)
        async with AsyncExitStack() as opened:
            for connection in connections.values():
                await opened.enter_async_context(connection)
            await work.settle()
            if self.submits:
                with contextlib.ExitStack() as files:
                    await work.submit(await work.written(jobs, files))
            else:
                rest = {name: work.not_submitted(each) for name, each in jobs.items()}
                await execute(rest, connections, emit, options, shutdown, admissions)
                work.reconnect()
            self._reason = await work.wait()

    def finish(self, shutdown: Shutdown) -> None:
        """Stop the run if it has batches that have not ended."""
        if self._reason is not None:
            shutdown.stop(self._reason)


class _Work:
    """One attempt of a BatchRun."""

    def __init__(
        self,
        run: BatchRun,
        connections: Mapping[str, Connection],
        emit: Emit,
        options: PoolOptions,
        shutdown: Shutdown,
    ) -> None:
        self.woken = asyncio.Event()
        self._run = run
        self._connections = connections
        self._emit = emit
        self._options = options
        self._shutdown = shutdown
        self._services: dict[tuple[str, str], BatchService] = {}  # by endpoint and wire format
        self._until = time.monotonic() + run.wait
        self._new: dict[int, float] = {}
        self._problems: list[EndpointError] = []
        self._later: str | None = None

    # --- what all steps use -----------------------------------------------------------------------------------------

    @property
    def _open(self) -> list[BatchPart]:
        return [part for part in self._run.parts if not part.closed]

    def _save(self) -> None:
        self._run.stored[:] = [part.as_json() for part in self._run.parts]
        self._options.save()

    def _service(self, endpoint: str, api: str) -> BatchService:
        found = self._services.get((endpoint, api))
        if found is None:
            found = service_of(self._connections[endpoint], api, self._options.trace)
            self._services[endpoint, api] = found
        return found

    def reconnect(self) -> None:
        """Forget the connections of calls, which someone else has closed."""
        self._services.clear()

    async def _pause(self, seconds: float) -> bool:
        """Wait so long, or until the run is stopped. Return whether it goes on."""
        self.woken.clear()
        until = time.monotonic() + max(seconds, 0.001)
        while not self._shutdown.stopping and (left := until - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self.woken.wait()
            self.woken.clear()
        return not self._shutdown.stopping

    async def _call(self, endpoint: str, make: Callable[[], Awaitable[T]]) -> T:
        """Make a call that may be repeated, and repeat it after transient failures. Raises ServiceError."""
        retries = self._connections[endpoint].endpoint.max_retries
        retry = 0
        while True:
            try:
                return await make()
            except ServiceError as failed:
                delay = delay_before_retry(failed.error, retry=retry, max_retries=retries, seconds_left=inf)
                if delay is None or self._shutdown.stopping:
                    raise
            retry += 1
            await self._pause(delay)

    def _sought(self, part: BatchPart) -> Sought:
        known = frozenset(other.id for other in self._run.parts if other.id is not None)
        return Sought(
            part.token, self._run.run, part.part, part.url, part.lines, part.since, part.file, known
        )

    # --- the batches of earlier attempts ----------------------------------------------------------------------------

    async def settle(self) -> None:
        """Find out whether the batches whose creation was not confirmed exist. Those that do not are dropped."""
        for part in list(self._run.parts):
            if part.closed or part.id is not None:
                continue
            if part.state == "uploading":
                self._run.parts.remove(part)  # a batch is created only after its file is known
                self._save()
                continue
            service = self._service(part.endpoint, part.api)
            try:
                found = await self._seek(part, service)
            except ServiceError as failed:
                raise _refused(
                    f"{part.name}, which may have been submitted, cannot be looked for", failed
                ) from None
            if found == "unknown":
                continue  # asked again while waiting
            self._attach(part, found if isinstance(found, BatchState) else None)

    def _attach(self, part: BatchPart, found: BatchState | None) -> None:
        if found is None:
            self._run.parts.remove(part)
        else:
            part.id, part.state = found.id, found.state
            self._options.notice(
                f"found {part.name}, whose creation was not confirmed: it is not submitted again"
            )
        self._save()

    async def _seek(self, part: BatchPart, service: BatchService) -> BatchState | str | None:
        """Look for a batch until it is found, or cannot appear any more."""
        while True:
            found = await self._call(part.endpoint, lambda: service.find(self._sought(part)))
            if found is not None:
                return found
            left = SETTLE - (datetime.now(UTC) - part.since).total_seconds()
            if left <= 0:
                return None
            if self._shutdown.stopping:
                return "unknown"
            await self._pause(min(left, 1.0))

    # --- writing ----------------------------------------------------------------------------------------------------

    def _in_flight(self) -> dict[str, list[PlaceSet]]:
        found: dict[str, list[PlaceSet]] = {}
        for part in self._open:
            found.setdefault(part.endpoint, []).append(PlaceSet(part.places))
        return found

    def not_submitted(self, jobs: Iterator[Job]) -> Iterator[Job]:
        """Yield the jobs that are in none of the batches."""
        in_flight = self._in_flight()
        for job in jobs:
            if not _has(in_flight.get(job.unit.endpoint.name, ()), job):
                yield job

    async def written(
        self, jobs: Mapping[str, Iterator[Job]], files: contextlib.ExitStack
    ) -> list[PartWriter]:
        """Write the lines of the jobs that are in none of the batches, divided by model, lines and bytes.

        `files` closes the temporary files.
        """
        writers: list[PartWriter] = []
        current: dict[BatchKind, PartWriter] = {}
        number = 0

        def begin(kind: BatchKind) -> PartWriter:
            writer = current[kind] = PartWriter(kind)
            files.callback(writer.file.close)
            writers.append(writer)
            return writer

        for of_endpoint in jobs.values():
            for job in self.not_submitted(of_endpoint):
                assert job.place is not None
                number += 1
                if number % _OFTEN == 0:
                    await asyncio.sleep(0)  # for signals and the display
                    if self._shutdown.stopping:
                        return []
                if self._options.cache is not None:
                    connection = self._connections[job.unit.endpoint.name]
                    if (records := cached_records(job, connection, self._options.cache)) is not None:
                        self._emit([(job, records)])
                        continue
                kind = kind_of(job.unit)
                service = self._service(kind.endpoint, kind.api)
                writer = current.get(kind)
                if writer is None:
                    writer = begin(kind)
                line = self._line(job, writer, service)
                if writer.lines >= service.limits.lines or writer.size + len(line) > service.limits.size:
                    writer = begin(kind)
                    line = self._line(job, writer, service)
                try:
                    writer.add(job.place, line)
                except OSError as error:
                    raise StorageError(
                        f"the temporary file of a batch cannot be written: {error.strerror or error}"
                    ) from None
                if self._options.budget is not None:
                    cost = reckoned_cost(job)
                    assert cost is not None, "refuse_unreckonable was called"
                    writer.reckoned += cost
        return writers

    def _line(self, job: Job, writer: PartWriter, service: BatchService) -> bytes:
        line = line_of(job, writer.token[:8] if service.tokens_in_lines else None, service.line)
        if len(line) > service.limits.size:
            raise UsageError(
                f"the request of {job.unit.prompt.name}/{job.case.id} has {len(line):,} bytes, and a batch"
                f" {service.limits.size:,} at most",
                location=job.case.location,
            )
        return line

    # --- submitting -------------------------------------------------------------------------------------------------

    async def submit(self, writers: Sequence[PartWriter]) -> None:
        """Submit each batch once, unless that could cost more than --max-cost."""
        if not self._affords(sum(writer.reckoned for writer in writers)):
            return
        for writer in writers:
            if self._shutdown.stopping:
                break
            number = 1 + max((part.part for part in self._run.parts), default=0)
            base_url = self._connections[writer.kind.endpoint].base_url
            part = writer.part(number, base_url, reckoned=self._options.budget is not None)
            self._run.parts.append(part)
            self._save()
            await self._submit(part, writer)
            writer.file.close()

    def _affords(self, more: float) -> bool:
        budget = self._options.budget
        if budget is None:
            return True
        in_flight = sum(part.reckoned or 0.0 for part in self._open)
        if budget.spent + in_flight + more <= budget.dollars:
            return True
        self._shutdown.stop(
            f"--max-cost {budget.dollars:g}: the batches may cost up to ${more:.4f},"
            f" and ${budget.spent + in_flight:.4f} is spent or submitted"
        )
        return False

    async def _submit(self, part: BatchPart, writer: PartWriter) -> None:
        service = self._service(part.endpoint, part.api)
        body = service.file_of(writer.file, writer.size, f"runner-{self._run.run}-{part.part}.jsonl")
        try:
            part.file = await self._call(part.endpoint, lambda: service.upload(body))
            state = await self._create(part, service, body)
        except ServiceError as failed:
            self._run.parts.remove(part)
            self._save()
            if not failed.error.spent:
                raise _refused("the batch was not accepted", failed) from None
            self._shutdown.stop(_spent(failed.error))
            return
        if state is None:
            return
        part.id, part.state = state.id, state.state
        self._new[part.part] = state.wait or FIRST_POLL
        self._save()
        self._options.notice(
            f"submitted {part.name}: {part.lines:,} requests to {part.model or part.endpoint} ({part.state})"
        )

    async def _create(self, part: BatchPart, service: BatchService, body: Any) -> BatchState | None:
        """Create a batch. Return None if it is not known whether it exists. Raises ServiceError if it does not."""
        retries = self._connections[part.endpoint].endpoint.max_retries
        retry = 0
        while True:
            part.stamp("submitting")
            self._save()
            try:
                return await service.create(self._sought(part), body)
            except ServiceError as failed:
                if failed.uncertain:
                    self._options.notice(f"{part.name}: {failed.error.message}: looking for it")
                    found = await self._sought_after(part, service)
                    if found == "unknown":
                        return None
                    if isinstance(found, BatchState):
                        return found
                delay = delay_before_retry(failed.error, retry=retry, max_retries=retries, seconds_left=inf)
                if delay is None or self._shutdown.stopping:
                    raise
                if failed.error.status == 429:
                    self._options.notice(f"rate limited by {part.endpoint}: waiting {delay:.3g} s")
            retry += 1
            if not await self._pause(delay):
                raise ServiceError(ProviderError("stopped", "the run was stopped"), uncertain=False)

    async def _sought_after(self, part: BatchPart, service: BatchService) -> BatchState | str | None:
        """Look for a batch; "unknown" if even that fails: the next attempt looks for it."""
        try:
            return await self._seek(part, service)
        except ServiceError as failed:
            self._options.notice(f"{part.name} cannot be looked for: {failed.error.message}")
            return "unknown"

    # --- waiting ----------------------------------------------------------------------------------------------------

    async def wait(self) -> str | None:
        """Ask for the state of each batch from time to time, and collect those that have ended.

        Return the reason why the run has no more answers for now, if it has not all.
        """
        now = time.monotonic()
        waiting = [_Open(part, now + self._new.get(part.part, 0.0)) for part in self._open]
        while waiting and not self._shutdown.stopping:
            each = min(waiting, key=lambda one: one.due)
            if each.due > now and each.due > self._until:
                break
            if not await self._pause(each.due - time.monotonic()):
                break
            await self._ask(each)
            waiting = [one for one in waiting if not one.part.closed and one.part in self._run.parts]
            now = time.monotonic()
        if self._problems and not self._shutdown.stopping:
            raise self._problems[0]
        if waiting:
            count = len(waiting)
            return f"{'1 batch is' if count == 1 else f'{count} batches are'} still in progress"
        return self._later

    async def _ask(self, each: _Open) -> None:
        part = each.part
        service = self._service(part.endpoint, part.api)
        each.delay, delay = min(each.delay * 2, LONGEST_POLL), each.delay
        try:
            state = await self._state(part, service)
        except ServiceError as failed:
            if not failed.error.retryable:
                raise _refused(f"{part.name} cannot be asked for", failed) from None
            self._options.notice(f"{part.name}: {failed.error.message}; asking again")
            each.due = time.monotonic() + max(failed.error.retry_after or 0.0, backoff(each.tries), delay)
            return
        if state is None:
            each.due = time.monotonic() + delay
            return
        if state.state != part.state:
            part.state = state.state
            self._save()
            self._options.notice(f"{part.name}: {_progress(state)}")
        each.due = time.monotonic() + (state.wait or delay)
        if state.phase == "ended":
            each.tries += 1
            if await self._collect(part, state, service, last=each.tries >= _TRIES):
                part.closed = True
                self._save()
        elif state.phase == "refused":
            await self._refuse(part, state)

    async def _state(self, part: BatchPart, service: BatchService) -> BatchState | None:
        """Return the state of a batch; None while it is not known whether it exists."""
        if part.id is not None:
            return await service.state(part.id)
        found = await service.find(self._sought(part))
        if found == "unknown":
            return None
        assert not isinstance(found, str)
        if found is None:
            self._later = f"{part.name} was never created: --resume submits its requests"
        self._attach(part, found)
        return found

    async def _refuse(self, part: BatchPart, state: BatchState) -> None:
        """Report a batch that was refused as a whole. Nothing of it was answered, and nothing is paid."""
        part.closed = True
        self._save()
        if any(each.code in _QUEUE_FULL for each in state.invalid):
            self._options.notice(
                f"{part.name} was refused, because too much is queued: {state.invalid[0].message};"
                " --resume submits its requests again"
            )
            self._later = f"{part.name} was refused, because too much is queued at {part.endpoint}"
            return
        reasons = []
        for each in state.invalid[:3]:
            where = f"line {each.line}{self._case_at(part, each.line)}: " if each.line else ""
            reasons.append(f"{where}{each.message or each.code}{f' ({each.code})' if each.code else ''}")
        more = f", and {len(state.invalid) - 3} more errors" if len(state.invalid) > 3 else ""
        what = "; ".join(reasons) or "it gave no reason"
        error = EndpointError(
            f"{part.endpoint} refused {part.name}: {what}{more}",
            hint="nothing of it was answered or paid for: mend the requests, and start a new run",
        )
        self._options.notice(error.message)
        self._problems.append(error)

    def _case_at(self, part: BatchPart, line: int) -> str:
        """Return the case on a line of a batch, in parentheses."""
        places = PlaceSet(part.places)
        number = 0
        for job in self._run.again().get(part.endpoint, iter(())):
            if job.place is not None and job.place in places:
                number += 1
                if number == line:
                    return f" ({job.unit.prompt.name}/{job.case.id})"
        return ""

    # --- collecting -------------------------------------------------------------------------------------------------

    async def _collect(
        self, part: BatchPart, state: BatchState, service: BatchService, *, last: bool
    ) -> bool:
        """Store the results of a batch that has ended. Return False if they are not complete yet."""
        places = PlaceSet(part.places)
        token = part.line_token if service.tokens_in_lines else None

        def known(name: LineId) -> bool:
            return name.place in places and name.token == token

        with contextlib.ExitStack() as opened:
            files: list[tuple[str, BinaryIO]] = []
            for name in state.files:
                file = opened.enter_context(tempfile.TemporaryFile())
                try:
                    await self._call(
                        part.endpoint,
                        lambda name=name, file=file: service.download(state, name, file),  # type: ignore[misc]
                    )
                except ServiceError as failed:
                    if not last:
                        self._options.notice(
                            f"{part.name}: its results are not there yet: {failed.error.message}"
                        )
                        return False
                    raise _refused(f"the results of {part.name} cannot be downloaded", failed) from None
                files.append((f"{part.name}, {name}", file))
            results = ResultFiles(files, known)
            if not last and state.state in ("completed", "ended") and len(results) < part.lines:
                self._options.notice(
                    f"{part.name}: {len(results):,} of {part.lines:,} results are there; asking again"
                )
                return False
            stored = await self._store(part, state, places, results)
            for refusal in results.refusals.lines():
                self._options.notice(f"refused: {refusal}")
        return stored

    async def _store(
        self, part: BatchPart, state: BatchState, places: PlaceSet, results: ResultFiles
    ) -> bool:
        connection = self._connections[part.endpoint]
        finished: list[tuple[Job, list[Record]]] = []
        lacking, spent = 0, None
        for job in self._run.again().get(part.endpoint, iter(())):
            assert job.place is not None
            if job.place not in places:
                continue
            line = results.take(job.place, marks_of(job))
            if line is None:
                lacking += 1
            reply = _without_result(state) if line is None else read_line(job, line, connection)
            if line is not None and self._options.cache is not None:
                remember(job, line, reply, connection, self._options.cache)
            if reply.error is not None and reply.error.spent:
                spent = reply.error
            finished.append((job, records_in_batch(job, reply, connection)))
            if len(finished) == _TOGETHER:
                self._emit(finished)
                finished = []
                await asyncio.sleep(0)  # for signals and the display
                if self._shutdown.stopping and self._shutdown.signal is None:
                    return False  # results cannot be stored: the next attempt collects them
            if job.place == places.last:
                break
        if finished:
            self._emit(finished)
        if spent is not None:
            self._shutdown.stop(_spent(spent))
        if lacking:
            self._options.notice(
                f"{part.name}: {lacking:,} of its requests have no result ({state.state}); --resume sends them again"
            )
        return True


def _has(parts: Sequence[PlaceSet], job: Job) -> bool:
    return any(job.place in places for places in parts if job.place is not None)


def _progress(state: BatchState) -> str:
    if state.total is None:
        return state.state
    failed = f", {state.failed:,} failed" if state.failed else ""
    return f"{state.state}, {state.completed or 0:,} of {state.total:,} done{failed}"


def _without_result(state: BatchState) -> Reply:
    messages = {
        "expired": "The batch expired before this request was answered.",
        "cancelled": "The batch was cancelled before this request was answered.",
        "canceled": "The batch was cancelled before this request was answered.",
    }
    code = f"batch_{state.state}" if state.state in messages else "batch_without_result"
    message = messages.get(state.state, "The results of the batch do not have this request.")
    return Reply(error=ProviderError(code, message))


def _spent(error: ProviderError) -> str:
    return f"the provider reports that credit or quota is spent ({error.message})"


def _refused(what: str, failed: ServiceError) -> EndpointError:
    error = failed.error
    status = f" (status {error.status})" if error.status is not None else ""
    return EndpointError(f"{what}: {error.message}{status}", hint=error.hint)
