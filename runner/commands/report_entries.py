"""Turn the records of a stored run into entries of a report, with the project's current prompts and approved answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..engine.journal.record import Record
from ..engine.journal.stored_runs import StoredRun
from ..engine.plan.job import Unit
from ..errors import RunnerError
from ..files.model import Prompt
from ..regress.answers import stored_value, value_of
from ..regress.evaluate import compare_record
from ..regress.rules.redact import redact
from ..regress.rules.rules import Rules, compile_rules
from ..regress.snapshots.approved import approved_of
from ..regress.snapshots.snapshot import Snapshot, folder_of
from ..regress.snapshots.store import store_of
from ..report.html.entry import Approved, Earlier, ReportEntry, State
from ..report.question import Question
from ..report.terminal.figures import count, plural
from ..workspace import Workspace
from .questions import Questions

__all__ = ["RecordedEntries", "compared", "title_of"]

QUESTIONS = 10_000
"""The number of passed cases with messages in a report; cases that did not pass always have them."""

_TOO_MANY = Question(
    None,
    f"a report has the messages of {count(QUESTIONS)} cases that passed, and of all that did not; "
    "runner show --case CASE shows those of any case",
)


@dataclass(frozen=True, slots=True)
class _Approvals:
    """The rules for the answers of a prompt. `any`: whether any of its cases has an approved answer."""

    rules: Rules
    any: bool


class RecordedEntries:
    """Turns the records of a run into entries."""

    def __init__(self, run: StoredRun, workspace: Workspace) -> None:
        self._workspace = workspace
        self._files: Mapping[str, str] = run.manifest.get("files", {})
        self._is_test = run.manifest.get("command") == "test"
        self._store = store_of(workspace.project, workspace.environ)
        self._questions = Questions(run, workspace)
        self._approvals: dict[str, _Approvals] = {}
        self._passed = 0

    def name(self, record: Record) -> str:
        """Return the path, from the project's root, of a record's prompt file."""
        return self._files.get(record["file"], record["file"])

    def prompt(self, record: Record) -> Prompt | None:
        """Return the prompt of a record as it is now; None if it cannot be read."""
        unit = self._questions.unit(record)
        return None if isinstance(unit, str) else unit.prompt

    def entry(self, record: Record, earlier: Record | None) -> ReportEntry:
        """Return the entry of a record; `earlier` is the same case in the run to compare with."""
        approved, verdict = self._approved(record)
        state = _state(record)
        kind = None
        if self._is_test and state == "passed":
            if approved is None:
                state, kind, verdict = "pending", "new", verdict or "nothing is approved yet"
            elif any(not each.equal for each in approved.fields):
                state, kind, verdict = "failed", "changed", "differs from the approved answer"
        beside = Earlier(earlier, _state(earlier)) if earlier is not None else None
        return ReportEntry(record, state, self._question(record), approved, beside, verdict, kind)

    def _question(self, record: Record) -> Question:
        self._passed += record["passed"]
        return _TOO_MANY if record["passed"] and self._passed > QUESTIONS else self._questions.of(record)

    def _approved(self, record: Record) -> tuple[Approved | None, str | None]:
        """Return the approved answer of a record's case and the differences, or the reason why they are unknown."""
        unit = self._questions.unit(record)
        if isinstance(unit, str):
            return None, None  # the question has the reason
        prompt = unit.prompt
        try:
            known = self._approvals.get(prompt.place)
            if known is None:
                here = prompt.origin is not None or bool(self._store.files_of(folder_of(prompt)))
                known = _Approvals(compile_rules(prompt, self._workspace.project), here)
                self._approvals[prompt.place] = known
            if not known.any:
                return None, None
            snapshot = approved_of(self._store, prompt, record["case"], record["variant"])
        except RunnerError as error:
            return None, f"the approved answer cannot be read: {error.message}"
        return (None if snapshot is None else compared(known.rules, snapshot, record, unit)), None


def compared(rules: Rules, approved: Snapshot, record: Record, unit: Unit) -> Approved:
    """Return the approved answer, with the differences of a record's answer under the rules of the prompt."""
    agreement = (approved.agreement, approved.samples) if approved.samples > 1 else None
    value = stored_value(approved)
    if record["outcome"] == "error":
        return Approved(value, (), agreement)
    new = redact(value_of(record, unit.prompt.request), rules.redactions)
    return Approved(value, compare_record(rules, approved, record, new).fields, agreement)


def _state(record: Record) -> State:
    if record["passed"]:
        return "passed"
    return "error" if record["outcome"] == "error" else "failed"


def title_of(prompts: Sequence[str]) -> str:
    """Return the title of a report: the names of its prompts, or their number."""
    if not 1 <= len(prompts) <= _NAMED:
        return plural(len(prompts), "prompt")
    return " and ".join(", ".join(prompts).rsplit(", ", 1))


_NAMED = 3
