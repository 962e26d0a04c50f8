"""The pull pipeline of one endpoint: N workers draw jobs from an iterator, each over its own connection.

No task, future or list per case: the only things kept are the jobs in flight and those waiting to be asked again or
for their rate limit, in a heap ordered by time, where they occupy no worker.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..endpoints.base import Request, Response, Transport, TransportError
from ..endpoints.connect import Connection
from ..wire.outcome import read_reply
from ..wire.reply import Outcome, ProviderError, Reply
from ..wire.request import encode, with_stream
from .cache import CacheEntry, ResponseCache
from .control import Control
from .limiter import Limiter
from .plan import Job
from .record import Record
from .result import records_of
from .retry import delay_before_retry
from .streaming import StreamPrinter

__all__ = ["Pool"]

CHARACTERS_PER_TOKEN = 4
"""Rule of thumb for English text (OpenAI help centre); corrected by the provider's usage afterwards."""

RETRIES_BEFORE_FIRST_ANSWER = 2
"""Refused connections are retried less as long as the endpoint has never answered: it is probably not there."""


@dataclass(order=True, slots=True)
class Flight:
    """A job on its way: when it may be asked (again), how often it was, and until when it may be."""

    not_before: float
    number: int
    job: Job = field(compare=False)
    attempts: int = field(default=0, compare=False)
    deadline: float | None = field(default=None, compare=False)


class Pool:
    """The workers of one endpoint. `emit` receives every finished record; it may raise StorageError to stop it all."""

    def __init__(
        self,
        connection: Connection,
        jobs: Iterator[Job],
        *,
        workers: int,
        control: Control,
        emit: Callable[[Record], None],
        cache: ResponseCache | None = None,
        printer: StreamPrinter | None = None,
    ) -> None:
        endpoint = connection.endpoint
        self._connection = connection
        self._timeout = endpoint.timeout
        self._max_retries = endpoint.max_retries
        self._limiter = Limiter(endpoint.rpm, endpoint.tpm)
        self._paced = bool(endpoint.rpm or endpoint.tpm)
        self._jobs: Iterator[Job] = jobs
        self._exhausted = False
        self._waiting: list[Flight] = []
        self._count = 0
        self._workers = workers
        self._control = control
        self._emit = emit
        self._cache = cache
        self._printer = printer
        self._headers = connection.headers()
        self._identity = f"{connection.identity}\n{connection.extra_cache_key}"

    async def run(self) -> None:
        """Work until the jobs are used up or the run is stopped."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        transport: Transport | None = None
        try:
            while (flight := await self._next()) is not None:
                if self._answer_from_cache(flight) or self._held_back(flight):
                    continue
                if transport is None:
                    transport = self._connection.transport()
                await self._ask(flight, transport)
        finally:
            if transport is not None:
                await transport.close()

    async def _next(self) -> Flight | None:
        """The next flight that may leave now; None when there is none left or the run is stopping."""
        while not self._control.stopping:
            now = time.monotonic()
            if self._waiting and self._waiting[0].not_before <= now:
                return heapq.heappop(self._waiting)
            # Keep the heap as small as the crew: with everything held back, pulling more would only fill memory.
            if not self._exhausted and len(self._waiting) < 2 * self._workers:
                job = next(self._jobs, None)
                if job is not None:
                    self._count += 1
                    return Flight(now, self._count, job)
                self._exhausted = True
            if not self._waiting:
                return None
            try:
                async with asyncio.timeout(max(self._waiting[0].not_before - now, 0.001)):
                    await self._control.stopped.wait()
            except TimeoutError:
                continue
        return None

    def _answer_from_cache(self, flight: Flight) -> bool:
        if self._cache is None or flight.attempts:
            return False
        job = flight.job
        entry = self._cache.get(self._cache.key(self._identity, job.data, job.sample))
        if entry is None:
            return False
        reply = read_reply(entry.status, {"content-type": entry.content_type}, entry.body, request=job.body)
        if self._printer:
            self._printer.whole(job, reply)
        self._finish(flight, reply, latency_ms=None, cached=True)
        return True

    def _held_back(self, flight: Flight) -> bool:
        """Whether the rate limit says later; the flight then waits in the heap."""
        if not self._paced:
            return False
        now = time.monotonic()
        wait = self._limiter.reserve(self._estimate(flight.job), now)
        if wait > 0:
            flight.not_before = now + wait
            heapq.heappush(self._waiting, flight)
        return wait > 0

    @staticmethod
    def _estimate(job: Job) -> float:
        """Tokens one request may use: its text, and the most it may answer."""
        limit = job.body.get("max_completion_tokens") or job.body.get("max_tokens")
        return len(job.data) / CHARACTERS_PER_TOKEN + (limit if isinstance(limit, int) else 0)

    async def _ask(self, flight: Flight, transport: Transport) -> None:
        job = flight.job
        started = time.monotonic()
        if flight.deadline is None:
            flight.deadline = started + self._timeout
        flight.attempts += 1
        response: Response | None = None
        try:
            response = await transport.send(
                Request("POST", self._connection.chat_url, self._headers, self._bytes(job)),
                timeout=flight.deadline - started,
                on_bytes=self._printer.begin(job) if self._printer else None,
            )
            reply = read_reply(response.status, response.headers, response.body, request=job.body)
        except TransportError as error:
            reply = Reply(
                error=ProviderError(error.kind, error.message, retryable=error.retryable, hint=error.hint)
            )
        finished = time.monotonic()
        if self._ask_again(flight, reply, finished):
            return
        self._learn(job, reply)
        if (
            response is not None
            and self._cache is not None
            and _all_ok(reply)
            and not self._holds_key(response)
        ):
            key = self._cache.key(self._identity, job.data, job.sample)
            content_type = response.headers.get("content-type", "")
            self._cache.put(key, CacheEntry(response.status, content_type, response.body))
        self._finish(flight, reply, latency_ms=(finished - started) * 1000, cached=False)

    def _holds_key(self, response: Response) -> bool:
        return any(value.encode() in response.body for value in self._connection.secrets)

    def _bytes(self, job: Job) -> bytes:
        return encode(with_stream(job.body)) if self._printer else job.data

    def _ask_again(self, flight: Flight, reply: Reply, now: float) -> bool:
        """Put a flight that failed for a passing reason back into the heap."""
        error = _failure(reply)
        if error is None or flight.deadline is None or self._control.stopping:
            return False
        most = self._max_retries
        if error.code == "connect" and not self._control.answered:
            most = min(most, RETRIES_BEFORE_FIRST_ANSWER)
        delay = delay_before_retry(
            error, retry=flight.attempts - 1, max_retries=most, seconds_left=flight.deadline - now
        )
        if delay is None:
            return False
        flight.not_before = now + delay
        heapq.heappush(self._waiting, flight)
        return True

    def _learn(self, job: Job, reply: Reply) -> None:
        """Tell the breaker and the rate limit what came of it."""
        error = reply.error
        if error is None:
            self._control.succeeded()
        elif error.status is None or error.status in (401, 403, 404) or error.status >= 500:
            self._control.failed(error.message)
        if self._paced and reply.usage:
            used = reply.usage.get("total_tokens")
            if isinstance(used, int):
                self._limiter.correct(self._estimate(job), used)

    def _finish(self, flight: Flight, reply: Reply, *, latency_ms: float | None, cached: bool) -> None:
        records = records_of(
            flight.job,
            reply,
            latency_ms=latency_ms,
            attempts=flight.attempts,
            cached=cached,
            secret_values=self._connection.secrets,
        )
        for record in records:
            self._emit(record)


def _failure(reply: Reply) -> ProviderError | None:
    """The error of an exchange that brought no answer at all: its own, or that of each of its choices."""
    if reply.error is not None:
        return reply.error
    if reply.answers and all(answer.outcome is Outcome.ERROR for answer in reply.answers):
        return reply.answers[0].error
    return None


def _all_ok(reply: Reply) -> bool:
    return reply.error is None and bool(reply.answers) and all(a.outcome is Outcome.OK for a in reply.answers)
