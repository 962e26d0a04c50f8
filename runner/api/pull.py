"""Take rows from a caller's iterator: in the caller's thread, as many as are wanted, without waiting long for more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any

from ..errors import UsageError
from .row_map import RowMap

__all__ = ["AsyncPull", "Pull"]

_PATIENCE = 0.005
"""Seconds after which the rows that are there are sent, although more are wanted: they may come from a slow source."""


class Pull:
    """The rows of an iterable. `ended`: there are no more, or the iterable has failed.

    What it raises is raised by `raise_any`, after the answers to the rows before.
    """

    def __init__(self, rows: Iterable[Any]) -> None:
        if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable):
            raise UsageError(
                f"rows is an iterable of mappings from variable to value, not {type(rows).__name__}",
                hint="for a DataFrame: df.to_dict('records')",
            )
        self._rows = iter(rows)
        self._error: BaseException | None = None
        self.ended = False

    def next(self, wanted: int) -> list[Any]:
        """Return up to `wanted` rows."""
        taken: list[Any] = []
        until = time.monotonic() + _PATIENCE
        while len(taken) < wanted and not self.ended and (not taken or time.monotonic() < until):
            try:
                taken.append(next(self._rows))
            except StopIteration:
                self.ended = True
            except Exception as error:  # noqa: BLE001 - the caller's own, for the caller
                self.ended, self._error = True, error
        return taken

    def raise_any(self) -> None:
        """Raise what the iterable has raised."""
        if self._error is not None:
            raise self._error


class AsyncPull:
    """The same for an asynchronous iterable, which is read by a task of its own."""

    def __init__(self, rows: AsyncIterable[Any]) -> None:
        self._rows = rows
        self._error: BaseException | None = None
        self._task: asyncio.Task[None] | None = None
        self.ended = False

    def feed(self, running: RowMap) -> None:
        """Give the rows to `running` as it wants them."""
        running.is_fed = True
        self._task = asyncio.create_task(self._feed(running))

    async def _feed(self, running: RowMap) -> None:
        try:
            async for row in self._rows:
                await running.wants_more()
                running.put([row])
        except Exception as error:  # noqa: BLE001 - the caller's own, for the caller
            self._error = error
        self.ended = True
        running.end()

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    def raise_any(self) -> None:
        """Raise what the iterable has raised."""
        if self._error is not None:
            raise self._error
