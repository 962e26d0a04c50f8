"""One attempt at a test run: a new journal, or the journal of the last test run if it was stopped or killed.

An answer in such a journal is paid for. It is reused if everything that its checks depend on is the same: the prompt
with its tests and assertions, the endpoint and its headers, and the request itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..endpoints.connect import Connection
from ..engine.attempt import Attempt
from ..engine.batch.batch_parts import parts_in
from ..engine.journal.record import Record
from ..engine.journal.stored_runs import DAMAGED, StoredRun, refuse_newer, stored_runs
from ..engine.plan.configuration import key_of, section_of, sections_of
from ..engine.plan.job import Job, Unit
from ..errors import RunnerError

__all__ = ["TestAttempt"]

_COMMAND = "test"
_UNFINISHED = frozenset({"killed", "interrupted", "stopped", "failed"})
_CUT_OUT = "[key]"
"""Replaces a key in a journal, so the original answer is no longer known."""


@dataclass(frozen=True, slots=True)
class TestAttempt:
    """An attempt at a test run. It reuses the answers in its journal that belong to `unchanged` sections."""

    __test__ = False  # for pytest, which collects classes by name

    attempt: Attempt
    root: Path
    unchanged: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(
        cls,
        units: Sequence[Unit],
        connections: Mapping[str, Connection],
        root: Path,
        note: Callable[[str], None],
        *,
        resume: bool,
        numbering: str | None = None,
    ) -> TestAttempt:
        """Return the attempt to make now. Raises StorageError if nothing can be stored.

        `numbering` is that of requests in batches: a run with the same one is resumed in every record mode, because its
        batches were submitted for these requests.
        """
        facts: dict[str, Any] = {
            "command": _COMMAND,
            "files": {unit.prompt.path: key_of(unit.prompt, root) for unit in units},
            "configuration": sections_of(units, connections, root, takes_tests=True),
            "headers": {name: connection.extra_cache_key for name, connection in connections.items()},
        }
        earlier = _last_test(root) if resume or numbering is not None else None
        if earlier is not None and (numbering is None or earlier.manifest.get("numbering") != numbering):
            if any(not part.closed for part in parts_in(earlier.manifest, earlier.id)):
                why = "have other requests" if numbering else "are collected with --batch"
                note(f"the batches of the test run {earlier.id} {why}, and are left alone")
                earlier = None
            elif not resume:
                earlier = None
        if earlier is not None and earlier.status in _UNFINISHED:
            try:
                return cls._resume(earlier, units, facts, root, note)
            except RunnerError as error:
                note(f"the unfinished test run {earlier.id} is left alone: {error.message}")
        return cls(Attempt.begin(facts, root), root)

    @classmethod
    def _resume(
        cls,
        earlier: StoredRun,
        units: Sequence[Unit],
        facts: Mapping[str, Any],
        root: Path,
        note: Callable[[str], None],
    ) -> TestAttempt:
        was = earlier.manifest
        attempt = Attempt.resume(earlier, facts)
        unchanged = frozenset(
            section
            for unit in units
            if was["configuration"].get(section := section_of(unit, root)) == facts["configuration"][section]
            and was["headers"].get(unit.endpoint.name) == facts["headers"][unit.endpoint.name]
        )
        note(f"resuming the test run {earlier.id}: {len(attempt.earlier):,} of its answers had arrived")
        return cls(attempt, root, unchanged)

    def unanswered(self, jobs: Iterator[Job], take: Callable[[Job, Sequence[Record]], None]) -> Iterator[Job]:
        """Yield the jobs that must be sent; `take` receives the records of the others."""
        for job in jobs:
            records = self._answer(job)
            if records is None:
                yield job
            else:
                take(job, records)

    def _answer(self, job: Job) -> list[Record] | None:
        return self._usable(job, self.attempt.earlier.find)

    def held(self, job: Job) -> list[Record] | None:
        """Return the answer to a job that the stopped run received but did not judge."""
        return self._usable(job, lambda each, name: self.attempt.held(each, lambda: name))

    def _usable(self, job: Job, find: Callable[[Job, str], list[Record] | None]) -> list[Record] | None:
        if section_of(job.unit, self.root) not in self.unchanged:
            return None
        records = find(job, key_of(job.unit.prompt, self.root))
        if records is None or _CUT_OUT in json.dumps(records):
            return None
        for record in records:
            record["file"] = job.unit.prompt.path  # its path from the current folder
        return records


def _last_test(root: Path) -> StoredRun | None:
    """Return the newest run of `runner test`; None if it lacks something that is needed to resume it.

    Raises NewerFormatError if a newer runner wrote it: the answers in it are paid for.
    """
    run = next((run for run in stored_runs(root) if run.manifest.get("command") == _COMMAND), None)
    if run is None or run.status == DAMAGED:
        return None
    refuse_newer(run)
    needed = ("files", "configuration", "headers")
    return run if all(isinstance(run.manifest.get(name), dict) for name in needed) else None
