"""Find the questions behind stored answers: their messages, rendered again from the current prompts."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..engine.journal.record import Record
from ..engine.journal.stored_runs import StoredRun
from ..engine.plan.job import Job, Unit
from ..engine.plan.selection import Selection
from ..engine.plan.units import variants_of
from ..errors import RunnerError, UsageError
from ..files.addresses import key_variables
from ..files.cases import cases_of
from ..files.model import Case
from ..masking import json_cleaner
from ..regress.results import PendingEntry
from ..regress.snapshots.snapshot import is_of_pack
from ..report.question import Question
from ..values import Json
from ..workspace import Workspace
from .load_selection import request_fields

__all__ = ["CaseQuestions", "DeclaredCases", "Questions", "keys_of", "messages_of"]

NO_CASE = "the prompt no longer has this case"


class Questions:
    """Finds the question of each record of a run. A prompt is loaded once, when its first record needs it."""

    def __init__(self, run: StoredRun, workspace: Workspace) -> None:
        self._manifest = run.manifest
        self._workspace = workspace
        self._prompts: dict[str, Mapping[str | None, Unit] | str] = {}
        self._clean = json_cleaner(keys_of(workspace))

    def of(self, record: Record) -> Question:
        """Return the question of a record. If its prompt now has an error, the question's remark says so."""
        unit = self.unit(record)
        if isinstance(unit, str):
            return Question(None, unit)
        try:
            job = unit.job(Case(record["case"], record["vars"], unit.prompt.locate()))
        except RunnerError as error:
            return Question(None, f"the prompt has changed since and cannot be rendered: {error.message}")
        return Question(
            messages_of(job.data, self._clean), changed=record["fingerprint"] not in job.fingerprints()
        )

    def unit(self, record: Record) -> Unit | str:
        """Return the unit of the record's prompt and variant, or the reason why there is none."""
        file = record["file"]
        if file not in self._prompts:
            try:
                self._prompts[file] = self._load(self._manifest.get("files", {}).get(file, file))
            except RunnerError as error:
                self._prompts[file] = f"the prompt cannot be read: {error.message}"
        found = self._prompts[file]
        if isinstance(found, str):
            return found
        return found.get(record["variant"], "the prompt no longer has this variant")

    def _load(self, name: str) -> Mapping[str | None, Unit]:
        """Compile a prompt with the options of the run, in all its variants."""
        workspace = self._workspace
        asking: Any = self._manifest.get("arguments", {}).get("asking", {})
        place = workspace.root / name
        named = str(place)
        if ":" in name and not place.exists():
            workspace.packs.verify_copies()
            named = name
        elif not place.resolve().is_relative_to(workspace.root.resolve()):
            raise UsageError(f"{name} is outside the project")
        fields = request_fields(asking.get("models") or (), asking.get("sets") or ())
        units = workspace.units(workspace.prompts([named]), endpoint=asking.get("endpoint"), fields=fields)
        return {unit.variant: unit for unit in units}


class CaseQuestions:
    """Finds the questions of a project's cases. Each prompt is loaded once, when it is first needed."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._cases: dict[str, Mapping[tuple[str, str | None], tuple[Unit, Case]] | RunnerError] = {}
        self._clean = json_cleaner(keys_of(workspace))

    def of(self, entry: PendingEntry) -> Question:
        """Return the question of a pending answer. If its prompt now has an error, the question's remark says so."""
        found = self._prompt(entry)
        if isinstance(found, RunnerError):
            return Question(None, f"the prompt cannot be read: {found.message}")
        if (entry.case, entry.variant) not in found:
            return Question(None, NO_CASE)
        unit, case = found[entry.case, entry.variant]
        try:
            return self.about(unit.job(case), entry.snapshot.request)
        except RunnerError as error:
            return Question(None, f"the prompt has changed since and cannot be rendered: {error.message}")

    def about(self, job: Job, request: str | None = None) -> Question:
        """Return the question of a job; `request` is the fingerprint of the request that was answered."""
        data = json.dumps(job.case.vars, ensure_ascii=False)
        return Question(
            messages_of(job.data, self._clean),
            changed=request is not None and request not in job.fingerprints(),
            variables=json.loads(self._clean(data)),
        )

    def _prompt(
        self, entry: PendingEntry
    ) -> Mapping[tuple[str, str | None], tuple[Unit, Case]] | RunnerError:
        """Return the cases of the entry's prompt by id and variant, or the error of loading it."""
        named = _named(entry, self._workspace)
        if named not in self._cases:
            try:
                if is_of_pack(entry.snapshot_file):
                    self._workspace.packs.verify_copies()
                units = self._workspace.units(self._workspace.prompts([named]))
                self._cases[named] = {
                    (case.id, unit.variant): (unit, case)
                    for unit in units
                    for case in Selection().cases(unit)
                }
            except RunnerError as error:
                self._cases[named] = error
        return self._cases[named]


class DeclaredCases:
    """Finds the cases that a project's prompts declare, for commands that render and compile nothing."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._cases: dict[str, Collection[tuple[str, str | None]] | None] = {}

    def lack(self, entry: PendingEntry) -> bool:
        """Return whether the prompt of a pending answer can be read and lacks the case, so that nothing uses its snapshot."""
        named = _named(entry, self._workspace)
        if named not in self._cases:
            try:
                self._cases[named] = self._read(named)
            except RunnerError:
                self._cases[named] = None
        found = self._cases[named]
        return found is not None and (entry.case, entry.variant) not in found

    def _read(self, named: str) -> Collection[tuple[str, str | None]] | None:
        """Return the cases of a prompt by id and variant; None if it has no tests, so that it may have an implicit case."""
        found: set[tuple[str, str | None]] = set()
        for prompt in self._workspace.prompts([named]):
            if not prompt.tests:
                return None
            variants = [variant.name for variant in variants_of(prompt, self._workspace.project)]
            found |= {(case.id, variant) for case in cases_of(prompt) for variant in variants}
        return found


def _named(entry: PendingEntry, workspace: Workspace) -> str:
    """Return the name of a pending answer's prompt for the command line."""
    return entry.prompt if is_of_pack(entry.snapshot_file) else str(workspace.root / entry.prompt_file)


def messages_of(data: bytes, clean: Callable[[str], str]) -> list[Json]:
    """Return the messages of a request, without keys, so that they can be shown."""
    messages: list[Json] = json.loads(clean(data.decode()))["messages"]
    return messages


def keys_of(workspace: Workspace) -> list[str]:
    """Return the values of the project's keys in the environment."""
    names = key_variables(workspace.project.endpoints.values())
    return [workspace.environ[name] for name in names if workspace.environ.get(name)]
