"""The dispatch queue of one endpoint: new jobs as they are pulled, retries once their delay is over."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from math import inf

from ...wire.reply import Reply
from ..plan.job import Job
from .shutdown import Shutdown

__all__ = ["JobQueue", "QueuedJob"]

_YIELD_EVERY = 32
"""The number of jobs resolved without a request after which other tasks get their turn."""


@dataclass(order=True, slots=True)
class QueuedJob:
    """A job with the time of its next attempt, its attempts so far, its deadline, its last failure, and what they cost.

    `place` is that of the last attempt, and `key` the version of the key that was sent there; `renewed` is whether a
    refused key has been renewed for this job.
    """

    not_before: float
    number: int
    job: Job = field(compare=False)
    attempts: int = field(default=0, compare=False)
    deadline: float = field(default=inf, compare=False)
    failure: Reply | None = field(default=None, compare=False)
    place: int | None = field(default=None, compare=False)
    key: int = field(default=0, compare=False)
    renewed: bool = field(default=False, compare=False)
    failure_cost: float | None = field(default=None, compare=False)
    earlier_cost: float | None = field(default=None, compare=False)

    def fail(self, failure: Reply, cost: float | None) -> None:
        """Note that an attempt has failed, at this cost in US dollars, and that another one follows."""
        self.earlier_cost = self.cost_before(None)
        self.failure, self.failure_cost = failure, cost

    def cost_before(self, reply: Reply | None) -> float | None:
        """Return the known cost of the attempts before the one with this reply; None if nothing is known."""
        known = [self.earlier_cost, None if reply is self.failure else self.failure_cost]
        costs = [cost for cost in known if cost is not None]
        return sum(costs) if costs else None


_AHEAD = 32
"""Jobs pulled at a time. Reading, checking and rendering a few dozen rows in a row takes a quarter less time than doing
it for one row after each answer, when the processor's caches have other code."""


class JobQueue:
    """The jobs of one endpoint that are to be sent.

    `resolve` finishes a job that needs no request (its answer is cached, or its deadline has passed) and returns whether
    it did. `admit` admits a job (0) or returns the seconds to wait (infinity: until `wake`).

    There is no list of cases: apart from the jobs in flight, memory has only those waiting for a retry, in a heap ordered
    by time, and _AHEAD new ones. `jobs` may have more again after it had none. One worker at a time serves the queue; the others wait for their turn.
    """

    def __init__(
        self,
        jobs: Iterator[Job],
        shutdown: Shutdown,
        *,
        resolve: Callable[[QueuedJob, float], bool],
        admit: Callable[[QueuedJob, float], float],
    ) -> None:
        self._jobs = jobs
        self._ahead: deque[Job] = deque()
        self._shutdown = shutdown
        self._resolve = resolve
        self._admit = admit
        self._turn = asyncio.Lock()
        self._woken = asyncio.Event()
        self._waiting: list[QueuedJob] = []
        self._held: QueuedJob | None = None
        self._drawn = 0
        self._resolved = 0
        shutdown.on_wake(self.wake)

    async def next(self) -> QueuedJob | None:
        """Return the next admitted job, or None if there are no more or the run is stopping."""
        async with self._turn:
            while not self._shutdown.stopping:
                self._woken.clear()  # before looking, so that no event in the meantime is missed
                now = time.monotonic()
                queued = self._due(now)
                if queued is None:
                    if not self._waiting:
                        return None
                    await self._sleep(self._waiting[0].not_before - now)
                elif self._resolve(queued, now):
                    self._resolved += 1
                    if self._resolved % _YIELD_EVERY == 0:
                        await asyncio.sleep(0)
                elif (wait := self._admit(queued, now)) == 0.0:
                    return queued
                else:
                    self._held = queued
                    await self._sleep(min(wait, queued.deadline - now))
            return None

    async def admitted(self, queued: QueuedJob) -> bool:
        """Wait until a job that did not come from the queue is admitted, after all who wait already.

        Return False if the run is stopping, or the job's deadline has passed.
        """
        async with self._turn:
            while not self._shutdown.stopping:
                self._woken.clear()
                now = time.monotonic()
                if now >= queued.deadline:
                    return False
                wait = self._admit(queued, now)
                if wait == 0.0:
                    return True
                await self._sleep(min(wait, queued.deadline - now))
            return False

    def again(self, queued: QueuedJob, not_before: float) -> None:
        """Put a job back for a retry at a given time."""
        queued.not_before = not_before
        heapq.heappush(self._waiting, queued)
        self.wake()

    def retries(self) -> list[QueuedJob]:
        """Return the jobs that have failed and would be sent again."""
        held = [self._held] if self._held is not None else []
        return [queued for queued in (*held, *self._waiting) if queued.failure is not None]

    def wake(self) -> None:
        """Look again at once, because something that a job waits for may have happened."""
        self._woken.set()

    def _due(self, now: float) -> QueuedJob | None:
        if self._held is not None:
            queued, self._held = self._held, None
            return queued
        if self._waiting and self._waiting[0].not_before <= now:
            return heapq.heappop(self._waiting)
        if not self._ahead:
            self._ahead.extend(islice(self._jobs, _AHEAD))
            if not self._ahead:
                return None
        self._drawn += 1
        return QueuedJob(now, self._drawn, self._ahead.popleft())

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(None if seconds == inf else max(seconds, 0.001)):
                await self._woken.wait()
        except TimeoutError:
            pass
