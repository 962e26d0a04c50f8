"""Store rehearsed jobs in a temporary file, so that no row is read, checked and rendered twice.

What was checked is what is sent, even if a file of rows changes in the meantime. The file is unnamed, private, and
disappears with the process, however that ends. It consists of blocks of a few dozen jobs, each preceded by its length;
memory use does not grow with the number of jobs.
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
from .job import Job, Unit

__all__ = ["MOST_BYTES", "Spool"]

MOST_BYTES = 256 * 1024 * 1024
"""Maximum size of the file, which may be in memory (tmpfs). The jobs beyond it are rendered a second time."""

_TOGETHER = 32
"""Jobs per block."""

_HEAD = 8
"""Bytes for the length of a block."""

_FORMAT = 2
"""The version for `marshal` that does not look for repeated objects, which takes longer than writing them."""


@dataclass(slots=True)
class _Section:
    """The first `cases` cases of one unit; their blocks begin at `offset`."""

    offset: int
    cases: int = 0


class Spool:
    """The jobs of a preflight, unit by unit in order. A context manager, which owns the file.

    A unit may be stored in part or not at all, if the file or the disk is full or a value has a type that `marshal`
    cannot write. The reader then renders the remaining cases again.
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
        """Begin the cases of the next unit."""
        self.end()
        self._sections.append(_Section(self._size))
        self._open = True

    def add(self, job: Job | None) -> None:
        """Add the job of the unit's next case, or None for a case of another shard."""
        if self._open:
            self._block.append(None if job is None else _packed(job))
            if len(self._block) == _TOGETHER:
                self._write()

    def end(self) -> None:
        """End the current unit."""
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
            self._file.seek(self._size)  # a failed write may have left a partial block
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
        """Return how many cases of the unit at `place` (from 0) are stored; these are its first ones."""
        return self._sections[place].cases

    def jobs(self, place: int, unit: Unit) -> Iterator[Job | None]:
        """Yield the jobs of these cases as they were added. Raises StorageError if they cannot be read."""
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
            raise StorageError("the temporary file was truncated")
        return data


def _packed(job: Job) -> tuple[Any, ...]:
    case = job.case
    asserts = [(each.spec, tuple(each.location)) for each in case.asserts]
    return (
        (case.id, case.vars, tuple(case.location), asserts, *case[4:]),
        job.data,
        job.fingerprint,
        job.place,
        job.translated,
    )


def _unpacked(unit: Unit, packed: tuple[Any, ...]) -> Job:
    (name, values, location, asserts, *rest), data, fingerprint, place, translated = packed
    case = Case(
        name,
        values,
        Location(*location),
        tuple(Assertion(spec, Location(*where)) for spec, where in asserts),
        *rest,
    )
    return Job(unit, case, 0, data, fingerprint, place, translated)
