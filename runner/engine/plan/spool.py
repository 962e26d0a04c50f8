"""Rehearsed jobs in a temporary file until their turn comes, so that no row is read, checked and rendered twice.

So what was checked is what is sent, also where a file of rows changes meanwhile. The file has no name, is nobody else's
to read, and is gone with the process, however that ends. It holds blocks of a few dozen jobs, each behind its length;
in memory there is nothing that grows with their number.
"""

from __future__ import annotations

import marshal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from types import TracebackType
from typing import Any, Self

from ...errors import Location, StorageError
from ...files.model import Assertion, Case
from .plan import Job, Unit

__all__ = ["MOST_BYTES", "Spool"]

MOST_BYTES = 256 * 1024 * 1024
"""Size of the file, which may stand in memory (tmpfs). The jobs beyond it are made a second time."""

_TOGETHER = 32
"""Jobs of a block."""

_HEAD = 8
"""Bytes that hold the length of a block."""

_FORMAT = 2
"""Of `marshal`: without looking for objects that occur twice, which takes longer than writing them."""


@dataclass(slots=True)
class _Section:
    """The first `cases` cases of one unit; their blocks begin at `offset`."""

    offset: int
    cases: int = 0


class Spool:
    """The jobs of a preflight, unit by unit in their order. A context manager, which holds the file.

    A unit may be kept in part, or not at all: where the file is full, the disk is, or a value is none of the plain
    types that `marshal` writes. The cases behind those that are kept are then made again by whoever reads.
    """

    def __init__(self) -> None:
        self._file: FileIO | None = None
        self._size = 0
        self._sections: list[_Section] = []
        self._block: list[Any] = []
        self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    # --- writing ----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The next unit's cases follow."""
        self.end()
        self._sections.append(_Section(self._size))
        self._open = True

    def add(self, job: Job | None) -> None:
        """The job of the unit's next case; None for a case that is another shard's."""
        if self._open:
            self._block.append(None if job is None else _packed(job))
            if len(self._block) == _TOGETHER:
                self._write()

    def end(self) -> None:
        """That was the last case."""
        if self._block:
            self._write()
        self._open = False

    def _write(self) -> None:
        block, self._block = self._block, []
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by __exit__
            data = marshal.dumps(block, _FORMAT)
            size = _HEAD + len(data)
            self._file.seek(self._size)  # a write that failed may have left half a block
            self._open = (
                self._size + size <= MOST_BYTES and self._file.write(len(data).to_bytes(_HEAD) + data) == size
            )
        except (OSError, ValueError):
            self._open = False
        if self._open:
            self._size += size
            self._sections[-1].cases += len(block)

    # --- reading ----------------------------------------------------------------------------------------------------

    def kept(self, place: int) -> int:
        """How many of the cases of the unit at `place`, from 0, are here: its first ones."""
        return self._sections[place].cases

    def jobs(self, place: int, unit: Unit) -> Iterator[Job | None]:
        """The jobs of these cases, as they were added. Raises StorageError where they cannot be read."""
        section = self._sections[place]
        offset, left = section.offset, section.cases
        while left:
            length = int.from_bytes(self._read(offset, _HEAD))
            block = marshal.loads(self._read(offset + _HEAD, length))  # noqa: S302 - we wrote it
            offset += _HEAD + length
            left -= len(block)
            for each in block:
                yield None if each is None else _unpacked(unit, each)

    def _read(self, offset: int, length: int) -> bytes:
        assert self._file is not None
        try:
            self._file.seek(offset)
            data = self._file.read(length)
        except OSError as error:
            raise StorageError(f"the temporary file cannot be read: {error.strerror or error}") from None
        if len(data) != length:
            raise StorageError("the temporary file has become shorter")
        return data


def _packed(job: Job) -> tuple[Any, ...]:
    case = job.case
    asserts = [(each.spec, tuple(each.location)) for each in case.asserts]
    return (
        (case.id, case.vars, tuple(case.location), asserts, *case[4:]),
        job.data,
        job.fingerprint,
        job.place,
    )


def _unpacked(unit: Unit, packed: tuple[Any, ...]) -> Job:
    (name, values, location, asserts, *rest), data, fingerprint, place = packed
    case = Case(
        name,
        values,
        Location(*location),
        tuple(Assertion(spec, Location(*where)) for spec, where in asserts),
        *rest,
    )
    return Job(unit, case, 0, data, fingerprint, place)
