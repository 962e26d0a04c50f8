"""Join the arms of a prompt case by case, compare each with the first, and rank them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from ...errors import UsageError
from ...verdict.contrast import Contrast, adjusted, level_with_the_best
from ...verdict.exact import benjamini_hochberg, stratified_exact
from ...verdict.gate import Bound, as_one_sample
from ...verdict.metrics import PASSES, CaseValues, Metric, Statistic, statistic, values
from ...verdict.power import mean_variance, smallest_drop
from ..gates.gate_slices import MOST_MISSING, few
from .arm import MEASURES, ArmCase, ComparedArm
from .arm_results import PASS_RATE, ArmResult, ArmsComparison, CaseContrast, ContrastResult, MeasureChange

__all__ = ["Lineup", "conclude", "join", "lineup", "look"]


@dataclass(slots=True)
class Lineup:
    """The arms of one prompt, or of its cases with one tag; the first is the one that the others are compared with.

    `ids` are the cases that all arms have, `counts` their samples, arm by arm. `tagged` are the cases with the tag.
    `reason` explains why nothing can be compared. `done`: the last look decided.
    """

    arms: Sequence[ComparedArm]
    tag: str | None
    ids: list[str]
    counts: list[list[CaseValues]]
    contrasts: list[Contrast]
    tagged: frozenset[str] | None = None
    notes: list[str] = field(default_factory=list)
    reason: str = ""
    done: bool = False
    statistic: Statistic = PASSES

    @property
    def metric(self) -> Metric:
        """Return the metric that is compared."""
        return self.arms[0].metric


def lineup(
    arms: Sequence[ComparedArm],
    bound: Bound,
    *,
    tag: str | None = None,
    tagged: frozenset[str] | None = None,
    by_id: bool,
) -> Lineup:
    """Join the arms of one prompt; `tagged` are the cases with the tag. The contrasts have no look yet.

    Raises UsageError if cases with the same id have different variables, unless `by_id`.
    """
    found = Lineup(arms, tag, [], [], [Contrast(bound) for _ in arms[1:]], tagged)
    if not by_id:
        _refuse_other_variables(arms)
    join(found)
    return found


def join(found: Lineup) -> None:
    """Find the cases that all arms have, and count their samples so far."""
    arms, tagged = found.arms, found.tagged
    found.notes, found.reason = [], ""
    parts = [
        {name: case for name, case in arm.cases.items() if tagged is None or name in tagged} for arm in arms
    ]
    for arm in arms:
        if arm.missing > MOST_MISSING * arm.calls:
            found.reason = f"{arm.missing} of {arm.calls} answers of {arm.name} did not arrive"
    usable = [_usable(part, arm) for part, arm in zip(parts, arms, strict=True)]
    found.ids = [name for name in usable[0] if all(name in each for each in usable[1:])]
    found.notes += _apart(arms, parts, usable)
    if found.metric != PASS_RATE and not found.reason:
        _keep_measured(found, usable)
    found.counts = []
    for arm, cases in zip(arms, usable, strict=True):
        counts = [_values(found.metric, cases[name]) for name in found.ids]
        if arm.answers.are_copies:
            found.notes.append(
                f"{arm.name}: all samples of each case are the same answer, so they count as one"
            )
            counts = as_one_sample(counts)
        found.counts.append(counts)
    if not found.ids:
        found.reason = found.reason or f"no case is in {'both' if len(arms) == 2 else 'all'}"
    elif found.metric == PASS_RATE and not any(arm.asserts for arm in arms):
        found.reason = "nothing is asserted about the answers, so each of them passes"
    found.notes += _about_arms(arms, found.ids)


def _keep_measured(found: Lineup, usable: Sequence[Mapping[str, ArmCase]]) -> None:
    """Keep the cases that have the metric in all arms."""
    metric = found.metric
    having = [
        name for name in found.ids if all(values(metric, cases[name].samples) is not None for cases in usable)
    ]
    if lacking := len(found.ids) - len(having):
        found.notes.append(f"{_cases(lacking)} without {metric.shown} left out")
    rated = [arm.name for arm in found.arms if any(case.vars is None for case in arm.cases.values())]
    if rated:
        found.reason = f"{rated[0]} has only pass rates"
    elif found.ids and not having:
        scores = sorted(
            {
                name
                for cases in usable
                for case in cases.values()
                for sample in case.samples
                for name in sample.scores
            }
        )
        known = f"; the named scores are {', '.join(scores)}" if scores else ""
        found.reason = f"no case has {metric.shown} in all arms{known}"
    found.ids = having
    found.statistic = statistic(metric, having)


def _values(metric: Metric, case: ArmCase) -> CaseValues:
    return (case.passed, case.answered) if metric == PASS_RATE else values(metric, case.samples)


def look(lineups: Sequence[Lineup], *, samples: int | None = None) -> None:
    """Look at the counts of all lineups that are not done yet.

    `samples` is the number of samples of each case so far, by default that of the arms.
    """
    tests = sum(len(each.contrasts) for each in lineups if not each.reason)
    for each in lineups:
        if each.done:
            continue
        each.done = True
        if each.reason:
            continue
        for contrast, counts in zip(each.contrasts, each.counts[1:], strict=True):
            most = samples or max(map(_size, counts))
            each.done &= contrast.look(
                each.counts[0], counts, samples=most, tests=tests, statistic=each.statistic
            )


def conclude(lineups: Sequence[Lineup]) -> list[ArmsComparison]:
    """Return the verdicts, with the p-values adjusted for all comparisons."""
    judged = [contrast for each in lineups if not each.reason for contrast in each.contrasts]
    p = {id(contrast): both for contrast, both in zip(judged, adjusted(judged), strict=True)}
    return [_concluded(each, p, len(judged)) for each in lineups]


def _concluded(found: Lineup, p: Mapping[int, tuple[float, float]], tests: int) -> ArmsComparison:
    arms, bound = found.arms, found.contrasts[0].bound
    first = arms[0]
    if found.reason:
        results = [ArmResult(arm.name, arm.started, tuple(sorted(arm.models))) for arm in arms]
        contrasts = [ContrastResult(arm.name, "unchecked", reason=found.reason) for arm in arms[1:]]
        return ArmsComparison(
            first.prompt,
            found.tag,
            bound,
            tuple(results),
            tuple(contrasts),
            tests,
            0,
            tuple(found.notes),
            found.metric,
        )
    level = level_with_the_best(found.counts, bound, found.statistic)
    results = [
        _arm_result(arm, counts, bound, found.statistic, level=same)
        for arm, counts, same in zip(arms, found.counts, level, strict=True)
    ]
    contrasts = [
        _contrast_result(found, index, contrast, *p[id(contrast)])
        for index, contrast in enumerate(found.contrasts, 1)
    ]
    return ArmsComparison(
        first.prompt,
        found.tag,
        bound,
        tuple(results),
        tuple(contrasts),
        tests,
        len(found.ids),
        tuple(found.notes),
        found.metric,
    )


def _arm_result(
    arm: ComparedArm, counts: Sequence[CaseValues], bound: Bound, statistic: Statistic, *, level: bool
) -> ArmResult:
    low, high = statistic.interval(counts, 1 - 2 * bound.alpha)
    totals = list(map(_size, counts))
    return ArmResult(
        arm.name,
        arm.started,
        tuple(sorted(arm.models)),
        statistic.value(counts),
        low,
        high,
        (min(totals), max(totals)),
        level,
    )


def _contrast_result(
    found: Lineup, index: int, contrast: Contrast, fall: float, rise: float
) -> ContrastResult:
    arm, base, new = found.arms[index], found.counts[0], found.counts[index]
    bound, seen = contrast.bound, contrast.evidence
    changes = [
        _case_contrast(name, before, after, found.statistic)
        for name, before, after in zip(found.ids, base, new, strict=True)
    ]
    moved = sorted(
        (change for change in changes if change.drop), key=lambda change: (-change.drop, change.case)
    )
    towards = contrast.fall if seen.drop > 0 else contrast.rise
    assert towards.evidence is not None, "both directions were looked at"
    shares = all(isinstance(case, tuple) for case in (*base, *new))
    return ContrastResult(
        arm.name,
        contrast.word(fall, rise),
        evidence=seen,
        p=fall if seen.drop > 0 else rise,
        p_inputs=towards.evidence.p_inputs,
        worse=sum(change.drop > 0 for change in moved),
        better=sum(change.drop < 0 for change in moved),
        alike=len(changes) - len(moved),
        fail_in_both=sum(change.base_value == 0 == change.new_value for change in changes) if shares else 0,
        changes=tuple(_with_q(moved) if shares else moved),
        finds=smallest_drop(
            len(changes),
            max(map(_size, base)),
            max(map(_size, new)),
            mean_variance(base),
            alpha=bound.alpha,
            about=bound.about,
        )
        if shares
        else None,
        can_decide=contrast.can_decide,
        measures=tuple(_measures(found.arms[0], arm, found.ids)),
    )


def _case_contrast(name: str, before: CaseValues, after: CaseValues, statistic: Statistic) -> CaseContrast:
    if isinstance(before, tuple):
        return CaseContrast(name, before[0] / before[1], after[0] / after[1], before, after)
    return CaseContrast(name, statistic.value([before]) or 0.0, statistic.value([after]) or 0.0)


def _with_q(moved: Sequence[CaseContrast]) -> Iterator[CaseContrast]:
    """Yield the cases with q: could the samples of each differ so much by chance, in the direction in which it moved?"""
    pairs = [(change.base, change.new) if change.drop > 0 else (change.new, change.base) for change in moved]
    ps = benjamini_hochberg([stratified_exact([one], [other]) for one, other in pairs if one and other])
    for change, q in zip(moved, ps, strict=True):
        yield replace(change, q=q)


def _size(case: CaseValues) -> int:
    """Return the number of samples of a case."""
    size: int = case[1] if isinstance(case, tuple) else len(case)
    return size


def _measures(base: ComparedArm, new: ComparedArm, ids: Sequence[str]) -> Iterator[MeasureChange]:
    """Yield the medians over the cases of each measure that both arms have, and the median of the cases' ratios."""
    for measure in MEASURES:
        pairs = [
            (before, after)
            for name in ids
            if (before := base.cases[name].measured[measure].mean) is not None
            and (after := new.cases[name].measured[measure].mean) is not None
        ]
        if pairs:
            ratios = [after / before for before, after in pairs if before > 0]
            yield MeasureChange(
                measure,
                median(before for before, _ in pairs),
                median(after for _, after in pairs),
                median(ratios) if ratios else None,
                len(pairs),
            )


def _usable(cases: Mapping[str, ArmCase], arm: ComparedArm) -> dict[str, ArmCase]:
    """Return the cases with at least half of their samples."""
    return {name: case for name, case in cases.items() if case.answered and 2 * case.answered >= arm.most}


def _apart(
    arms: Sequence[ComparedArm],
    parts: Sequence[Mapping[str, ArmCase]],
    usable: Sequence[Mapping[str, ArmCase]],
) -> Iterator[str]:
    """Yield which cases are not compared, and why."""
    for arm, cases, enough in zip(arms, parts, usable, strict=True):
        short = [name for name in cases if name not in enough]
        if short:
            yield f"{arm.name}: {_cases(len(short))} with fewer than half of the answers left out: {few(short)}"
    shared = [name for name in parts[0] if all(name in cases for cases in parts[1:])]
    for arm, cases in zip(arms, parts, strict=True):
        only = [name for name in cases if name not in shared]
        if only:
            yield f"{arm.name}: {_cases(len(only))} that {'the other lacks' if len(arms) == 2 else 'others lack'} left out: {few(only)}"


def _about_arms(arms: Sequence[ComparedArm], ids: Sequence[str]) -> Iterator[str]:
    first = arms[0]
    for arm in arms:
        if arm.outcomes:
            kinds = ", ".join(f"{count} {word}" for word, count in sorted(arm.outcomes.items()))
            yield f"{arm.name}: failed without an answer to judge: {kinds}"
        if len(arm.served) > 1:
            yield f"{arm.name}: the answers came from {len(arm.served)} models: {', '.join(sorted(arm.served))}"
    if len({arm.cached == arm.calls for arm in arms}) > 1 or any(0 < arm.cached < arm.calls for arm in arms):
        for arm in arms:
            if arm.cached:
                yield (
                    f"{arm.name}: {arm.cached:,} of {arm.calls:,} answers came from the cache, so they are older"
                    " than the others; --no-cache asks for all of them"
                )
    for arm in arms[1:]:
        if first.started and arm.started and first.started[:10] != arm.started[:10]:
            yield (
                f"{first.name} was asked on {first.started[:10]} and {arm.name} on {arm.started[:10]}:"
                " what changed on the server in between counts as a difference"
            )
    baselines = [arm for arm in arms if any(case.vars is None for case in arm.cases.values())]
    for baseline in baselines:
        for arm in arms:
            if arm in baselines:
                continue
            other = sum(
                not arm.cases[name].request.rpartition(":")[2].startswith(baseline.cases[name].request)
                for name in ids
            )
            if other:
                yield f"{baseline.name}: recorded with other requests than those of {arm.name} for {_cases(other)}"


def _refuse_other_variables(arms: Sequence[ComparedArm]) -> None:
    first = arms[0]
    for arm in arms[1:]:
        other = [
            name
            for name, case in arm.cases.items()
            if name in first.cases
            and None not in (case.vars, first.cases[name].vars)
            and case.vars != first.cases[name].vars
        ]
        if other:
            raise UsageError(
                f"{_cases(len(other))} of {arm.prompt} {'has' if len(other) == 1 else 'have'} other variables in"
                f" {arm.name} than in {first.name}: {few(other)}",
                hint="these are different questions; --by-id compares them nevertheless",
            )


def _cases(count: int) -> str:
    return f"{count:,} {'case' if count == 1 else 'cases'}"
