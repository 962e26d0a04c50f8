"""The result of one case in a regression run, and the pending answers."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..engine.journal.record import CheckRecord, ErrorRecord, Record, json_line
from ..masking import json_cleaner
from ..values import Json
from .rules.compare_answers import FieldVerdict as FieldChange
from .snapshots.snapshot import Snapshot

if TYPE_CHECKING:
    from ..engine.plan.job import Job

__all__ = ["Basis", "CaseResult", "FieldChange", "PendingEntry", "PendingKind", "SnapshotStatus", "Verdict"]

SnapshotStatus: TypeAlias = Literal["current", "missing", "stale", "conflict", "moved", "orphan"]
"""The relation of a case to its snapshot before a request is sent: same request, no snapshot, different request,
merge conflict in the file, file under another name. `orphan` is a file without a case.
"""

Verdict: TypeAlias = Literal["pass", "fail", "flaky", "pending", "outdated", "error"]
"""The verdict on a case: `pending` awaits approval, `outdated` cannot be renewed in this mode, `error` has no answer."""

PendingKind: TypeAlias = Literal["new", "changed", "refreshed", "moved"]
"""The effect of approving: add a snapshot, replace its output, replace only its request, rename its file."""


@dataclass(frozen=True, slots=True)
class Basis:
    """The inputs of a result: the request, the answers that arrived (none if replayed), and the approved answer."""

    job: Job
    records: tuple[Record, ...] = ()
    approved: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case of a regression run.

    `file` is the prompt's path as the user gave it, `snapshot` the snapshot's path from the project's root. `agreement`
    is (how many of, how many) samples gave the approved output when it was recorded; `flavour` is new-flaky,
    known-flaky or recovered. `calls` counts the answers that were requested, `cached` those that came from the cache
    instead; `written` says whether the snapshot file changed. `gated`: the gates of its prompt decide, so the case is
    reported but does not fail the run by itself, unless it is `must_pass`.
    """

    prompt: str
    file: str
    case: str
    variant: str | None
    status: SnapshotStatus
    verdict: Verdict
    kind: PendingKind | None
    reason: str
    snapshot: str
    fields: tuple[FieldChange, ...] = ()
    checks: tuple[CheckRecord, ...] = ()
    outcome: str | None = None
    error: ErrorRecord | None = None
    samples: int = 0
    passed_samples: int = 0
    agreement: tuple[int, int] | None = None
    flavour: str | None = None
    calls: int = 0
    cached: int = 0
    written: bool = False
    cost: float | None = None
    latency_ms: float | None = None
    notes: tuple[str, ...] = ()
    gated: bool = False
    must_pass: bool = False
    basis: Basis | None = field(default=None, compare=False, repr=False)

    def without(self, secrets: Collection[str]) -> CaseResult:
        """Return the result as it may be shown and written: with keys masked in the answers and in the messages."""
        if self.basis is None or not secrets:
            return self
        clean = json_cleaner(secrets)
        records = tuple(json.loads(clean(json_line(record))) for record in self.basis.records)
        return replace(
            self,
            reason=clean(self.reason),
            checks=tuple(json.loads(clean(json.dumps(self.checks, ensure_ascii=False)))),
            basis=replace(self.basis, records=records),
        )

    @classmethod
    def of(
        cls,
        job: Job,
        status: SnapshotStatus,
        verdict: Verdict,
        snapshot: str,
        *,
        kind: PendingKind | None = None,
        reason: str = "",
        **found: Any,
    ) -> CaseResult:
        """Return the result of the case of a job; `found` are further fields."""
        prompt, variant = job.unit.prompt, job.unit.variant
        found.setdefault("basis", Basis(job))
        found.setdefault("must_pass", job.case.must_pass)
        return cls(
            prompt.name, prompt.path, job.case.id, variant, status, verdict, kind, reason, snapshot, **found
        )

    @property
    def vars(self) -> Mapping[str, Json]:
        """Return the variables of the case; empty if the basis of the result is not known."""
        return {} if self.basis is None else self.basis.job.case.vars

    @property
    def called(self) -> bool:
        """Return whether the model was called."""
        return self.calls > 0

    @property
    def named(self) -> str:
        """Return the name of the prompt on a command line: its file, or the `ALIAS:NAME` of a pack's prompt."""
        return self.prompt if ":" in self.prompt else self.file


@dataclass(frozen=True, slots=True)
class PendingEntry:
    """A pending answer: the snapshot that it would become, and where.

    `moved_from` is the file it would be renamed from. `against` is the SHA-256 of the snapshot it was compared with
    (None: there was none), so that an approval of something else in between is noticed.
    """

    kind: PendingKind
    prompt: str
    file: str
    case: str
    variant: str | None
    snapshot_file: str
    snapshot: Snapshot
    moved_from: str | None = None
    run: str | None = None
    fields: tuple[FieldChange, ...] = ()
    against: str | None = None

    @property
    def prompt_file(self) -> str:
        """The prompt's file from the project's root: it is beside its snapshot folder. Not for prompts of packs."""
        folder = PurePosixPath(self.snapshot_file).parents[2]
        return str(folder / PurePosixPath(self.file).name)
