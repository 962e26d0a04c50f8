"""Results in the order of the input, although answers come in any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from .index import read_results
from .record import Record

__all__ = ["InOrder"]


class InOrder:
    """Hands records to `sink` job by job, by their places in the run, which are told in any order.

    A job that is ahead of one still missing is remembered by where the journal `path` has it, two numbers, and read
    back when its turn comes: one slow answer holds back any number of others without holding them in memory.
    """

    def __init__(self, sink: Callable[[Record], None], path: Path) -> None:
        self._sink = sink
        self._path = path
        self._next = 0
        self._ahead: dict[int, tuple[int, int] | None] = {}

    def add(self, index: int, records: Sequence[Record], offset: int, length: int) -> None:
        """The records of the job at `index` are at `offset` of the journal, in so many bytes."""
        if index != self._next:
            self._ahead[index] = offset, length
            return
        for record in records:
            self._sink(record)
        self._next += 1
        self._catch_up()

    def earlier(self, index: int, place: tuple[int, int]) -> None:
        """The job at `index` is in the journal already."""
        self._ahead[index] = place
        self._catch_up()

    def absent(self, index: int) -> None:
        """No job of this run is at `index`: another shard has it."""
        self._ahead[index] = None
        self._catch_up()

    def finish(self) -> None:
        """Hand on what still waits for jobs that never came, in its order."""
        for index in sorted(self._ahead):
            self._hand_on(self._ahead.pop(index))

    def _catch_up(self) -> None:
        while self._next in self._ahead:
            self._hand_on(self._ahead.pop(self._next))
            self._next += 1

    def _hand_on(self, place: tuple[int, int] | None) -> None:
        if place is not None:
            with self._path.open("rb") as journal:
                for record in read_results(journal, *place):
                    self._sink(record)
