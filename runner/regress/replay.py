"""Re-check approved answers offline against the current schema and assertions. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..checks.assertions import NOT_REPLAYABLE
from ..engine.journal.record import CheckRecord
from ..engine.plan.job import Unit
from ..files.model import Case
from ..values import Json
from .answers import answer_of, stored_value
from .snapshots.snapshot import Snapshot
from .stored_calls import find_in, why_not_judged

__all__ = ["Replayed", "replay"]


@dataclass(frozen=True, slots=True)
class Replayed:
    """An approved answer, judged again. `skipped` are the types of assertions that only a call to the model can decide.

    `unjudged` says why stored calls do not decide its assertions, so that it must be judged anew; `unchecked` that they
    decide nothing.
    """

    outcome: str
    passed: bool
    checks: tuple[CheckRecord, ...]
    reason: str
    skipped: tuple[str, ...] = ()
    unjudged: str | None = None
    unchecked: bool = False


def replay(unit: Unit, case: Case, snapshot: Snapshot) -> Replayed:
    """Judge the approved output, and each variant approved with it, as if it had just arrived.

    Raises FormatError for a broken assertion of the case.
    """
    replayed = _judged(unit, case, snapshot, stored_value(snapshot))
    for variation in snapshot.variants:
        if not replayed.passed:
            break
        replayed = _judged(unit, case, snapshot, variation.output)
    return replayed


def _judged(unit: Unit, case: Case, snapshot: Snapshot, value: Json) -> Replayed:
    answer = answer_of(snapshot, unit.prompt.request, value, unit.endpoint.finish_reasons)
    judgement = unit.judge.judge(
        answer, case, model=unit.model, find=find_in(unit, snapshot.judged), replayed=True
    )
    skipped = tuple(check.type for check in judgement.checks if check.code == NOT_REPLAYABLE)
    failed = [check for check in judgement.checks if check.applies and not check.passed]
    if judgement.questions and (not failed or case.threshold is not None):
        why = why_not_judged(unit, judgement.questions, snapshot.judged)
        return Replayed(str(judgement.outcome), passed=False, checks=(), reason=why, unjudged=why)
    if judgement.passed:
        return Replayed(str(judgement.outcome), passed=True, checks=(), reason="", skipped=skipped)
    kept = [check for check in judgement.checks if check.code != NOT_REPLAYABLE]
    checks: tuple[CheckRecord, ...] = tuple(
        {
            "type": check.type,
            "passed": check.passed if check.applies else None,
            "path": check.path,
            "message": check.message,
        }
        for check in kept
    )
    first = failed[0] if failed else None
    where = f"{first.path}: " if first and first.path else ""
    reason = (
        f"the approved answer no longer passes: {where}{first.message}" if first else judgement.detail or ""
    )
    unchecked = judgement.unchecked is not None
    return Replayed(
        str(judgement.outcome),
        passed=False,
        checks=checks,
        reason=reason,
        skipped=skipped,
        unchecked=unchecked,
    )
