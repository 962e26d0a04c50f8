"""One attempt at a run: the first, or one that resumes where the last stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..files.model import Case
from .journal.index import JournalIndex
from .journal.journal import Journal
from .journal.stored_runs import StoredRun
from .plan.configuration import Configuration, differences, key_of
from .plan.plan import Job, Plan, Preflight, Skip, Unit

__all__ = ["Attempt", "RunAttempt", "facts_of"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """The journal to write, the answers that earlier attempts left in it, and its facts for `run.json`."""

    journal: Journal
    earlier: JournalIndex
    facts: Mapping[str, Any]

    @classmethod
    def begin(cls, facts: Mapping[str, Any], root: Path) -> Attempt:
        """Begin a new run. Raises StorageError where it cannot be kept."""
        journal = Journal.create(root)
        return cls(journal, JournalIndex(journal.results, {}), facts)

    @classmethod
    def resume(
        cls,
        stored: StoredRun,
        facts: Mapping[str, Any],
        check: Callable[[JournalIndex], None] = lambda _: None,
    ) -> Attempt:
        """Resume a stored run. `check` raises where its answers do not belong to what is asked now.

        Raises UsageError for a run that another process is at, StorageError for a journal that is damaged in its middle.
        Until `check` has returned nothing is changed.
        """
        journal = Journal.reopen(stored.folder)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(journal.close)
            names = {**stored.manifest.get("files", {}), **facts["files"]}
            earlier = JournalIndex(stored.results, names)
            check(earlier)
            if earlier.lost:
                journal.truncate(earlier.sound)
            on_failure.pop_all()
        kept = {name: stored.manifest[name] for name in ("started", "seconds") if name in stored.manifest}
        attempts = 1 + int(stored.manifest.get("stretches", 1))
        return cls(journal, earlier, {**facts, "files": names, **kept, "stretches": attempts})


@dataclass(frozen=True, slots=True)
class RunAttempt:
    """An attempt at a run of `runner run`, with what it amounts to.

    `done`: nothing is left to ask, and the run has said so before.
    """

    attempt: Attempt
    preflight: Preflight
    root: Path
    done: bool = False

    @classmethod
    def begin(cls, preflight: Preflight, facts: Mapping[str, Any], root: Path) -> RunAttempt:
        """Begin a new run. Raises StorageError where it cannot be kept."""
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
        """Resume a stored run. `run_preflight` walks the whole plan and tells the given function each case's job.

        Raises UsageError for a run that asked something else, or that has no configuration to compare, and what
        `Attempt.resume` raises.
        """
        was: Configuration | None = stored.manifest.get("configuration")
        if was is None:
            raise UsageError(
                f"the run {stored.id} cannot be resumed: it is not a run of `runner run`",
                hint="start a new one",
            )
        if changed := differences(was, facts["configuration"]):
            raise UsageError(
                f"the run {stored.id} cannot be resumed, since it asked something else:\n  "
                + "\n  ".join(changed),
                hint="undo that, or start a new run",
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
        """The answers that are in it."""
        return self.attempt.earlier

    @property
    def facts(self) -> Mapping[str, Any]:
        """What `run.json` says of it."""
        return self.attempt.facts

    def skip(self, told: Callable[[int, tuple[int, int]], None]) -> Skip | None:
        """For `Plan.by_endpoint`: passes over what is answered, and tells its place in the run and in the journal."""
        earlier = self.earlier
        if not len(earlier):
            return None
        names: dict[str, str] = {}

        def passed(unit: Unit, case: Case, sample: int, index: int) -> bool:
            name = names.get(unit.prompt.path)
            if name is None:
                name = names[unit.prompt.path] = key_of(unit.prompt, self.root)
            place = earlier.place(unit, name, case, sample)
            if place is not None:
                told(index, place)
            return place is not None

        return passed


def facts_of(
    plan: Plan, configuration: Configuration, arguments: Mapping[str, Any], cwd: Path, root: Path
) -> dict[str, Any]:
    """What `run.json` says of a run so that it can be resumed and merged.

    `arguments` are the command line's, `cwd` the folder it was typed in.
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
