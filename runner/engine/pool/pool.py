"""The worker pool of one endpoint: N workers pull jobs from an iterator, each with its own connection.

No task, future or list per case: only the jobs in flight and those waiting for a retry are in memory.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import NamedTuple

from ...endpoints.base import Request, Response, Transport, TransportError
from ...endpoints.connect import Connection
from ...endpoints.credentials import Credentials
from ...errors import ConfigError, RunnerError
from ...files.addresses import key_headers
from ...masking import mask
from ...wire.dialect import Dialect
from ...wire.reply import Outcome, ProviderError, Reply
from ...wire.usage import token_count
from ..journal.record import Record
from ..plan.job import Job, Unit
from .admission import Admission
from .answer_cache import CacheEntry, ResponseCache, RunCache
from .breaker import Breaker
from .budget import Budget
from .concurrency import limit_of
from .fd_limit import room_for
from .limiter import Limiter
from .pool_options import DEFAULT_WORKERS, PoolOptions
from .queue import JobQueue, QueuedJob
from .result import cost_of, records_of
from .retry import delay_before_retry
from .rotation import Turns
from .shutdown import Shutdown

__all__ = ["Emit", "Pool", "admission_of", "all_ok", "first_error", "identity_in_cache"]

Emit = Callable[[Sequence[tuple[Job, list[Record]]]], None]
"""Receives finished jobs, each with the records of all its choices; may raise an error to end the run."""

MOST_TARGETS = 1000
"""How many units' destinations are remembered; a program may run a prompt with ever new overrides."""

RETRIES_BEFORE_FIRST_ANSWER = 2
"""Refused connections are retried fewer times if the endpoint has never answered: it is probably down."""


def admission_of(connection: Connection, options: PoolOptions, *, of: int = 1) -> Admission:
    """Return the admission control of an endpoint: its concurrency is that of the options, else its own, else 16.

    `of`: number of endpoints sharing the process's file-descriptor limit.
    """
    endpoint = connection.endpoint
    default = connection.default_concurrency or DEFAULT_WORKERS
    limiter = Limiter(endpoint.rpm, endpoint.tpm) if endpoint.rpm or endpoint.tpm else None

    def room(most: int) -> int:
        there = max(1, room_for(most * of * len(connection.places)) // (of * len(connection.places)))
        if there < most:
            options.notice(
                f"{there} requests at once to {endpoint.name}, not {most}: the limit on open files is too low (ulimit -n)"
            )
        return there

    limit = limit_of(options.workers, endpoint.concurrency, default=default, room_for=room)
    return Admission(limit, limiter, options.budget)


class Completion(NamedTuple):
    """A completed request and its result: a response, or the reason why there is none. Times are monotonic seconds."""

    queued: QueuedJob
    result: Response | TransportError
    started: float
    finished: float


class Target(NamedTuple):
    """The destination of a unit's requests, and its identity in cache keys."""

    url: str
    headers: Mapping[str, str]
    identity: str


class Pool:
    """The workers of one endpoint. `emit` receives the records of every finished job."""

    def __init__(
        self,
        connection: Connection,
        jobs: Iterator[Job],
        admission: Admission,
        *,
        shutdown: Shutdown,
        emit: Emit,
        options: PoolOptions,
        breaker: Breaker | None = None,
    ) -> None:
        self._connection = connection
        self._name = connection.endpoint.name
        self._timeout = connection.endpoint.timeout
        self._max_retries = connection.endpoint.max_retries
        self._admission = admission
        self._shutdown = shutdown
        self._emit = emit
        self._budget: Budget | None = options.budget
        self._cache: RunCache | None = options.cache
        self._printer = options.printer
        self._notice = options.notice
        self._trace = options.trace
        self._keep = options.keep
        self._breaker = breaker or Breaker()
        self._queue = JobQueue(jobs, shutdown, resolve=self._resolve, admit=self._admit)
        self._places = connection.places
        self._turns = Turns(len(self._places))
        self._completed: list[Completion] = []
        self._workers = 0
        self._group: asyncio.TaskGroup | None = None
        self._targets: dict[tuple[int, int], tuple[Unit, int, Target]] = {}
        self._keyed = any(key_headers(place.endpoint) for place in self._places)
        admission.wakers.append(self._queue.wake)
        shutdown.on_wake(self._abandon)

    def leave(self) -> None:
        """Share the admission control no longer."""
        self._admission.wakers.remove(self._queue.wake)

    async def run(self) -> None:
        """Work until the jobs are used up or the run is stopped. May be called again if there are more jobs."""
        try:
            async with asyncio.TaskGroup() as group:
                self._hire(group)
        except BaseExceptionGroup as failures:
            raise first_error(failures) from None
        finally:
            self._process_completions()  # answers that had arrived when the workers were cancelled
            self._finish_billed()

    def _finish_billed(self) -> None:
        """Finish the jobs whose retry is not sent any more, and whose failed attempts were paid for."""
        billed = [each for each in self._queue.retries() if each.cost_before(None) is not None]
        if billed:
            self._finish([(queued, queued.failure, None) for queued in billed if queued.failure is not None])

    @property
    def is_running(self) -> bool:
        """Whether a worker is at work, or looks for a job."""
        return self._workers > 0

    def more(self) -> None:
        """Note, while it is running, that there are more jobs, although there were none when it looked."""
        assert self._group is not None
        self._hire(self._group)
        self._queue.wake()

    def _hire(self, group: asyncio.TaskGroup) -> None:
        if self._workers < self._admission.concurrency.most:
            self._workers += 1
            self._group = group
            group.create_task(self._work(group))

    async def _work(self, group: asyncio.TaskGroup) -> None:
        try:
            await self._serve(group)
        finally:
            self._workers -= 1

    async def _serve(self, group: asyncio.TaskGroup) -> None:
        has_hired = False
        while (queued := await self._queue.next()) is not None:
            if not has_hired:  # each worker with a job starts the next worker, since there may be few jobs
                has_hired = True
                self._hire(group)
            completion = await self._exchanged(queued)
            self._completed.append(completion)  # to the list of now: it was replaced in the meantime
            # Answers that arrive at the same time are processed together, by the worker that runs next.
            await asyncio.sleep(0)
            self._process_completions()

    async def ask(self, job: Job, *, is_final: Callable[[], bool] = lambda: False) -> list[Record]:
        """Send one job, with its retries, in the task of the caller, and return its records once it is judged.

        It waits for admission after those who asked before. If the run is stopping, it is not sent, and its record has the
        error `not_sent`. There is no retry once `is_final` returns True. Cancelling the caller cancels the request.
        """
        queued = QueuedJob(time.monotonic(), 0, job)
        while True:
            if not await self._queue.admitted(queued):
                return self._records(queued, queued.failure or self._not_sent(), None)
            completion = await self._exchanged(queued)
            reply = self._read(completion)
            delay = self._settle(completion, reply, final=is_final())
            self._admission.wake()
            if delay is None:
                latency_ms = (completion.finished - completion.started) * 1000
                return self._records(queued, reply, latency_ms)
            await asyncio.sleep(delay)

    def _not_sent(self) -> Reply:
        reason = self._shutdown.reason or "the deadline has passed"
        return Reply(error=ProviderError("not_sent", f"not sent: {reason}", retryable=True))

    def _abandon(self) -> None:
        """Stop waiting for a model download when the run is stopped."""
        if self._shutdown.stopping:
            self._connection.abandon()

    # --- before a request is sent -----------------------------------------------------------------------------------

    def _resolve(self, queued: QueuedJob, now: float) -> bool:
        """Finish a job that need not be sent: it is in the cache, or its deadline has passed. Return whether it was."""
        if queued.failure is not None and now >= queued.deadline:
            self._finish([(queued, queued.failure, None)])
            return True
        if self._cache is None or queued.attempts:
            return False
        job = queued.job
        entry = self._cache.get(self._cache_key(job))
        if entry is None:
            return False
        reply = self._reply(job, entry.status, {"content-type": entry.content_type}, entry.body)
        if not all_ok(reply):  # stored when it was read differently; only ok answers are used
            return False
        if self._printer:
            self._printer.whole(job, reply)
        self._finish([(queued, reply, None)], cached=True)
        return True

    def _admit(self, queued: QueuedJob, now: float) -> float:
        tokens = queued.job.estimate if self._admission.counts_tokens else 0.0
        wait = self._admission.admit(tokens, now)
        if wait == inf and self._budget and self._budget.exhausted:
            self._shutdown.stop(
                f"--max-cost {self._budget.dollars:g}: {self._budget.spent:.4f} has been spent"
            )
        return wait

    async def _exchanged(self, queued: QueuedJob) -> Completion:
        """Send an admitted job. If this fails or is cancelled, its place is free again."""
        try:
            # Reuse the most recent transport first, so that no more connections are open than were needed at once.
            place = self._next_place(queued)
            transport = place.idle.pop() if place.idle else place.transport()
            try:
                return await self._ask(queued, place, transport)
            finally:
                place.idle.append(transport)
        except BaseException:
            self._admission.release()
            self._admission.wake()
            raise

    # --- a request and its result -----------------------------------------------------------------------------------

    def _next_place(self, queued: QueuedJob) -> Connection:
        """Return the place that this attempt is sent to, and note it."""
        if self._turns.several:
            queued.place = self._turns.take(time.monotonic(), queued.place)
        return self._places[queued.place or 0]

    async def _ask(self, queued: QueuedJob, place: Connection, transport: Transport) -> Completion:
        job = queued.job
        started = time.monotonic()
        if not queued.attempts:
            queued.deadline = started + self._timeout
        queued.attempts += 1
        result: Response | TransportError
        try:
            if (keys := place.credentials) is not None:
                if keys.is_due:
                    await _renew(keys)
                queued.key = keys.version
            target = self._target(job.unit, queued.place or 0)
            result = await transport.send(
                Request(
                    "POST", target.url, target.headers, self._data(job, stream=self._printer is not None)
                ),
                timeout=queued.deadline - started,
                on_bytes=self._printer.begin(job) if self._printer else None,
            )
        except TransportError as error:
            result = error
        return Completion(queued, result, started, time.monotonic())

    def _process_completions(self) -> None:
        """Process all completed requests, one step for all of them after the other.

        Repeating one step is much faster than running all steps in turn, whose code does not fit the processor's cache.
        """
        completed, self._completed = self._completed, []
        if not completed:
            return
        replies = [self._read(completion) for completion in completed]
        concluded = [
            (completion, reply)
            for completion, reply in zip(completed, replies, strict=True)
            if self._is_over(completion, reply)
        ]
        self._finish(
            [
                (completion.queued, reply, (completion.finished - completion.started) * 1000)
                for completion, reply in concluded
            ]
        )
        if self._cache is not None:
            for completion, reply in concluded:
                self._remember(self._cache, completion, reply)
        if self._budget:
            self._shutdown.wake()
        else:
            self._admission.wake()

    def _read(self, completion: Completion) -> Reply:
        result = completion.result
        if isinstance(result, TransportError):
            return Reply(
                error=ProviderError(result.kind, result.message, retryable=result.retryable, hint=result.hint)
            )
        return self._reply(completion.queued.job, result.status, result.headers, result.body)

    def _reply(self, job: Job, status: int, headers: Mapping[str, str], body: bytes) -> Reply:
        """Read a response, new or from the cache."""
        declared = self._connection.endpoint.finish_reasons
        return job.unit.dialect.read_reply(
            status,
            headers,
            body,
            request=job.unit.fields,
            finish_reasons=declared,
            keyed=self._keyed,
            limits=self._connection.limits,
        )

    def _target(self, unit: Unit, index: int = 0) -> Target:
        """Return the destination of the unit's requests at a place, computed once for each key that it had."""
        connection, dialect = self._places[index], unit.dialect
        version = connection.credentials.version if connection.credentials else 0
        known = self._targets.get((id(unit), index))
        if known is not None and known[1] == version:
            return known[2]
        dialect.prepare()
        target = Target(
            connection.url(dialect.path(unit.fields, stream=self._printer is not None)),
            connection.headers(dialect.headers, api=dialect.name),
            identity_in_cache(connection, dialect),
        )
        if len(self._targets) >= MOST_TARGETS:
            self._targets.clear()
        self._targets[id(unit), index] = (
            unit,
            version,
            target,
        )  # with the unit, so that no other one gets its id
        return target

    def _cache_key(self, job: Job) -> bytes:
        """Return the cache key of a job's answer, which is the same with and without streaming."""
        return ResponseCache.key(self._target(job.unit).identity, self._data(job, stream=False), job.sample)

    def _data(self, job: Job, *, stream: bool) -> bytes:
        return job.sent(stream=stream, seeded=self._connection.fixed_seed)

    def _is_over(self, completion: Completion, reply: Reply) -> bool:
        """Update all limits by a completed request. Return True if its job is finished, False if it is retried."""
        delay = self._settle(completion, reply)
        if delay is None:
            return True
        self._queue.again(completion.queued, completion.finished + delay)
        return False

    def _settle(self, completion: Completion, reply: Reply, *, final: bool = False) -> float | None:
        """Update all limits by a completed request. Return the seconds until its retry, or None if its job is finished.

        There is no retry if it is `final`.
        """
        queued, finished = completion.queued, completion.finished
        error = self._of_place(queued, _failure(reply), finished)
        self._admission.release()
        pause = self._admission.learn(error, first_attempt=queued.attempts == 1, now=finished)
        if pause is not None:
            self._notice(f"rate limited by {self._name}: waiting {pause:.3g} s")
        delay = None if error is None or final else self._delay_before_retry(queued, error, finished)
        if self._trace is not None:
            self._trace(
                mask(
                    _debug_line(
                        self._target(queued.job.unit, queued.place or 0).url, completion, error, delay
                    ),
                    self._connection.secrets,
                )
            )
        if delay is not None:
            cost = cost_of(reply.usage, queued.job.unit.price)
            if self._budget and cost is not None:
                self._budget.pay(cost)
            queued.fail(reply, cost)
            return delay
        self._learn(queued.job, reply)
        return None

    def _of_place(self, queued: QueuedJob, error: ProviderError | None, now: float) -> ProviderError | None:
        """Return the error as it concerns the endpoint: only its place has to wait, if another one is awake."""
        if error is None or queued.place is None or not (error.retryable or error.spent):
            return error
        wait = self._turns.learn(queued.place, error, now)
        if wait is None or wait == inf:
            return error
        return replace(error, retryable=True, spent=False, retry_after=wait)

    def _remember(self, cache: RunCache, completion: Completion, reply: Reply) -> None:
        response, job = completion.result, completion.queued.job
        if isinstance(response, Response) and all_ok(reply) and not self._holds_key(response):
            entry = CacheEntry(response.status, response.headers.get("content-type", ""), response.body)
            cache.put(self._cache_key(job), entry)

    def _holds_key(self, response: Response) -> bool:
        return any(value.encode() in response.body for value in self._connection.secrets)

    def _delay_before_retry(self, queued: QueuedJob, error: ProviderError, now: float) -> float | None:
        """Return the seconds before a retry after a transient failure, or None if there is to be no retry."""
        if self._shutdown.stopping:
            return None
        keys = self._places[queued.place or 0].credentials
        if error.status == 401 and keys is not None and not queued.renewed and keys.refuse(queued.key):
            queued.renewed = True
            return 0.0
        most = self._max_retries
        if error.code == "connect" and not self._breaker.answered:
            most = min(most, RETRIES_BEFORE_FIRST_ANSWER)
        if queued.place is not None and error.retry_after == 0.0 and queued.attempts <= most:
            return 0.0  # another place can answer at once
        return delay_before_retry(
            error, retry=queued.attempts - 1, max_retries=most, seconds_left=queued.deadline - now
        )

    def _learn(self, job: Job, reply: Reply) -> None:
        """Update the breaker and the token limit by a reply."""
        error = reply.error
        if error is None:
            self._breaker.succeeded()
        elif reason := self._breaker.failed(error, mask(error.message, self._connection.secrets)):
            self._shutdown.stop(reason)
        if self._admission.counts_tokens and (used := token_count(reply.usage, "total_tokens")) is not None:
            self._admission.correct(job.estimate, used)

    def _finish(
        self, ended: Sequence[tuple[QueuedJob, Reply, float | None]], *, cached: bool = False
    ) -> None:
        """Make the records of finished jobs, each with its latency in ms, and pass them on."""
        finished = []
        for queued, reply, latency_ms in ended:
            records = self._records(queued, reply, latency_ms, cached=cached)
            cost = records[0]["cost"]
            counted = cached or reply is queued.failure
            if self._budget and not counted and (reply.error is None or cost is not None):
                self._pay(self._budget, cost)
            finished.append((queued.job, records))
        self._emit(finished)

    def _records(
        self, queued: QueuedJob, reply: Reply, latency_ms: float | None, *, cached: bool = False
    ) -> list[Record]:
        return records_of(
            queued.job,
            reply,
            latency_ms=latency_ms,
            attempts=queued.attempts,
            retries_cost=queued.cost_before(reply),
            cached=cached,
            secret_values=self._connection.secrets,
            keep=self._keep,
        )

    def _pay(self, budget: Budget, cost: float | None) -> None:
        if cost is None:
            self._shutdown.stop(
                f"--max-cost {budget.dollars:g}: the cost of an answer from {self._name} is unknown"
                " (set a price for its model in runner.yaml)"
            )
        else:
            budget.pay(cost)


async def _renew(keys: Credentials) -> None:
    """Renew a key. Raises TransportError if that fails, because nothing can be sent without it."""
    try:
        await keys.renew()
    except ConfigError as error:
        raise TransportError("key", error.message, retryable=False, hint=error.hint) from None


def _failure(reply: Reply) -> ProviderError | None:
    """Return the error of an exchange without any answer: its own, or the one of each of its choices."""
    if reply.error is not None:
        return reply.error
    if reply.answers and all(answer.outcome is Outcome.ERROR for answer in reply.answers):
        return reply.answers[0].error
    return None


def identity_in_cache(connection: Connection, dialect: Dialect) -> str:
    """Return what identifies the destination of requests in the keys of the response cache."""
    named = () if dialect.mark is None else (dialect.mark,)
    return "\n".join((connection.identity, connection.extra_cache_key, *named))


def all_ok(reply: Reply) -> bool:
    """Return whether every answer is ok, so that it may be in the response cache."""
    return reply.error is None and bool(reply.answers) and all(a.outcome is Outcome.OK for a in reply.answers)


def _debug_line(url: str, completion: Completion, error: ProviderError | None, delay: float | None) -> str:
    """Return the `--debug` line for one request, without headers and bodies."""
    job, result = completion.queued.job, completion.result
    got = f"{result.status}, {len(result.body):,} bytes" if isinstance(result, Response) else "no answer"
    why = f": {error.code}: {error.message}" if error else ""
    then = f"; retrying in {delay:.1f} s" if delay is not None else ""
    name = f"{job.unit.prompt.name}/{job.case.id}{f'@{job.unit.variant}' if job.unit.variant else ''}"
    took = f"{(completion.finished - completion.started) * 1000:.0f} ms"
    return f"POST {url} {name}#{job.sample} attempt {completion.queued.attempts}: {got} in {took}{why}{then}"


def first_error(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the most relevant of the errors that ended the workers: one of ours if there is one."""
    leaves: list[BaseException] = []
    pending: list[BaseException] = [failures]
    while pending:
        error = pending.pop()
        if isinstance(error, BaseExceptionGroup):
            pending.extend(error.exceptions)
        else:
            leaves.append(error)
    return next((error for error in leaves if isinstance(error, RunnerError)), leaves[0])
