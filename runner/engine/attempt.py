"""One attempt at a run: the first, or one that resumes where the last stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..files.model import Case
from .journal.counters import is_new
from .journal.index import JournalIndex, journal_lines
from .journal.journal import RESULTS, Journal
from .journal.record import Record, paid, was_judged
from .journal.side_file import JUDGED, WAITING, SideFile
from .journal.stored_runs import StoredRun
from .plan.configuration import Configuration, differences, key_of
from .plan.job import Job, Unit
from .plan.plan import Plan, Preflight, Skip

__all__ = ["Attempt", "RunAttempt", "facts_of"]


_KEPT = ("started", "seconds", "exported", "batches")
"""Facts of `run.json` that later attempts keep."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The journal to write, the index of the answers that earlier attempts left in it, and the facts for `run.json`.

    `waiting` is the index of the answers that were received and not judged; None if there are none.
    """

    journal: Journal
    earlier: JournalIndex
    facts: Mapping[str, Any]
    waiting: JournalIndex | None = None

    def held(self, job: Job, name: Callable[[], str]) -> list[Record] | None:
        """Return the answer to a job that an earlier attempt received but did not judge.

        `name` returns the job's name as in `JournalIndex`; usually nothing is held, and it is not called.
        """
        return None if self.waiting is None else self.waiting.find(job, name())

    def payments(self) -> Iterator[float]:
        """Yield what each answer in the journal cost, in US dollars, including answers that were requested again."""
        for name in (RESULTS, WAITING, JUDGED):
            path = self.journal.folder / name
            for _, _, record in journal_lines(path) if path.exists() else ():
                counted = name != RESULTS or not was_judged(record)  # a judged answer is in the other files
                if counted and is_new(record) and (cost := paid(record)):
                    yield cost

    @classmethod
    def begin(cls, facts: Mapping[str, Any], root: Path) -> Attempt:
        """Begin a new run. Raises StorageError if its folder cannot be written."""
        journal = Journal.create(root)
        return cls(journal, JournalIndex(journal.results, {}), facts)

    @classmethod
    def resume(
        cls,
        stored: StoredRun,
        facts: Mapping[str, Any],
        check: Callable[[JournalIndex], None] = lambda _: None,
    ) -> Attempt:
        """Resume a stored run. `check` must raise if the stored answers do not belong to the current requests.

        Raises UsageError if another process holds the run, StorageError if the journal is damaged other than at its end.
        Nothing is changed before `check` has returned.
        """
        journal = Journal.reopen(stored.folder)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(journal.close)
            names = {**stored.manifest.get("files", {}), **facts["files"]}
            earlier = JournalIndex(stored.results, names)
            check(earlier)
            if earlier.lost:
                journal.truncate(earlier.sound)
            waiting = _waiting(journal, names)
            on_failure.pop_all()
        kept = {name: stored.manifest[name] for name in _KEPT if name in stored.manifest}
        attempts = 1 + int(stored.manifest.get("stretches", 1))
        return cls(journal, earlier, {**facts, "files": names, **kept, "stretches": attempts}, waiting)


def _waiting(journal: Journal, names: Mapping[str, str]) -> JournalIndex | None:
    """Return the index of the answers that wait, after dropping a line that was half written."""
    file = SideFile(journal.folder / WAITING)
    if not file.path.exists():
        return None
    index = JournalIndex(file.path, names)
    if index.lost:
        file.truncate(index.sound)
        file.close()
    return index


@dataclass(frozen=True, slots=True)
class RunAttempt:
    """An attempt at a run of `runner run`, with the totals of its preflight.

    `done`: every request has an answer, and the run was already reported as complete.
    """

    attempt: Attempt
    preflight: Preflight
    root: Path
    done: bool = False

    @classmethod
    def begin(cls, preflight: Preflight, facts: Mapping[str, Any], root: Path) -> RunAttempt:
        """Begin a new run. Raises StorageError if its folder cannot be written."""
        return cls(Attempt.begin(facts, root), preflight, root)

    @classmethod
    def resume(
        cls,
        stored: StoredRun,
        plan: Plan,
        run_preflight: Callable[[Callable[[Job], None]], Preflight],
        facts: Mapping[str, Any],
        root: Path,
    ) -> RunAttempt:
        """Resume a stored run. `run_preflight` walks the whole plan and calls the given function with each case's job.

        Raises UsageError if the run had another configuration, or none to compare, and as `Attempt.resume` does.
        """
        was: Configuration | None = stored.manifest.get("configuration")
        if was is None:
            raise UsageError(
                f"the run {stored.id} cannot be resumed: it is not a run of `runner run`",
                hint="start a new one",
            )
        if changed := differences(was, facts["configuration"]):
            raise UsageError(
                f"the run {stored.id} cannot be resumed, because its configuration was different:\n  "
                + "\n  ".join(changed),
                hint="undo these changes, or start a new run",
            )
        found: list[Preflight] = []

        def check(earlier: JournalIndex) -> None:
            found.append(
                run_preflight(lambda job: earlier.visit(job, key_of(job.unit.prompt, root), plan.repeat))
            )
            earlier.refuse_unknown()

        attempt = Attempt.resume(stored, facts, check)
        [preflight] = found
        done = stored.status == "complete" and len(attempt.earlier) == preflight.jobs
        return cls(attempt, preflight, root, done)

    @property
    def journal(self) -> Journal:
        """The journal to write."""
        return self.attempt.journal

    @property
    def earlier(self) -> JournalIndex:
        """The index of the answers that are already in the journal."""
        return self.attempt.earlier

    @property
    def facts(self) -> Mapping[str, Any]:
        """The facts for `run.json`."""
        return self.attempt.facts

    def held(self, job: Job) -> list[Record] | None:
        """Return the answer to a job that an earlier attempt received but did not judge."""
        return self.attempt.held(job, lambda: key_of(job.unit.prompt, self.root))

    def skip(self, on_skipped: Callable[[int, tuple[int, int]], None]) -> Skip | None:
        """Return a function for `Plan.by_endpoint` that skips answered jobs, or None if no job is answered.

        `on_skipped` is called with the place of each such job in the run and in the journal.
        """
        earlier = self.earlier
        if not len(earlier):
            return None
        names: dict[str, str] = {}

        def is_answered(unit: Unit, case: Case, sample: int, index: int) -> bool:
            name = names.get(unit.prompt.path)
            if name is None:
                name = names[unit.prompt.path] = key_of(unit.prompt, self.root)
            place = earlier.place(unit, name, case, sample)
            if place is not None:
                on_skipped(index, place)
            return place is not None

        return is_answered


def facts_of(
    plan: Plan, configuration: Configuration, arguments: Mapping[str, Any], cwd: Path, root: Path
) -> dict[str, Any]:
    """Return the facts for `run.json` that are needed to resume and merge a run.

    `arguments` are those of the command line, `cwd` is the folder in which it was run.
    """
    try:
        folder = cwd.relative_to(root).as_posix()
    except ValueError:
        folder = str(cwd)
    return {
        "arguments": dict(arguments),
        "cwd": folder,
        "shard": str(plan.shard) if plan.shard else None,
        "files": {unit.prompt.path: key_of(unit.prompt, root) for unit in plan.units},
        "configuration": configuration,
    }
