"""Jobs on their way, in the order in which they may leave: new ones as they are drawn, others when their time comes."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from math import inf

from ...wire.reply import Reply
from ..plan.plan import Job
from .shutdown import Shutdown

__all__ = ["JobQueue", "QueuedJob"]

_BREATH = 32
"""JobQueue settled without asking, between which everything else in the process gets its turn."""


@dataclass(order=True, slots=True)
class QueuedJob:
    """A job on its way: when it may leave (again), how often it did, until when it may, and how it failed last."""

    not_before: float
    number: int
    job: Job = field(compare=False)
    attempts: int = field(default=0, compare=False)
    deadline: float = field(default=inf, compare=False)
    failure: Reply | None = field(default=None, compare=False)


_AHEAD = 32
"""Jobs drawn at a time. To read, check and render a few dozen rows one after the other takes a quarter less time than
to do it for one after each answer, when the processor has other code in its caches."""


class JobQueue:
    """The queue of one endpoint.

    `resolve` finishes a queued that needs no asking (its answer is cached, its deadline is over) and says whether it
    did; `admit` lets a queued leave (0) or says how many seconds it has to wait (infinity: until `wake`).

    No list of cases: besides the queue in the air there are those waiting to be asked again, in a heap ordered by
    time, and _AHEAD new ones. One worker at a time looks after them all; the others queue for their turn.
    """

    def __init__(
        self,
        jobs: Iterator[Job],
        shutdown: Shutdown,
        *,
        resolve: Callable[[QueuedJob, float], bool],
        admit: Callable[[QueuedJob, float], float],
    ) -> None:
        self._jobs = chain.from_iterable(_batches(jobs))
        self._shutdown = shutdown
        self._resolve = resolve
        self._admit = admit
        self._turn = asyncio.Lock()
        self._woken = asyncio.Event()
        self._waiting: list[QueuedJob] = []
        self._held: QueuedJob | None = None
        self._drawn = 0
        self._settled = 0
        shutdown.on_wake(self.wake)

    async def next(self) -> QueuedJob | None:
        """The next queued, which has left; None when there is none any more, or the run is stopping."""
        async with self._turn:
            while not self._shutdown.stopping:
                self._woken.clear()  # before looking: what happens while we look must not be missed
                now = time.monotonic()
                queued = self._due(now)
                if queued is None:
                    if not self._waiting:
                        return None
                    await self._sleep(self._waiting[0].not_before - now)
                elif self._resolve(queued, now):
                    self._settled += 1
                    if self._settled % _BREATH == 0:
                        await asyncio.sleep(0)
                elif (wait := self._admit(queued, now)) == 0.0:
                    return queued
                else:
                    self._held = queued
                    await self._sleep(min(wait, queued.deadline - now))
            return None

    def again(self, queued: QueuedJob, not_before: float) -> None:
        """Put a queued back, to leave again at that time."""
        queued.not_before = not_before
        heapq.heappush(self._waiting, queued)
        self.wake()

    def wake(self) -> None:
        """Look again at once: something that a queued waits for may have happened."""
        self._woken.set()

    def _due(self, now: float) -> QueuedJob | None:
        if self._held is not None:
            queued, self._held = self._held, None
            return queued
        if self._waiting and self._waiting[0].not_before <= now:
            return heapq.heappop(self._waiting)
        job = next(self._jobs, None)
        if job is None:
            return None
        self._drawn += 1
        return QueuedJob(now, self._drawn, job)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(None if seconds == inf else max(seconds, 0.001)):
                await self._woken.wait()
        except TimeoutError:
            pass


def _batches(jobs: Iterator[Job]) -> Iterator[list[Job]]:
    while batch := list(islice(jobs, _AHEAD)):
        yield batch
