"""Carry out a regression run: compare every selected case with its approved snapshot; replay unchanged cases.

Cases are drawn lazily. A current case is judged immediately and forgotten; a case whose request must be sent becomes
jobs for the engine's pools, and is remembered only until its last sample has arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.journal.record import Record
from ..engine.plan.job import CaseKey, Job, Unit
from ..engine.plan.plan import Plan, Preflight
from ..engine.plan.selection import Selection
from ..errors import Location, UsageError
from ..files.disk.tree import DiskTree
from ..files.model import Case, Project
from .answers import stored_value
from .approval import approve
from .lost import LostAnswers
from .modes import Modes
from .pending_answers import drop_pending, refuse_newer, save_pending
from .replay import replay
from .results import Basis, CaseResult, PendingEntry, SnapshotStatus, Verdict
from .rules.rules import Rules, compile_rules, unused_rules
from .snapshots.approved import approved_of, changed_parts
from .snapshots.reader import ConflictError
from .snapshots.snapshot import Snapshot, file_of, folder_of, refreshed
from .snapshots.store import SnapshotStore
from .snapshots.unreferenced import abandoned
from .vacuous import compares_nothing, vacuous_rules

if TYPE_CHECKING:
    from .evaluate import Evaluation

__all__ = ["RegressionRun"]


@dataclass(slots=True)
class _Asked:
    """A case whose answers are on their way: `missing` counts the samples that have not arrived."""

    job: Job
    status: SnapshotStatus
    approved: Snapshot | None
    against: str | None
    file: str
    missing: int
    records: list[Record] = field(default_factory=list)
    moved_from: str | None = None


class RegressionRun:
    """One run over the cases that `selection` selects from a plan's units.

    `emit` receives each case's result; `unreferenced` each snapshot file without a case; `remark` remarks on a prompt as a
    whole. `lost` finds answers that cases without a snapshot may have left under another name; pass it if the caller
    has searched already. `see` is called with each case before it is compared. `samples_of` returns how often gates
    sample the cases of a unit. `changed` limits requests to these cases (`--base`); the others are replayed or
    reported. Raises what loading, rendering and the snapshot store raise.
    """

    def __init__(
        self,
        plan: Plan,
        selection: Selection,
        project: Project,
        store: SnapshotStore,
        modes: Modes,
        *,
        emit: Callable[[CaseResult], None],
        unreferenced: Callable[[str], None],
        remark: Callable[[str], None] = lambda _: None,
        changed: frozenset[CaseKey] | None = None,
        see: Callable[[Job], None] = lambda _: None,
        samples_of: Callable[[Unit], int | None] = lambda _: None,
        lost: LostAnswers | None = None,
    ) -> None:
        units = plan.units
        for unit in units:
            _refuse_foreign(unit, project)
        self._plan = plan
        self._units = units
        self._root = Path(project.root)
        self._store = store
        self._modes = modes
        self._emit = emit
        self._unreferenced = unreferenced
        self._remark = remark
        self._changed = changed
        self._see = see
        self._samples_of = samples_of
        self._rules: Mapping[str, Rules] = {
            unit.prompt.place: compile_rules(unit.prompt, project) for unit in units
        }
        # Only when every case has been seen is it known which files have no case.
        self._complete = selection.takes_all and selection.takes_tests and plan.shard is None
        self._unseen: dict[str, set[str]] = {}
        self._lost = lost or LostAnswers(units, project, store)
        self._unused: dict[str, set[tuple[str, str]]] = {}
        self._compared: dict[str, bool] = {}
        self._asked: dict[CaseKey, _Asked] = {}
        self._secrets: set[str] = set()

    @property
    def asks_all(self) -> bool:
        """Return whether unchanged cases are sent too, to see what the model answers today."""
        return self._modes.record == "all"

    def samples_of(self, unit: Unit) -> int:
        """Return the number of samples per case of a unit: set by the run, else by its gates, else by the prompt."""
        return self._modes.samples or self._samples_of(unit) or self._rules[unit.prompt.place].samples

    def guard(self, secrets: Iterable[str]) -> None:
        """Refuse to store an answer that repeats one of these keys."""
        self._secrets |= set(secrets)
        self._store.guard(self._secrets)

    def jobs(self, preflight: Preflight | None = None) -> dict[str, Iterator[Job]]:
        """Return the jobs to send, lazily, for each endpoint; drawing them replays the cases that need no request.

        With `--record none` there are no jobs, and drawing them is the whole run. Requests that `preflight` has
        rendered are taken from there.
        """
        return {
            name: self._jobs(places, preflight) for name, places in self._plan.places_by_endpoint().items()
        }

    def take(self, job: Job, records: Sequence[Record]) -> None:
        """Receive the records of one of the jobs; the last job of a case decides it."""
        asked = self._asked[job.key]
        asked.records += records
        asked.missing -= 1
        if not asked.missing:
            del self._asked[job.key]
            self._decide(asked)

    def finish(self) -> None:
        """Report snapshot files that no case of a completely seen prompt refers to, and rules that never applied."""
        for unit in {unit.prompt.place: unit for unit in self._units}.values():
            for found in vacuous_rules(unit.prompt, self._rules[unit.prompt.place]):
                self._remark(f"{found.location}: {found.message}")
        if self._complete:
            for file in sorted(self._unused):
                for location, rule in sorted(self._unused[file]):
                    self._remark(f"{location}: the rule {rule} applies to no approved answer")
            for file in sorted(file for file, compared in self._compared.items() if not compared):
                self._remark(f"{file}: the rules ignore every part of every approved answer")
            for folder in sorted(self._unseen):
                for name in sorted(self._unseen[folder]):
                    self._unreferenced(f"{folder}/{name}")
            for file in abandoned(self._units, self._store):
                if file not in self._lost.taken:
                    self._unreferenced(file)

    # --- drawing ----------------------------------------------------------------------------------------------------

    def _jobs(self, places: Sequence[int], preflight: Preflight | None) -> Iterator[Job]:
        for place in places:
            self._look_into(self._units[place])
            for job in self._plan.first_samples(place, preflight):
                if job is not None:
                    yield from self._case(job)

    def _look_into(self, unit: Unit) -> None:
        folder = folder_of(unit.prompt)
        if folder in self._unseen or not self._complete:
            return
        names = self._store.files_of(folder)
        if names:
            # The snapshots of the other variants are in this folder too, but seen later: remove them first.
            others = [each for each in self._units if each.prompt is unit.prompt and each is not unit]
            for other in others:
                for case in self._plan.cases(other):
                    names.discard(self._file(other, case).rpartition("/")[2])
        self._unseen[folder] = names

    def _file(self, unit: Unit, case: Case) -> str:
        return file_of(unit.prompt, case.id, unit.variant)

    def _case(self, job: Job) -> Iterator[Job]:
        unit, case = job.unit, job.case
        self._see(job)
        file = self._file(unit, case)
        folder, _, name = file.rpartition("/")
        unseen = self._unseen.get(folder)
        if unseen:
            unseen.discard(name)
        try:
            approved = approved_of(self._store, unit.prompt, case.id, unit.variant, file=file)
        except ConflictError as error:
            yield from self._ask_or_tell(job, "conflict", None, file, str(error))
            return
        if approved is not None:
            self._note_unused(unit, approved)
        if approved is None:
            yield from self._missing(job, file)
        elif approved.request in job.fingerprints():
            yield from self._current(job, approved, file)
        else:
            reason = f"the request changed since it was approved: {changed_parts(approved, job)}"
            yield from self._ask_or_tell(job, "stale", approved, file, reason)

    def _note_unused(self, unit: Unit, approved: Snapshot) -> None:
        rules = self._rules[unit.prompt.place]
        file = unit.prompt.path
        if not self._compared.get(file):
            self._compared[file] = not compares_nothing(rules, stored_value(approved))
        if not rules.rules or self._unused.get(file) == set():
            return
        names = unused_rules(rules, stored_value(approved))
        unused = {(str(rule.location), rule.name) for rule in rules.rules if rule.name in names}
        self._unused[file] = self._unused.get(file, unused) & unused

    def _current(self, job: Job, approved: Snapshot, file: str) -> Iterator[Job]:
        if self._modes.calls("current") and self._may_ask(job):
            yield from self._ask(job, "current", approved, file)
            return
        replayed = replay(job.unit, job.case, approved)
        if replayed.unjudged is not None:
            yield from self._ask_or_tell(job, "stale", approved, file, replayed.unjudged)
            return
        self._emit(
            CaseResult.of(
                job,
                "current",
                "pass" if replayed.passed else "error" if replayed.unchecked else "fail",
                file,
                reason=replayed.reason,
                checks=replayed.checks,
                outcome=replayed.outcome,
                notes=tuple(
                    f"{kind} can only be checked when the model is called" for kind in replayed.skipped
                ),
                basis=Basis(job, (), approved),
            )
        )
        if replayed.passed and self._modes.record != "none":
            drop_pending(self._root, file)

    def _missing(self, job: Job, file: str) -> Iterator[Job]:
        """Handle a case without a snapshot; it was renamed if a file without a case answers the same request."""
        found = self._lost.take(job, file)
        if found is None:
            yield from self._ask_or_tell(job, "missing", None, file, "no approved snapshot")
            return
        if len(found) > 1:
            several = (
                f"no approved snapshot: {' and '.join(found)} answer this request, but with different answers"
            )
            yield from self._ask_or_tell(job, "missing", None, file, several)
            return
        [old] = found
        approved = self._store.read(old)
        assert approved is not None, "it was found a moment ago"
        folder, _, name = old.rpartition("/")
        self._unseen.get(folder, set()).discard(name)
        if self._modes.calls("moved") and self._may_ask(job):
            yield from self._ask(job, "moved", approved, file, old)
            return
        replayed = replay(job.unit, job.case, approved)
        result = CaseResult.of(
            job, "moved", "pending", file, reason=f"the same request as {old}", basis=Basis(job, (), approved)
        )
        if replayed.unjudged is not None:
            yield from self._ask_or_tell(
                job, "missing", None, file, f"{result.reason}, but {replayed.unjudged}"
            )
            return
        if replayed.passed:
            result = replace(result, kind="moved")
            self._propose(approved, file, self._store.digest(old), result, moved_from=old)
        else:
            self._emit(
                replace(
                    result,
                    verdict="fail",
                    reason=f"{result.reason}: {replayed.reason}",
                    checks=replayed.checks,
                    outcome=replayed.outcome,
                )
            )

    # --- asking -----------------------------------------------------------------------------------------------------

    def _may_ask(self, job: Job) -> bool:
        return self._changed is None or job.key in self._changed

    def _ask_or_tell(
        self, job: Job, status: SnapshotStatus, approved: Snapshot | None, file: str, reason: str
    ) -> Iterator[Job]:
        if self._modes.calls(status) and self._may_ask(job):
            yield from self._ask(job, status, approved, file)
        else:
            basis = Basis(job, (), approved)
            self._emit(CaseResult.of(job, status, "outdated", file, reason=reason, basis=basis))

    def _ask(
        self,
        job: Job,
        status: SnapshotStatus,
        approved: Snapshot | None,
        file: str,
        moved_from: str | None = None,
    ) -> Iterator[Job]:
        refuse_newer(self._root, file)
        samples = self.samples_of(job.unit)
        against = self._store.digest(moved_from or file)
        self._asked[job.key] = _Asked(job, status, approved, against, file, samples, moved_from=moved_from)
        for sample in range(samples):
            yield job._replace(sample=sample, place=None)

    # --- deciding ---------------------------------------------------------------------------------------------------

    def _decide(self, asked: _Asked) -> None:
        from .evaluate import evaluate  # only for answers that have just arrived

        rules = self._rules[asked.job.unit.prompt.place]
        evaluation = evaluate(
            asked.job,
            asked.records,
            status=asked.status,
            approved=asked.approved,
            rules=rules,
            snapshot_file=asked.file,
        )
        evaluation = replace(evaluation, result=evaluation.result.without(self._secrets))
        kind = evaluation.result.kind
        as_approved = kind is None and evaluation.result.verdict in ("pass", "flaky")
        if asked.moved_from is not None and asked.approved is not None and as_approved:
            reason = f"the same request as {asked.moved_from}"
            result = replace(evaluation.result, verdict="pending", kind="moved", reason=reason)
            self._propose(asked.approved, asked.file, asked.against, result, moved_from=asked.moved_from)
        elif kind is None or evaluation.proposal is None:
            self._settle(asked, evaluation)
        else:
            proposal = evaluation.proposal
            if kind == "refreshed" and asked.against is None and asked.approved is not None:
                # The pack's own answer is read-only: the project gets its own snapshot, for its own request.
                proposal = refreshed(asked.approved, proposal)
            self._propose(proposal, asked.file, asked.against, evaluation.result, moved_from=asked.moved_from)

    def _settle(self, asked: _Asked, evaluation: Evaluation) -> None:
        """Finish a case with nothing to approve; its older pending answer, if any, is outdated."""
        result = evaluation.result
        if (
            result.verdict in ("pass", "flaky")
            and self._modes.rewrites_equal
            and evaluation.proposal is not None
        ):
            result = replace(result, written=self._store.write(asked.file, evaluation.proposal))
        if result.verdict != "error":
            drop_pending(self._root, asked.file)
        self._emit(result)

    def _propose(
        self,
        proposal: Snapshot,
        file: str,
        against: str | None,
        result: CaseResult,
        moved_from: str | None = None,
    ) -> None:
        """Approve the answer at once if `--update` allows it, else store it as pending."""
        assert result.kind is not None
        self._store.refuse_secrets(file, proposal)
        entry = PendingEntry(
            kind=result.kind,
            prompt=result.prompt,
            file=result.file,
            case=result.case,
            variant=result.variant,
            snapshot_file=file,
            snapshot=proposal,
            moved_from=moved_from,
            fields=result.fields,
            against=against,
        )
        if self._modes.writes(result.kind):
            keep = result.kind == "refreshed" and self._modes.rewrites_equal
            written = self._store.write(file, proposal) if keep else approve(self._store, entry)
            drop_pending(self._root, file)
            verdict: Verdict = "flaky" if result.flavour == "new-flaky" else "pass"
            self._emit(replace(result, verdict=verdict, written=written))
        else:
            save_pending(self._root, entry)
            self._emit(result)


def _refuse_foreign(unit: Unit, project: Project) -> None:
    """Raise UsageError for a prompt of another project: its snapshots are stored there, so it must be tested there."""
    tree = unit.prompt.tree
    if isinstance(tree, DiskTree) and not tree.root.samefile(project.root):
        raise UsageError(
            "this prompt is outside the project in which its snapshots would be stored",
            location=Location(unit.prompt.path),
            hint=f"run the test in {tree.root}",
        )
