"""Compare fresh answers of one case with the approved one: verdict, kind of change, proposed snapshot. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..engine.journal.record import CheckRecord, Record, spent
from ..engine.plan.job import Job
from ..values import Json
from .answers import snapshot_of, stored_value, value_of
from .replay import replay
from .results import Basis, CaseResult, SnapshotStatus
from .rules.compare_answers import Comparison, FieldVerdict, compare
from .rules.redact import redact
from .rules.rules import Rules
from .rules.stability import modal, sample_verdict, unstable_paths
from .snapshots.snapshot import Snapshot, refreshed
from .stored_calls import judged_in

__all__ = ["Evaluation", "compare_record", "evaluate"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A case's result before anything is written, and the snapshot that approving it would make (None: none)."""

    result: CaseResult
    proposal: Snapshot | None = None


def evaluate(
    job: Job,
    records: Sequence[Record],
    *,
    status: SnapshotStatus,
    approved: Snapshot | None,
    rules: Rules,
    snapshot_file: str,
) -> Evaluation:
    """Judge the samples of one case. `records` are all samples, in any order; there is at least one.

    A sample passes if it passed its own checks (outcome, schema, assertions) and, if there is an approved answer,
    equals it under the rules. An answer that did not pass its own checks is never proposed.
    """
    records = sorted(records, key=lambda record: (record["sample"], record.get("choice", 0)))
    # An answer from the cache was neither requested nor paid for now.
    asked = [record for record in records if not record["cached"]]
    base = CaseResult.of(
        job,
        status,
        "fail",
        snapshot_file,
        calls=sum(not record.get("choice") for record in asked),
        cached=len(records) - len(asked),
        samples=len(records),
        cost=_cost(records),
        latency_ms=max(
            (each for record in asked if (each := record["latency_ms"]) is not None), default=None
        ),
        basis=Basis(job, tuple(records), approved),
    )
    for record in records:
        if record["outcome"] == "error" and not record["passed"]:
            error = record["error"]
            reason = error["message"] if error else "no answer arrived"
            return Evaluation(replace(base, verdict="error", outcome="error", error=error, reason=reason))
    good = [record for record in records if record["passed"]]
    needed = rules.passes_needed(len(records))
    if not good:
        return Evaluation(_failed(base, records, 0))
    request = job.unit.prompt.request
    values = [redact(value_of(record, request), rules.redactions) for record in good]
    proposal, notes = _proposal(job, good, values, rules, asked_for=len(records))
    base = replace(base, outcome=proposal.outcome or "ok", notes=notes)
    if approved is None:
        verdict = sample_verdict(len(good), len(records), approved_agreement=None, min_pass=needed)
        base = replace(base, passed_samples=len(good), flavour=verdict.flavour)
        if verdict.word == "fail":
            return Evaluation(_failed(base, records, len(good)))
        if status == "conflict":
            # The file has two approved answers: this is not a new case and must not be approved as one.
            reason = "the snapshot has a merge conflict, so nothing could be compared"
            return Evaluation(replace(base, verdict="pending", kind="changed", reason=reason), proposal)
        return Evaluation(
            replace(base, verdict="pending", kind="new", reason="no approved snapshot"), proposal
        )
    comparisons = [
        compare_record(rules, approved, record, value) for record, value in zip(good, values, strict=True)
    ]
    matching = sum(comparison.equal for comparison in comparisons)
    agreement = (approved.agreement, approved.samples)
    verdict = sample_verdict(matching, len(records), approved_agreement=agreement, min_pass=needed)
    # Prefer a sample that differs, if there is one: a person has to look at that.
    shown = next((each for each in comparisons if not each.equal), comparisons[0])
    base = replace(
        base,
        passed_samples=matching,
        agreement=agreement,
        flavour=verdict.flavour,
        fields=shown.fields,
        notes=notes,
    )
    if verdict.word != "fail":
        if status in ("current", "moved"):
            return Evaluation(replace(base, verdict=verdict.word), proposal)
        reason = "the request changed, the answer did not"
        if proposal.judged:
            if approved.request in job.fingerprints():
                reason = "it was judged again, the answer did not change"
            if replay(job.unit, job.case, refreshed(approved, proposal)).unjudged is not None:
                reason = "the answer changed within the rules, and only the new one has been judged"
                return Evaluation(replace(base, verdict="pending", kind="changed", reason=reason), proposal)
        return Evaluation(replace(base, verdict="pending", kind="refreshed", reason=reason), proposal)
    if sample_verdict(len(good), len(records), approved_agreement=None, min_pass=needed).word == "fail":
        return Evaluation(_failed(base, records, len(good)))
    return Evaluation(
        replace(base, kind="changed", reason=_difference(shown, matching, len(records))), proposal
    )


def _proposal(
    job: Job, good: Sequence[Record], values: Sequence[Json], rules: Rules, *, asked_for: int
) -> tuple[Snapshot, tuple[str, ...]]:
    """Return the snapshot of the most frequent answer, and notes about how much the answers vary.

    `good` are the samples that passed their own checks, out of `asked_for`; agreement is counted out of `asked_for`.
    """
    value, variants = modal(values)
    record = next(record for record, each in zip(good, values, strict=True) if each is value)
    varied = unstable_paths(rules, values) if variants else ()
    snapshot = snapshot_of(
        job,
        record,
        value,
        samples=asked_for,
        variants=variants,
        unstable=[each.path for each in varied],
        failed=asked_for - len(good),
    )
    judged = judged_in(job.unit, job.case, snapshot, zip(good, values, strict=True))
    if judged:
        snapshot = replace(snapshot, judged=judged)
    return snapshot, tuple(
        f"{each.path} varied ({each.distinct} different): consider the rule {each.proposal}"
        for each in varied
    )


def compare_record(rules: Rules, approved: Snapshot, record: Record, value: Json) -> Comparison:
    """Compare one answer, whose redacted value is `value`, with the approved one."""
    expected, came = approved.outcome or "ok", record["outcome"]
    if came != expected:
        # An answer with another outcome has no value to compare: a person has to look at it.
        return Comparison(
            equal=False, fields=(FieldVerdict("outcome", expected, came, "exact", equal=False),)
        )
    seen = [variation.output for variation in approved.variants]
    return compare(rules, stored_value(approved), value, seen=seen)


def _failed(base: CaseResult, records: Sequence[Record], good: int) -> CaseResult:
    """Return the result of a case with too few passing answers; the first failure gives the reason."""
    first = next(record for record in records if not record["passed"])
    checks: tuple[CheckRecord, ...] = tuple(check for check in first["checks"] if check["passed"] is False)
    why = checks[0]["message"] if checks else first["detail"] or first["outcome"]
    where = f"{checks[0]['path']}: " if checks and checks[0]["path"] else ""
    count = f"{good} of {len(records)} samples passed; " if len(records) > 1 else ""
    return replace(
        base, verdict="fail", outcome=first["outcome"], reason=f"{count}{where}{why}", checks=checks
    )


def _difference(shown: Comparison, matching: int, total: int) -> str:
    differing = [each.path for each in shown.fields if not each.equal]
    places = ", ".join(differing[:3]) + (f" and {len(differing) - 3} more" if len(differing) > 3 else "")
    count = f" ({matching} of {total} samples match the approved answer)" if total > 1 else ""
    return f"differs from the approved answer at {places}{count}"


def _cost(records: Iterable[Record]) -> float | None:
    known = [cost for record in records if (cost := spent(record)) is not None]
    return sum(known) if known else None
