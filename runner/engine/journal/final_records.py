"""The records of a run as they stand in the end: the last word on each job, errors included.

`JournalIndex` knows only what need not be asked again. Who looks at a run wants to see as well what came to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .index import identity_of, journal_lines, read_results
from .record import Record
from .stored_runs import StoredRun

__all__ = ["RecordIndex", "final_records"]


def final_records(run: StoredRun) -> Iterator[Record]:
    """The records of a run in the journal's order, without those that a later stretch of it asked for again.

    Raises StorageError for a journal that is damaged anywhere but at its end, NewerFormatError for a newer record.
    """
    if not run.results.exists():
        return
    if int(run.manifest.get("stretches") or 1) == 1:
        for _, _, record in journal_lines(run.results):
            yield record
        return
    current = RecordIndex(run)
    for identity, offset, _, records in _jobs(run):
        if current.offset(identity) == offset:
            yield from records


class RecordIndex:
    """Finds the last word on a job in the journal of a run. A job takes two numbers."""

    def __init__(self, run: StoredRun) -> None:
        self._run = run
        self._jobs = (
            {identity: (offset, length) for identity, offset, length, _ in _jobs(run)}
            if run.results.exists()
            else {}
        )
        self._seen: set[int] = set()

    def offset(self, identity: int) -> int:
        """Where the job's records begin."""
        return self._jobs[identity][0]

    def find(self, record: Record, file: str) -> Record | None:
        """The record of the same case, sample and choice; `file` is what its project calls the prompt's file."""
        identity = identity_of(file, record["case"], record["variant"], record["sample"])
        place = self._jobs.get(identity)
        if place is None:
            return None
        self._seen.add(identity)
        with self._run.results.open("rb") as journal:
            found = read_results(journal, *place)
        choice = record.get("choice", 0)
        return next((each for each in found if each.get("choice", 0) == choice), None)

    def unseen(self) -> Iterator[Record]:
        """The records of the jobs that nobody looked for."""
        with self._run.results.open("rb") as journal:
            for identity, place in self._jobs.items():
                if identity not in self._seen:
                    yield from read_results(journal, *place)


def _jobs(run: StoredRun) -> Iterator[tuple[int, int, int, list[Record]]]:
    """Each job of a journal, superseded or not: its identity, where it begins, how long it is, its records.

    The records of a job stand together. The same job may follow on itself, where it was asked for again.
    """
    names = run.manifest.get("files", {})
    group: list[tuple[int, int, Record]] = []
    for line in journal_lines(run.results):
        if group and (len(group) >= group[0][2].get("choices", 1) or _key(line[2]) != _key(group[0][2])):
            yield _job(group, names)
            group = []
        group.append(line)
    if group:
        yield _job(group, names)


def _job(
    group: list[tuple[int, int, Record]], names: Mapping[str, str]
) -> tuple[int, int, int, list[Record]]:
    (first, _, _), (last, length, _) = group[0], group[-1]
    file, case, variant, sample = _key(group[0][2])
    identity = identity_of(names.get(file, file), case, variant, sample)
    return identity, first, last + length - first, [record for _, _, record in group]


def _key(record: Record) -> tuple[str, str, str | None, int]:
    return record["file"], record["case"], record["variant"], record["sample"]
