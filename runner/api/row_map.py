"""One prompt for many rows: rows in, results out, with a bounded number of both in memory.

It lives on one event loop. Whoever uses it gives it rows and takes results, step by step, so that a slow consumer slows
down the requests, and nothing is read or sent ahead of need.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Self

from ..engine.journal.record import Record
from ..engine.judging import waits
from ..engine.plan.job import Job, Unit
from ..engine.pool.shutdown import Shutdown
from ..errors import CaseError, EndpointError, Location, RunnerError
from ..files.case_ids import CaseIds
from ..files.cases import case_of_row
from ..files.inputs import compiled
from ..files.model import CaseFile
from ..files.rows import Row
from ..schema import json_path
from ..values import find_non_json
from .channel import Channel, Jobs
from .decided import decided
from .part_journal import PartJournal
from .prompt_result import Result

__all__ = ["RowMap"]

WINDOW = 4096
"""The most rows whose results are not yet taken: so many results may wait for a slow one before them."""

_TOGETHER = 32
"""Results that are passed on together, which saves time."""

_SOON = 0.002
"""Seconds after which fewer results are passed on, too."""


class RowMap:
    """The requests for the rows of one `map`. `wanted` is how many rows it can take now; `finished`: it has had them all.

    `is_fed`: rows come by `put`, so that a step need not return to get some.
    """

    def __init__(
        self,
        unit: Unit,
        channel: Channel,
        channel_for: Callable[[Unit], Awaitable[Channel]],
        *,
        jobs: Jobs,
        journal: PartJournal | None,
        order: bool,
        nulls: bool = False,
    ) -> None:
        self._unit = unit
        self._inputs = None if unit.prompt.inputs is None else compiled(unit.prompt.inputs)
        self._location = Location(unit.prompt.path)
        self._file = CaseFile("rows", "rows", self._location)
        self._shutdown = Shutdown()
        self._pool, self._most = channel.pool(self, self._receive, jobs, self._shutdown)
        self._journal = journal
        self._ids = None if journal is None else CaseIds(repeats_allowed=True)
        self._order = order
        self._nulls = nulls
        self._queue: deque[tuple[int, Any]] = deque()
        self._sent: dict[int, Any] = {}
        self._task: asyncio.Task[None] | None = None
        self._channel_for = channel_for
        self._deciding: set[asyncio.Task[None]] = set()
        self._count = 0
        self._taken = 0
        self._done: dict[int, Result] = {}
        self._ready: deque[Result] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._rang = False
        self._error: BaseException | None = None
        self._ended = False
        self.is_fed = False

    @property
    def wanted(self) -> int:
        """How many rows can be taken now."""
        room = WINDOW - (self._count - self._taken)
        if self._ended or len(self._deciding) >= self._enough:
            return 0
        return max(0, min(self._enough - len(self._queue), room))

    @property
    def finished(self) -> bool:
        """Whether the results of all rows have been taken."""
        return self._ended and self._taken == self._count

    @property
    def _enough(self) -> int:
        return 2 * max(self._most, _TOGETHER)

    # --- rows in ----------------------------------------------------------------------------------------------------

    def put(self, rows: Sequence[Any]) -> None:
        """Take rows."""
        for row in rows:
            self._queue.append((self._count, row))
            self._count += 1
        if self._queue and self._task is None:
            self._task = asyncio.create_task(self._send())
            self._task.add_done_callback(self._has_sent)
        elif self._queue and self._pool.is_running and not self._shutdown.stopping:
            self._pool.more()

    def end(self) -> None:
        """Note that there are no more rows."""
        self._ended = True
        self._news.set()

    async def wants_more(self) -> None:
        """Wait until a row can be taken."""
        while not self.wanted:
            self._room.clear()
            await self._room.wait()

    # --- results out ------------------------------------------------------------------------------------------------

    async def step(self, rows: Sequence[Any], *, ended: bool) -> list[Result]:
        """Take rows, and return the next results, or none if more rows are wanted first.

        `ended`: there are no rows after these. Raises what went wrong, other than with a row.
        """
        self.put(rows)
        if ended:
            self.end()
        await asyncio.sleep(0)  # requests are sent even if more rows are wanted again and again
        while not self._is_time():
            self._news.clear()
            if self._ready and self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(_SOON, self._ring)
            await self._news.wait()
        if self._error is not None:
            raise self._error
        results = list(self._ready)
        self._ready.clear()
        self._taken += len(results)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._rang = False
        self._room.set()
        return results

    def _is_time(self) -> bool:
        if self._error is not None or len(self._ready) >= _TOGETHER:
            return True
        if self._ready and (self._rang or (self._task is None and not self._deciding)):
            return True
        if self.finished:
            return True
        return not self.is_fed and self.wanted > self._enough // 2

    def _ring(self) -> None:
        self._rang = True
        self._news.set()

    async def close(self) -> None:
        """Drop the requests in flight, and close the journal."""
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        for task in list(self._deciding):
            task.cancel()
            await asyncio.wait([task])
        self._pool.leave()
        if self._journal is not None:
            self._journal.close()

    # --- in between -------------------------------------------------------------------------------------------------

    async def _send(self) -> None:
        """Send what is there, until nothing is left or the endpoint is down."""
        while self._queue and not self._shutdown.stopping:
            await self._pool.run()
        if self._shutdown.stopping:
            self._give_up()

    def _has_sent(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._error = error
        elif self._queue and not task.cancelled():
            self.put(())
        self._news.set()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Job:
        """Return the next job that must be sent. There may be more after StopIteration."""
        while self._queue:
            index, row = self._queue.popleft()
            self._room.set()
            if self._is_time():
                self._news.set()
            try:
                job = self._job(index, row)
            except RunnerError as error:
                self._finish(Result.of_row(self._unit.prompt.name, "row", error, row, index))
                continue
            stored = None if self._journal is None else self._journal.find(job)
            if stored is None:
                self._sent[index] = row
                return job
            self._finish(Result.of(stored, row=row, index=index))
        self._news.set()
        raise StopIteration

    def _keep(self, finished: Sequence[tuple[Job, list[Record]]]) -> None:
        """Store the records of finished jobs, then make them results."""
        kept: Sequence[Sequence[Record]] = [records for _, records in finished]
        if self._journal is not None:
            kept = self._journal.add(kept)
        for (job, _), records in zip(finished, kept, strict=True):
            assert job.place is not None
            self._finish(Result.of(records, row=self._sent.pop(job.place), index=job.place))

    def _receive(self, finished: Sequence[tuple[Job, list[Record]]]) -> None:
        """Keep finished jobs, those whose assertions need calls after these are answered."""
        for job, records in finished:
            if waits(records):
                assert job.place is not None
                task = asyncio.create_task(self._decide(job, records, self._sent.pop(job.place)))
                self._deciding.add(task)
                task.add_done_callback(self._has_decided)
        self._keep([each for each in finished if not waits(each[1])])

    async def _decide(self, job: Job, records: list[Record], row: Any) -> None:
        final = await decided(job, records, self._channel_for)
        assert job.place is not None
        self._sent[job.place] = row
        self._keep([(job, final)])

    def _has_decided(self, task: asyncio.Task[None]) -> None:
        self._deciding.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._error = error
        self._news.set()

    def _give_up(self) -> None:
        """Finish all rows without sending them: the endpoint is down."""
        error = EndpointError(f"not sent: {self._shutdown.reason}")
        left = [*self._sent.items(), *self._queue]
        self._sent.clear()
        self._queue.clear()
        for index, row in left:
            self._finish(Result.of_row(self._unit.prompt.name, "not_sent", error, row, index))

    def _job(self, index: int, row: Any) -> Job:
        label = f"rows[{index}]"
        if not isinstance(row, Mapping):
            raise CaseError(
                f"{label} is not a mapping from variable to value, but of type {type(row).__name__}",
                location=self._location,
            )
        values = dict(row)
        if found := find_non_json(values):
            path, problem = found
            raise CaseError(f"{label}{json_path(path)[1:]}: {problem} is not JSON", location=self._location)
        unit = self._unit
        row_of_file = Row(label, values, self._location, nulls=self._nulls)
        case = case_of_row(row_of_file, self._inputs, unit.prompt, self._file)
        case = unit.carry_columns(case)
        if self._ids is not None:
            case = self._ids.claim(case, label)
        unit.judge.prepare(case)
        return unit.job(case, 0, index)

    def _finish(self, result: Result) -> None:
        assert result.index is not None
        if self._order:
            self._done[result.index] = result
            following = self._taken + len(self._ready)
            while (found := self._done.pop(following, None)) is not None:
                self._ready.append(found)
                following += 1
        else:
            self._ready.append(result)
        if len(self._ready) >= _TOGETHER or (self._ready and self._timer is None):
            self._news.set()
