"""Put results into the order of the input, although answers arrive in any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from .index import read_results
from .record import Record

__all__ = ["InOrder"]


class InOrder:
    """Passes records to `sink` job by job, in the order of their places in the run; jobs may be added in any order.

    A job that is ahead of a missing one is remembered by its position in the journal `path` (two numbers) and read back
    when its turn comes. So one slow answer can hold back any number of others without keeping them in memory.
    """

    def __init__(self, sink: Callable[[Record], None], path: Path) -> None:
        self._sink = sink
        self._path = path
        self._next = 0
        self._ahead: dict[int, tuple[int, int] | None] = {}

    def add(self, index: int, records: Sequence[Record], offset: int, length: int) -> None:
        """Add the records of the job at `index`, which the journal has at `offset` in `length` bytes."""
        if index != self._next:
            self._ahead[index] = offset, length
            return
        for record in records:
            self._sink(record)
        self._next += 1
        self._catch_up()

    def earlier(self, index: int, place: tuple[int, int]) -> None:
        """Add the job at `index`, which an earlier attempt has stored at `place` in the journal."""
        self._ahead[index] = place
        self._catch_up()

    def absent(self, index: int) -> None:
        """Skip `index`, because its job belongs to another shard."""
        self._ahead[index] = None
        self._catch_up()

    def finish(self) -> None:
        """Pass on, in order, the jobs that were held back by jobs that were never added."""
        for index in sorted(self._ahead):
            self._pass_on(self._ahead.pop(index))

    def _catch_up(self) -> None:
        while self._next in self._ahead:
            self._pass_on(self._ahead.pop(self._next))
            self._next += 1

    def _pass_on(self, place: tuple[int, int] | None) -> None:
        if place is not None:
            with self._path.open("rb") as journal:
                for record in read_results(journal, *place):
                    self._sink(record)
