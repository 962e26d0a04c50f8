"""Judge tonight's samples of one prompt, and find what else changed on the server: evidence, never a verdict."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from ...engine.journal.record import Record
from ...engine.plan.job import Job, Unit
from ...verdict.nights import DriftRule, DriftState, NightVerdict, watch
from ..gates.counted import is_missing
from ..gates.gate_results import CaseChange
from ..gates.gate_slices import MOST_MISSING, few
from ..gates.rates import Rates, short, write_rates
from .night_history import NightLine

__all__ = ["DriftWord", "Night", "NightResult", "baseline_id", "judged_night"]

DriftWord: TypeAlias = DriftState | Literal["unchecked"]
"""The state of a prompt; `unchecked` should have been judged but could not be."""


@dataclass(slots=True)
class Night:
    """Tonight's samples of one prompt in one variant. `cases` has for each case the passed and all samples, and its request."""

    unit: Unit
    cases: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    missing: int = 0
    served: set[str] = field(default_factory=set)
    fingerprints: set[str] = field(default_factory=set)
    without_approval: int = 0

    def take(self, job: Job, records: Sequence[Record]) -> None:
        """Count the samples of one job."""
        for record in records:
            if is_missing(record):
                self.missing += 1
                continue
            passed, total, request = self.cases.get(job.case.id, (0, 0, short(job.fingerprint)))
            self.cases[job.case.id] = (passed + record["passed"], total + 1, request)
            if record["served_model"] is not None:
                self.served.add(record["served_model"])
            if (fingerprint := record.get("system_fingerprint")) is not None:
                self.fingerprints.add(fingerprint)

    @property
    def calls(self) -> int:
        """Return the number of answers that were requested, whether they arrived or not."""
        return sum(total for _, total, _ in self.cases.values()) + self.missing


@dataclass(frozen=True, slots=True)
class NightResult:
    """The result of a night of one prompt. `reason` explains why it is not judged, `evidence` what changed on the server.

    `earlier` is the number of nights since the baseline, `changes` are the cases that fell furthest. `line` is to be
    added to the history; None if the night is not part of it.
    """

    prompt: str
    variant: str | None
    word: DriftWord
    reason: str = ""
    verdict: NightVerdict | None = None
    has_baseline: bool = False
    earlier: int = 0
    changes: tuple[CaseChange, ...] = ()
    evidence: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    line: NightLine | None = None

    @property
    def name(self) -> str:
        """Return the name of the prompt with its variant."""
        return self.prompt if self.variant is None else f"{self.prompt}@{self.variant}"


def baseline_id(rates: Rates | None) -> str | None:
    """Return what identifies a baseline: a digest of its file; None if there is none."""
    return None if rates is None else hashlib.sha256(write_rates(rates).encode()).hexdigest()[:16]


def judged_night(
    night: Night, rates: Rates | None, history: Sequence[NightLine], at: str, rule: DriftRule
) -> NightResult:
    """Return the result of a night, given the baseline and the whole history.

    Only samples of the same request are compared: what an edit of the prompt changes is no drift.
    """
    prompt = night.unit.prompt
    baseline = baseline_id(rates)
    of_prompt = [
        line for line in history if (line.prompt, line.variant) == (prompt.place, night.unit.variant)
    ]
    since = [line for line in of_prompt if line.baseline == baseline]
    unjudged = NightResult(
        prompt.name, night.unit.variant, "unchecked", has_baseline=rates is not None, earlier=len(since)
    )
    if night.missing > MOST_MISSING * night.calls:
        return _because(
            unjudged, f"{night.missing} of {night.calls} answers did not arrive, so this night is left out"
        )
    if night.without_approval:
        return _because(
            unjudged,
            f"nothing is asserted, and {_cases(night.without_approval)} without an approved answer: each answer would pass",
        )
    base = {
        case: (rate.passed, rate.total)
        for case, rate in (rates.cases if rates else {}).items()
        if case in night.cases and rate.request == night.cases[case][2]
    }
    nights = [_same(line, night) for line in since]
    tonight = {case: (passed, total) for case, (passed, total, _) in night.cases.items()}
    verdict = watch(base, nights, tonight, rule)
    notes = list(_notes(night, rates, base, nights))
    state: DriftWord = verdict.state if verdict is not None else "unchecked"
    line = NightLine(
        at,
        prompt.place,
        night.unit.variant,
        state,
        baseline,
        verdict.tonight if verdict else _rate(tonight),
        night.cases,
        verdict.past_rate if verdict else None,
        verdict.p if verdict else None,
        verdict.nights if verdict else 1,
        tuple(sorted(night.served)),
        tuple(sorted(night.fingerprints)),
    )
    reason = (
        "" if verdict else f"there is nothing to compare this first night with: runner baseline {prompt.path}"
    )
    return NightResult(
        prompt.name,
        night.unit.variant,
        state,
        reason,
        verdict,
        rates is not None,
        len(since),
        tuple(_fell(base, nights, tonight, verdict.nights))
        if verdict and state in ("watch", "drift")
        else (),
        tuple(_evidence(night, rates, of_prompt)),
        tuple(notes),
        line,
    )


def _because(unjudged: NightResult, reason: str) -> NightResult:
    return replace(unjudged, reason=reason)


def _same(line: NightLine, night: Night) -> dict[str, tuple[int, int]]:
    """Return the counts of an earlier night for the cases that have the same request tonight."""
    return {
        case: (passed, total)
        for case, (passed, total, request) in line.cases.items()
        if case in night.cases and night.cases[case][2] == request
    }


def _notes(
    night: Night,
    rates: Rates | None,
    base: Mapping[str, tuple[int, int]],
    nights: Sequence[Mapping[str, tuple[int, int]]],
) -> Iterator[str]:
    known = set(base).union(*nights)
    other = [case for case in night.cases if case not in base]
    if rates is not None and other:
        stale = [case for case in other if case in rates.cases]
        new = [case for case in other if case not in rates.cases]
        if stale:
            yield f"the baseline has another request for {_cases(len(stale))}: {few(stale)}; runner baseline"
        if new:
            yield f"{_cases(len(new))} without a rate: {few(new)}; runner baseline --case {new[0]}"
    if known and (left_out := [case for case in night.cases if case not in known]):
        yield f"{_cases(len(left_out))} without a past not judged: {few(left_out)}"
    if night.missing:
        yield f"{night.missing} of {night.calls} answers did not arrive"


def _fell(
    base: Mapping[str, tuple[int, int]],
    nights: Sequence[Mapping[str, tuple[int, int]]],
    tonight: Mapping[str, tuple[int, int]],
    together: int,
) -> Iterator[CaseChange]:
    """Yield the cases that fell furthest from their past, in so many nights together."""
    before = nights[: len(nights) - together + 1]
    changes = []
    for case in tonight:
        past = [each[case] for each in (base, *before) if case in each]
        now = [each[case] for each in (*nights[len(before) :], tonight) if case in each]
        if past:
            changes.append(CaseChange(case, _sum(past), _sum(now)))
    changes.sort(key=lambda change: (-change.drop, change.case))
    yield from (change for change in changes[:3] if change.drop > 0)


def _sum(counts: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(passed for passed, _ in counts), sum(total for _, total in counts)


def _evidence(night: Night, rates: Rates | None, history: Sequence[NightLine]) -> Iterator[str]:
    """Yield what the server says about itself and did not say before."""
    last = history[-1] if history else None
    before = (
        set(last.served)
        if last is not None
        else {rates.served_model}
        if rates and rates.served_model
        else set()
    )
    when = f"on {last.at[:10]}" if last is not None else "at the baseline"
    if before and night.served and night.served != before:
        yield f"the served model is {_named(night.served)}; {when} it was {_named(before)}"
    fingerprints = set(last.fingerprints) if last is not None else set()
    if fingerprints and night.fingerprints and night.fingerprints != fingerprints:
        yield f"the system_fingerprint is {_named(night.fingerprints)}; {when} it was {_named(fingerprints)}"


def _named(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _rate(counts: Mapping[str, tuple[int, int]]) -> float:
    return sum(passed / total for passed, total in counts.values()) / len(counts) if counts else 0.0


def _cases(count: int) -> str:
    return f"{count} {'case' if count == 1 else 'cases'}"
