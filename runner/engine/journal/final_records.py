"""The final records of a run: the last ones of each job, including errors.

`JournalIndex` has only the answered jobs, which need no new request. Someone who looks at a run also wants the failed ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .counters import Counters
from .index import identity_of, journal_lines, read_results
from .record import Record
from .stored_runs import StoredRun

__all__ = ["RecordIndex", "final_records", "last_records", "manifest_now"]


def manifest_now(run: StoredRun) -> Mapping[str, Any]:
    """Return the manifest of a run with its current status.

    `run.json` gets its totals when the run ends. The totals of a run that was killed, or that is still running, are
    counted in its journal. Raises as `final_records`.
    """
    manifest = {**run.manifest, "status": run.status}
    if run.status not in ("killed", "running") or "started" not in manifest:
        return manifest
    counters = Counters(total=manifest.get("total"))
    for record in final_records(run):
        counters.add(record)
    return {**manifest, **counters.totals()}


def final_records(run: StoredRun) -> Iterator[Record]:
    """Yield the records of a run in the journal's order, without those that a later attempt replaced.

    Raises StorageError for a journal that is damaged anywhere but at its end, NewerFormatError for a newer record.
    """
    if not run.results.exists():
        return
    if int(run.manifest.get("stretches") or 1) == 1:
        for _, _, record in journal_lines(run.results):
            yield record
        return
    yield from last_records(run.results, run.manifest.get("files", {}))


def last_records(path: Path, names: Mapping[str, str]) -> Iterator[Record]:
    """Yield the records of a file in its order, without those that a later record of the same job replaces.

    `names` maps the path of a prompt file in the records to its path from the project's root. Raises as `final_records`.
    """
    last = {identity: offset for identity, offset, _, _ in _jobs(path, names)}
    for identity, offset, _, records in _jobs(path, names):
        if last[identity] == offset:
            yield from records


class RecordIndex:
    """Index of the last records of each job in the journal of a run. A job takes two numbers."""

    def __init__(self, run: StoredRun) -> None:
        self._run = run
        self._jobs = (
            {
                identity: (offset, length)
                for identity, offset, length, _ in _jobs(run.results, run.manifest.get("files", {}))
            }
            if run.results.exists()
            else {}
        )
        self._seen: set[int] = set()

    def find(self, record: Record, file: str) -> Record | None:
        """Find the record of the same case, sample and choice; `file` is the prompt file's path from the project's root."""
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
        """Yield the records of the jobs that `find` was not called for."""
        with self._run.results.open("rb") as journal:
            for identity, place in self._jobs.items():
                if identity not in self._seen:
                    yield from read_results(journal, *place)


def _jobs(path: Path, names: Mapping[str, str]) -> Iterator[tuple[int, int, int, list[Record]]]:
    """Yield each job of a journal, superseded or not: its identity, offset, length and records.

    The records of a job are adjacent. A job may be followed by the same job, if it was requested again.
    """
    group: list[tuple[int, int, Record]] = []
    for line in journal_lines(path):
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
