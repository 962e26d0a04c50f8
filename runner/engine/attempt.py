"""A run from its start, or from where an earlier stretch of it ended: the same results as if it had never stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..files.model import Case
from .journal.index import Past
from .journal.journal import Journal
from .journal.stored_runs import StoredRun
from .plan.configuration import Configuration, differences, key_of
from .plan.plan import Job, PassOver, Plan, Rehearsal, Unit

__all__ = ["Stretch", "facts_of"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What `session.run_jobs` needs of a run that goes on: its journal, what is in it, and its facts for `run.json`.

    `done`: nothing is left to ask, and the run has said so before.
    """

    journal: Journal
    past: Past
    rehearsal: Rehearsal
    facts: Mapping[str, Any]
    root: Path
    done: bool = False

    @classmethod
    def begin(cls, rehearsal: Rehearsal, facts: Mapping[str, Any], root: Path) -> Stretch:
        """A new run. Raises StorageError where it cannot be kept."""
        journal = Journal.create(root)
        return cls(journal, Past(journal.results, {}), rehearsal, facts, root)

    @classmethod
    def resume(
        cls,
        stored: StoredRun,
        plan: Plan,
        rehearse: Callable[[Callable[[Job], None]], Rehearsal],
        facts: Mapping[str, Any],
        root: Path,
    ) -> Stretch:
        """Go on with a stored run. `rehearse` walks the whole plan and tells the given function each case's job.

        Raises UsageError for a run that asked something else, that another process is at, or that has no
        configuration to compare; StorageError for a journal that is damaged in its middle.
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
        journal = Journal.reopen(stored.folder)
        with contextlib.ExitStack() as closing:
            closing.callback(journal.close)
            names = {**stored.manifest.get("files", {}), **facts["files"]}
            past = Past(stored.results, names)
            rehearsal = rehearse(lambda job: past.visit(job, key_of(job.unit.prompt, root), plan.repeat))
            past.refuse_strays()
            if past.lost:
                journal.truncate(past.sound)
            done = stored.status == "complete" and len(past) == rehearsal.jobs
            kept = {name: stored.manifest[name] for name in ("started", "seconds") if name in stored.manifest}
            stretches = 1 + int(stored.manifest.get("stretches", 1))
            closing.pop_all()
            return cls(
                journal,
                past,
                rehearsal,
                {**facts, "files": names, **kept, "stretches": stretches},
                root,
                done,
            )

    def pass_over(self, told: Callable[[int, tuple[int, int]], None]) -> PassOver | None:
        """For `Plan.by_endpoint`: passes over what is answered, and tells its place in the run and in the journal."""
        if not len(self.past):
            return None
        names: dict[str, str] = {}

        def passed(unit: Unit, case: Case, sample: int, index: int) -> bool:
            name = names.get(unit.prompt.path)
            if name is None:
                name = names[unit.prompt.path] = key_of(unit.prompt, self.root)
            place = self.past.place(unit, name, case, sample)
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
