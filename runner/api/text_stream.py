"""The text of an answer, piece by piece as it arrives, and then the whole result."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from ..engine.plan.job import Job, Unit
from ..errors import UsageError
from . import background
from .channel import Channel
from .decided import decided
from .prompt_result import Result

__all__ = ["AsyncTextStream", "TextStream"]


class AsyncTextStream:
    """The pieces of one answer's text; the first choice's, if the prompt requests several.

    The request is sent with the first piece that is asked for. `result` waits for the end and returns the whole answer.
    Leaving `async with`, or `aclose`, drops the request if the answer is not complete.
    """

    def __init__(self, job: Job, channel_for: Callable[[Unit], Awaitable[Channel]]) -> None:
        self._job = job
        self._channel_for = channel_for
        self._pieces: deque[str] = deque()
        self._news = asyncio.Event()
        self._task: asyncio.Task[Result] | None = None
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while True:
            if self._pieces:
                return self._pieces.popleft()
            task = self._started()
            if task.done():
                task.result()  # raises what went wrong
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()

    async def result(self) -> Result:
        """Wait for the end of the answer, and return its result. Pieces that were not read stay readable."""
        return await asyncio.shield(self._started())

    async def aclose(self) -> None:
        """Drop the request, unless the answer is complete."""
        self._closed = True
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _started(self) -> asyncio.Task[Result]:
        if self._task is None:
            if self._closed:
                raise UsageError("the stream is closed")
            self._task = asyncio.create_task(self._ask())
            self._task.add_done_callback(lambda _: self._news.set())
        elif self._closed and self._task.cancelled():
            raise UsageError("the stream was closed before the answer was complete")
        return self._task

    async def _ask(self) -> Result:
        channel = await self._channel_for(self._job.unit)
        records = await channel.ask(self._job, self._take)
        return Result.of(await decided(self._job, records, self._channel_for))

    def _take(self, choice: int, text: str) -> None:
        if choice == 0:
            self._pieces.append(text)
            self._news.set()


class TextStream:
    """The pieces of one answer's text; the first choice's, if the prompt requests several.

    The request is sent with the first piece that is asked for. `result` waits for the end and returns the whole answer.
    Leaving `with`, or `close`, drops the request if the answer is not complete.
    """

    def __init__(self, stream: AsyncTextStream) -> None:
        self._stream = stream

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        piece = background.call(self._next())
        if piece is None:
            raise StopIteration
        return piece

    async def _next(self) -> str | None:
        return await anext(self._stream, None)

    def result(self) -> Result:
        """Wait for the end of the answer, and return its result. Pieces that were not read stay readable."""
        return background.call(self._stream.result())

    def close(self) -> None:
        """Drop the request, unless the answer is complete."""
        background.call(self._stream.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
