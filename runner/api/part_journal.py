"""The journal of one part of a data set: one file of records, from which the same call continues."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Self

from ..endpoints.connect import Connection
from ..engine.journal.index import JournalIndex
from ..engine.journal.journal_file import JournalFile, cannot_store
from ..engine.journal.record import Record, cleaned
from ..engine.plan.configuration import key_of
from ..engine.plan.job import Job, Unit
from ..errors import UsageError
from ..files.disk.file_lock import hold
from ..files.disk.plain_files import open_plain
from ..masking import json_cleaner

__all__ = ["JournalInUseError", "PartJournal"]


class JournalInUseError(UsageError):
    """Another process, or another call in this one, is writing the journal."""


class PartJournal(JournalFile):
    """The answers to the rows of one part, in a file that this process has locked, in the format of a run's journal.

    The file of the prompt is recorded by its path from the project's root, so that any machine can continue.
    """

    def __init__(
        self, file: BinaryIO, path: Path, index: JournalIndex, name: str, connection: Connection
    ) -> None:
        super().__init__(file.fileno(), path)
        self._file = file
        self._index = index
        self._name = name
        self._connection = connection
        self._secrets: tuple[str, ...] | None = None
        self._clean: Callable[[str], str] = str

    @classmethod
    def open(cls, path: Path, unit: Unit, root: Path, connection: Connection) -> Self:
        """Open or create the file at `path`, and the folders above it.

        Raises JournalInUseError if another process is writing it; UsageError if it is something else than a journal; StorageError if it
        cannot be written, or is damaged other than at its end.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = open_plain(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644, follow=True)
        except OSError as error:
            raise cannot_store(error, path) from None
        file = os.fdopen(descriptor, "r+b", buffering=0)
        try:
            if not hold(file):
                raise JournalInUseError(
                    f"the journal {path} is being written by another process",
                    hint="each part needs a journal of its own; a worker that was given up may still be at work",
                )
            index = JournalIndex(path, None)
            if not index.sound and index.lost and not _is_torn_line(file):
                raise UsageError(f"{path} is not a journal of runner", hint="give the path of a new file")
            journal = cls(file, path, index, key_of(unit.prompt, root), connection)
            if index.lost:
                journal.truncate(index.sound)
        except BaseException:
            file.close()
            raise
        return journal

    def find(self, job: Job) -> Sequence[Record] | None:
        """Return the stored records of a job, or None if the exact request has no answer yet."""
        return self._index.find(job, self._name)

    def add(self, finished: Sequence[Sequence[Record]]) -> list[Sequence[Record]]:
        """Store the records of finished jobs, and return them as they are stored: without keys."""
        if self._secrets != self._connection.secrets:
            self._secrets = self._connection.secrets
            self._clean = json_cleaner(self._secrets)
        for records in finished:
            for record in records:
                record["file"] = self._name
        kept = [cleaned(records, self._clean) for records in finished]
        self.append(b"".join(lines for _, lines in kept))
        return [records for records, _ in kept]

    def close(self) -> None:
        """Sync, close, and let other processes have the file. Closing twice has no effect."""
        if not self._closed:
            self._closed = True
            try:
                self.sync()
            finally:
                self._file.close()


def _is_torn_line(file: BinaryIO) -> bool:
    """Return whether the file has only the beginning of its first record, as after a crash."""
    file.seek(0)
    start = file.read(1 << 24)
    return b"\n" not in start and (start.startswith(_FIRST) or _FIRST.startswith(start))


_FIRST = b'{"prompt":'
