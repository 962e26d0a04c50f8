"""What the records of a stored run asked: their messages, rendered again from the prompts as they are now."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ..engine.journal.record import Record
from ..engine.journal.stored_runs import StoredRun
from ..engine.plan.plan import Unit
from ..errors import RunnerError, UsageError
from ..files.addresses import key_variables
from ..files.model import Case
from ..masking import json_cleaner
from ..report.question import Question
from ..values import Json
from ..workspace import Workspace
from .selection import request_fields

__all__ = ["Questions", "keys_of", "messages_of"]


class Questions:
    """Finds what each record of a run asked. A prompt is loaded when its first record comes, and once."""

    def __init__(self, run: StoredRun, workspace: Workspace) -> None:
        self._manifest = run.manifest
        self._workspace = workspace
        self._prompts: dict[str, Mapping[str | None, Unit] | str] = {}
        self._clean = json_cleaner(keys_of(workspace))

    def of(self, record: Record) -> Question:
        """Return the question of a record. Nothing that is wrong with its prompt now is an error."""
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
        """Return the prompt in the record's variant, or why there is none."""
        file = record["file"]
        if file not in self._prompts:
            try:
                self._prompts[file] = self._load(self._manifest.get("files", {}).get(file, file))
            except RunnerError as error:
                self._prompts[file] = f"the prompt cannot be read: {error.message}"
        found = self._prompts[file]
        if isinstance(found, str):
            return found
        return found.get(record["variant"], "the prompt has no such variant any more")

    def _load(self, name: str) -> Mapping[str | None, Unit]:
        """Compile a prompt of the run as it was chosen then, in all its variants."""
        workspace = self._workspace
        asking: Any = self._manifest.get("arguments", {}).get("asking", {})
        place = workspace.root / name
        named = str(place)
        if ":" in name and not place.exists():
            workspace.packs.verify_copies()
            named = name
        elif not place.resolve().is_relative_to(workspace.root.resolve()):
            raise UsageError(f"{name} lies outside the project")
        fields = request_fields(asking.get("models") or (), asking.get("sets") or ())
        units = workspace.units(workspace.prompts([named]), endpoint=asking.get("endpoint"), fields=fields)
        return {unit.variant: unit for unit in units}


def messages_of(data: bytes, clean: Callable[[str], str]) -> list[Json]:
    """The messages of a request as they may be shown: without keys."""
    messages: list[Json] = json.loads(clean(data.decode()))["messages"]
    return messages


def keys_of(workspace: Workspace) -> list[str]:
    """The values of the keys that the environment has for this project."""
    names = key_variables(workspace.project.endpoints.values())
    return [workspace.environ[name] for name in names if workspace.environ.get(name)]
