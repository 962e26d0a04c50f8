"""What the calls of a prompt share: the connections to an endpoint, its limits and its circuit breaker, on one event loop."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import replace
from math import inf
from typing import Literal

from ..endpoints.connect import Connection
from ..engine.journal.record import Record
from ..engine.plan.job import Job
from ..engine.pool.breaker import Breaker
from ..engine.pool.concurrency import limit_of
from ..engine.pool.fd_limit import room_for
from ..engine.pool.pool import Emit, Pool, admission_of
from ..engine.pool.pool_options import DEFAULT_WORKERS, PoolOptions
from ..engine.pool.shutdown import Shutdown
from ..engine.pool.streaming import StreamPrinter
from ..errors import UsageError
from ..files.model import Endpoint

__all__ = ["Channel", "Jobs", "number_of_jobs", "positive", "shared_among"]

Jobs = int | Literal["adaptive"] | None
"""How many requests are in flight at once; None for the endpoint's own `concurrency`."""

COOL_DOWN = 5.0
"""Seconds for which nothing is sent to an endpoint that is down; then one request tries whether it is up again."""


def number_of_jobs(jobs: Jobs) -> Jobs:
    """Return `jobs` if it is valid. Raises UsageError otherwise."""
    return jobs if jobs in (None, "adaptive") else positive(jobs, "jobs")


def positive(number: object, name: str) -> int:
    """Return a whole number above 0. Raises UsageError for anything else."""
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise UsageError(f"{name}={number!r}: a whole number above 0 is expected")
    return number


def shared_among(endpoint: Endpoint, jobs: Jobs, of: int) -> tuple[Endpoint, Jobs]:
    """Return the share of one of `of` workers in the limits of an endpoint. Raises UsageError if it would be nothing."""
    if of == 1:
        return endpoint, jobs
    declared = jobs if jobs is not None else endpoint.concurrency
    if declared == "adaptive":
        share: Jobs = declared
    elif declared is not None and declared < of:
        raise UsageError(
            f"{declared} requests at once to {endpoint.name} cannot be shared among {of} workers",
            hint="use fewer workers, or allow more requests at once (jobs)",
        )
    else:
        share = max(1, (DEFAULT_WORKERS if declared is None else declared) // of)
    rpm, tpm = (None if each is None else each / of for each in (endpoint.rpm, endpoint.tpm))
    return replace(endpoint, rpm=rpm, tpm=tpm), share


class Channel:
    """An endpoint as the calls of one prompt on one event loop use it.

    It keeps connections open between calls, and is closed by `aclose`, when the event loop is shut down (as asyncio.run
    does), or when nothing refers to it any more. An endpoint that is down gets no requests for COOL_DOWN seconds: calls
    return at once with the error `not_sent`.
    """

    def __init__(self, connection: Connection, jobs: Jobs) -> None:
        self.connection = connection
        self._admission = admission_of(connection, PoolOptions(workers=jobs))
        self._down = Shutdown()
        self._retry_at = 0.0
        self._listeners: dict[int, Callable[[int, str], None]] = {}
        breaker = Breaker(refusals=False)
        self._calls = self._pool(self._down, breaker, PoolOptions())
        self._streams = self._pool(self._down, breaker, PoolOptions(printer=StreamPrinter(self._heard)))
        self._keeper = _kept_open(connection)

    async def open(self) -> None:
        """Bind the connections to the running loop, whose end closes them."""
        await anext(self._keeper)

    async def aclose(self) -> None:
        """Close the connections. Requests in flight fail, and nothing more is sent."""
        self._retry_at = inf
        self._down.stop("the prompt was closed")
        await self._keeper.aclose()

    def pool(self, source: Iterator[Job], emit: Emit, jobs: Jobs, shutdown: Shutdown) -> tuple[Pool, int]:
        """Return a pool for the jobs of a source, `jobs` at once, and how many that are at most.

        It has a circuit breaker of its own, which stops `shutdown`; all else is shared.
        """
        admission = self._admission
        if jobs is not None:
            admission = admission.with_limit(limit_of(jobs, default=DEFAULT_WORKERS, room_for=room_for))
        pool = Pool(self.connection, source, admission, shutdown=shutdown, emit=emit, options=PoolOptions())
        return pool, admission.concurrency.most

    async def ask(self, job: Job, on_text: Callable[[int, str], None] | None = None) -> list[Record]:
        """Send one job and return its records.

        `on_text` gets the text of each choice as it arrives; once any has arrived, the request is not sent again.
        """
        pool = self._calls if on_text is None else self._streams
        if not self._down.stopping:
            return await self._ask(pool, job, on_text)
        now = time.monotonic()
        if now < self._retry_at:
            return await self._ask(pool, job, on_text)  # is not sent
        self._retry_at = now + COOL_DOWN
        options = PoolOptions() if on_text is None else PoolOptions(printer=StreamPrinter(self._heard))
        probe = self._pool(Shutdown(), Breaker(refusals=False), options)
        try:
            records = await self._ask(probe, job, on_text)
        finally:
            probe.leave()
        error = records[0]["error"]
        if error is None or error["status"] in _REFUSES_THE_REQUEST:
            self._down.resume()
        else:
            self._retry_at = time.monotonic() + COOL_DOWN
        return records

    async def _ask(self, pool: Pool, job: Job, on_text: Callable[[int, str], None] | None) -> list[Record]:
        if on_text is None:
            records = await pool.ask(job)
        else:
            heard = _Heard(on_text)
            self._listeners[id(job)] = heard
            try:
                records = await pool.ask(job, is_final=lambda: heard.anything)
            finally:
                del self._listeners[id(job)]
        return records

    def _heard(self, job: Job, choice: int, text: str) -> None:
        if text:
            self._listeners[id(job)](choice, text)

    def _pool(self, shutdown: Shutdown, breaker: Breaker, options: PoolOptions) -> Pool:
        return Pool(
            self.connection,
            iter(()),
            self._admission,
            shutdown=shutdown,
            emit=_nowhere,
            options=options,
            breaker=breaker,
        )


_REFUSES_THE_REQUEST = (400, 409, 413, 415, 422, 429)
"""The statuses of an endpoint that is up."""


class _Heard:
    def __init__(self, on_text: Callable[[int, str], None]) -> None:
        self._on_text = on_text
        self.anything = False

    def __call__(self, choice: int, text: str) -> None:
        self.anything = True
        self._on_text(choice, text)


def _nowhere(_finished: Sequence[tuple[Job, list[Record]]]) -> None:
    raise AssertionError("the records of single jobs are returned to their callers")


async def _kept_open(connection: Connection) -> AsyncGenerator[None]:
    """Close the connections at the end.

    Event loops finish all asynchronous generators when they are shut down, or when a generator is garbage.
    """
    async with connection:
        yield
