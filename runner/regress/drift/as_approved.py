"""Decide whether a sample counts as passed: by its assertions, or, if nothing is asserted, by the approved answer."""

from __future__ import annotations

from collections.abc import Sequence

from ...engine.journal.record import Record
from ...engine.plan.job import Job, Unit
from ...files.model import Project, Prompt
from ..answers import value_of
from ..evaluate import compare_record
from ..gates.gate_rules import asserts_nothing
from ..rules.redact import redact
from ..rules.rules import Rules, compile_rules
from ..snapshots.approved import approved_of
from ..snapshots.snapshot import Snapshot
from ..snapshots.store import SnapshotStore

__all__ = ["AsApproved"]


class AsApproved:
    """Judges the samples of prompts that assert nothing by their approved answers, under the rules of the prompt.

    Raises what compiling rules and reading snapshots raises.
    """

    def __init__(self, project: Project, store: SnapshotStore) -> None:
        self._project = project
        self._store = store
        self._asserting: dict[str, bool] = {}
        self._rules: dict[str, Rules] = {}
        self._approved: dict[tuple[str, str, str | None], Snapshot | None] = {}

    def asserts(self, prompt: Prompt) -> bool:
        """Return whether anything is asserted about the answers of a prompt."""
        if prompt.place not in self._asserting:
            self._asserting[prompt.place] = not asserts_nothing(prompt)
        return self._asserting[prompt.place]

    def judged(self, job: Job, records: Sequence[Record]) -> Sequence[Record]:
        """Return the records of a job; without assertions, those that are not as approved count as failed."""
        prompt = job.unit.prompt
        if self.asserts(prompt):
            return records
        approved = self.approved_of(job.unit, job.case.id)
        if approved is None:
            return records
        rules = self._rules.get(prompt.place)
        if rules is None:
            rules = self._rules[prompt.place] = compile_rules(prompt, self._project)
        return [
            {**record, "passed": record["passed"] and self._is_as_approved(rules, approved, record, prompt)}
            for record in records
        ]

    def approved_of(self, unit: Unit, case: str) -> Snapshot | None:
        """Return the approved answer of a case, None if there is none."""
        key = (unit.prompt.place, case, unit.variant)
        if key not in self._approved:
            self._approved[key] = approved_of(self._store, unit.prompt, case, unit.variant)
        return self._approved[key]

    def _is_as_approved(self, rules: Rules, approved: Snapshot, record: Record, prompt: Prompt) -> bool:
        if record["outcome"] == "error":
            return False
        new = redact(value_of(record, prompt.request), rules.redactions)
        return compare_record(rules, approved, record, new).equal
