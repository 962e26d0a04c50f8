"""One gate on the cases of one unit: its two arms, why it cannot be judged, and its result.

A gate is judged on all cases of its prompt, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import quantiles

from ...engine.measured import spelled_label
from ...engine.plan.job import Job, Unit
from ...engine.sampled import Sampled
from ...errors import Diagnostic, FormatError
from ...files.model import Project
from ...verdict.exact import benjamini_hochberg
from ...verdict.gate import Arm, Trial, as_one_sample, can_be_worse
from ...verdict.looks import Looks
from ...verdict.metrics import PASSES, CaseValues, Metric, Statistic, statistic, values
from ...verdict.power import mean_variance, smallest_drop
from ..snapshots.snapshot import rates_file
from ..snapshots.store import SnapshotStore
from .counted import CaseCount, Counted, UnitCount
from .declared import OFFLINE
from .gate_results import CaseChange, GateResult, GateWord
from .gate_rules import GateRule, compile_gates, refuse_without_assertions, too_fine
from .gated_cases import base_samples, refuse_unknown_metrics
from .rates import Rates, load_rates, short

__all__ = ["MOST_MISSING", "GateSlice", "GatedUnit", "few", "gated_unit", "judge"]

MOST_MISSING = 0.05
"""If a larger share of the answers than this is missing, the gate is not judged."""

_MOST_APART = 0.2
"""If a larger share of the cases than this is in one arm only, the others do not represent the suite."""

_NAMED = 3


@dataclass(slots=True)
class GatedUnit:
    """A unit that has gates. `asked` samples of each case were requested so far.

    `seen` are the requests of its cases, and `labels` their right labels (as JSON).
    """

    unit: Unit
    rules: tuple[GateRule, ...]
    file: str
    rates: Rates | None
    counted: Counted
    sampled: Sampled
    asked: int = 0
    slices: list[GateSlice] | None = None
    seen: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> UnitCount:
        """Return the counts of the unit's samples."""
        return self.counted.of(self.unit)

    def make_slices(self) -> Iterator[GateSlice]:
        """Yield the slices of each gate: one, or one for each tag."""
        counted = self.count
        for rule in self.rules:
            tags: Sequence[str | None] = [None]
            if rule.by_tag:
                tags = sorted({tag for case in counted.cases.values() for tag in case.tags})
                if not tags:
                    yield self._fixed(
                        rule,
                        None,
                        "unchecked",
                        "no case has a tag, so there is nothing to judge by tag",
                    )
                elif bare := sum(not case.tags for case in counted.cases.values()):
                    reason = f"{_cases(bare)} without a tag {'is' if bare == 1 else 'are'} not judged, because this gate is judged by tag"
                    yield self._fixed(rule, None, "skipped", reason)
            for tag in tags:
                yield GateSlice(self, rule, tag, Trial(rule.bound) if rule.bound else None)

    def result(self, rule: GateRule, tag: str | None, word: GateWord, reason: str) -> GateResult:
        """Return a result of a gate of this unit without its evidence."""
        unit = self.unit
        return GateResult(
            unit.prompt.name,
            unit.variant,
            rule.label,
            rule.metric,
            rule.location,
            word,
            tag,
            reason,
            rule.bound,
            limit=rule.limit if rule.bound is None else None,
            calls=self.count.calls,
            unsure_fails=rule.unsure_fails,
        )

    def see(self, job: Job) -> None:
        """Note a case of the unit, whether its request is sent or not."""
        self.seen[job.case.id] = short(job.fingerprint)
        for target in self.unit.judge.answer_targets if job.case.expected else ():
            if target.kind == "labels" and (label := target.expected(job.case)) is not None:
                self.labels[job.case.id] = spelled_label(label)

    def remarks(self, cases: int) -> Iterator[Diagnostic]:
        """Yield the remarks on gates of so many cases. Raises FormatError for a gate that can never fail."""
        refuse_without_assertions(self.unit.prompt, self.rules)
        refuse_unknown_metrics(self.unit.prompt, self.rules)
        for rule in self.rules:
            if (fine := too_fine(rule, cases)) is not None:
                yield fine
            self.refuse_impossible(rule, cases)

    def refuse_impossible(self, rule: GateRule, cases: int) -> None:
        """Raise FormatError if a gate can never fail on so many cases."""
        bound = rule.bound
        if bound is None or rule.by_tag or not cases or rule.metric.name != "pass_rate":
            return
        if bound.least is not None:
            if not can_be_worse(bound, [(0, 1)] * cases):
                raise FormatError(
                    f"min {bound.least:g} of {_cases(cases)} can never fail: even if none passed, so few cases prove nothing",
                    location=rule.location,
                    hint="add cases, or lower the confidence",
                )
            return
        if self.rates is None:
            return
        base = [(rate.passed, rate.total) for case, rate in self.rates.cases.items()]
        if base and not can_be_worse(bound, base):
            passing = sum(passed / total for passed, total in base) / len(base)
            why = (
                f"only {100 * passing:.3g} % of its baseline passed"
                if passing <= bound.max_drop
                else f"{_cases(len(base))} with {self.rates.samples} baseline samples are too few for a confidence of {100 * bound.confidence:g} %"
            )
            raise FormatError(
                f"this gate can never fail: {why}",
                location=rule.location,
                hint="add cases, record a baseline with more samples, lower the confidence, or set `about: cases`",
            )

    def at_rest(self, rule: GateRule, part: str | None, stopped: str | None) -> GateResult:
        """Return the result of a gate in a run without samples; `min` is judged on the baseline if its requests are current."""
        if stopped is not None:
            return self.result(rule, None, "unchecked", stopped)
        assert part is not None
        rates, bound = self.rates, rule.bound
        if part != OFFLINE or bound is None or bound.least is None or rule.by_tag:
            return self.result(rule, None, "skipped", part)
        stale = [
            name
            for name, request in self.seen.items()
            if rates is None or name not in rates.cases or rates.cases[name].request != request
        ]
        if rates is None or stale or not self.seen:
            reason = f"{part}, and {_cases(len(stale))} without a rate for the current request"
            return self.result(rule, None, "skipped", reason)
        trial = Trial(replace(bound, looks=Looks((1,))))
        arm = {
            name: found
            for name in sorted(self.seen)
            if (found := self.base_values(rule.metric, name, rates)) is not None
        }
        if not arm:
            return self.result(
                rule, None, "skipped", f"{part}, and the baseline does not record {rule.metric.shown}"
            )
        measured = statistic(rule.metric, [*arm])
        trial.look((), [*arm.values()], samples=rates.samples, tests=1, statistic=measured)
        return replace(
            self.result(rule, None, trial.word(trial.p), ""),
            evidence=trial.evidence,
            p=trial.p,
            notes=("judged on the baseline",),
        )

    def base_values(self, metric: Metric, case: str, rates: Rates) -> CaseValues | None:
        """Return what the baseline knows of a case for a metric; None if it knows nothing."""
        rate = rates.cases.get(case)
        if rate is None or metric.name == "pass_rate":
            return None if rate is None else (rate.passed, rate.total)
        return values(metric, base_samples(rate, self.labels.get(case)))

    def new_values(self, metric: Metric, case: CaseCount) -> CaseValues | None:
        """Return what the answers say about a case for a metric; None if the metric does not apply to it."""
        if metric.name == "pass_rate":
            return case.passed, case.answered
        return values(metric, case.samples)

    def _fixed(self, rule: GateRule, tag: str | None, word: GateWord, reason: str) -> GateSlice:
        result = self.result(rule, tag, word, reason)
        return GateSlice(self, rule, tag, None, done=True, fixed=result)


def gated_unit(
    unit: Unit, project: Project, store: SnapshotStore, sampled: Sampled, samples: int | None
) -> GatedUnit | None:
    """Return a unit with its gates and their baseline, None if it has no gate; `samples` overrides those of the gates.

    Raises what compiling gates and reading rates raises.
    """
    rules = compile_gates(unit.prompt, project)
    if not rules:
        return None
    if samples is not None:
        looks = Looks((samples,))
        rules = tuple(
            replace(rule, looks=looks, bound=rule.bound and replace(rule.bound, looks=looks))
            for rule in rules
        )
    file = rates_file(unit.prompt, unit.variant)
    return GatedUnit(unit, rules, store.shown(file), load_rates(store, file), Counted(), sampled)


@dataclass(slots=True)
class GateSlice:
    """One gate over all cases of a unit, or over its cases with one tag. `base` and `new` are the two arms of `ids`."""

    gated: GatedUnit
    rule: GateRule
    tag: str | None
    trial: Trial | None
    done: bool = False
    fixed: GateResult | None = None
    base: Arm = ()
    new: Arm = ()
    ids: Sequence[str] = ()
    statistic: Statistic = PASSES
    notes: list[str] = field(default_factory=list)

    def look(self, tests: int) -> None:
        """Evaluate the gate after a round; `tests` is how many gates of the run compare rates."""
        counted = self.gated.count
        problem = self._problem(counted)
        if problem is not None:
            word, reason = problem
            self.fixed = self.gated.result(self.rule, self.tag, word, reason)
            self.done = True
            return
        if self.trial is None:
            self.done = True
            self.fixed = self._limited(counted)
            return
        self.done = self.trial.look(
            self.base, self.new, samples=self.gated.asked, tests=tests, statistic=self.statistic
        )

    def judged(self, adjusted: float) -> GateResult:
        """Return the result; `adjusted` is p, adjusted for all gates of the run."""
        assert self.trial is not None
        bound, seen = self.trial.bound, self.trial.evidence
        assert seen is not None
        calls = self.gated.count.calls
        cases = len(self.gated.count.cases)
        result = replace(
            self.gated.result(self.rule, self.tag, self.trial.word(adjusted), ""),
            evidence=seen,
            p=adjusted,
            calls=calls,
            saved=max(0, cases * bound.looks.last - calls),
            notes=tuple(self.notes),
        )
        if self.statistic.value(self.new) is None and result.word != "worse":
            reason = f"no answer gave the label, so there is no {self.rule.metric.name}"
            return replace(result, word="inconclusive", reason=reason)
        if bound.least is not None:
            return result
        base, new = _as_counts(self.base), _as_counts(self.new)
        changes = [CaseChange(name, *both) for name, *both in zip(self.ids, base, new, strict=True)]
        fell = sorted(
            (change for change in changes if change.drop > 0), key=lambda change: (-change.drop, change.case)
        )
        result = replace(
            result,
            changes=tuple(fell[:_NAMED]),
            worse=len(fell),
            better=sum(change.drop < 0 for change in changes),
        )
        if not isinstance(self.new[0], tuple):
            return result  # how large a drop is found is only known for shares of samples
        finds = smallest_drop(
            len(changes),
            max(total for _, total in base),
            max(total for _, total in new),
            mean_variance(self.base),
            alpha=bound.alpha,
            about=bound.about,
        )
        return replace(result, finds=finds)

    def _problem(self, counted: UnitCount) -> tuple[GateWord, str] | None:
        """Return why a slice cannot be judged; otherwise set its arms."""
        if counted.missing > MOST_MISSING * counted.calls:
            return "unchecked", f"{counted.missing} of {counted.calls} answers did not arrive"
        if self.trial is None:
            return None
        of_tag = {
            name: case for name, case in counted.cases.items() if self.tag is None or self.tag in case.tags
        }
        enough = {
            name: case
            for name, case in of_tag.items()
            if 2 * case.answered >= self.gated.asked and case.answered
        }
        self.notes = []
        if left_out := len(of_tag) - len(enough):
            self.notes.append(f"{_cases(left_out)} with fewer than half of the answers left out")
        one = self.gated.sampled.is_one(self.gated.unit)
        if one:
            self.notes.append("all samples of each case are the same answer: they count as one")
        bound, metric = self.trial.bound, self.rule.metric
        arm = {
            name: found
            for name, case in enough.items()
            if (found := self.gated.new_values(metric, case)) is not None
        }
        if enough and not arm:
            return "unchecked", f"{metric.shown} applies to no case" + (
                "" if self.tag is None else " with this tag"
            )
        if bound.least is None:
            rates = self.gated.rates
            if rates is None:
                return "unchecked", f"there is no baseline: runner baseline {self.gated.unit.prompt.path}"
            asks = self.gated.unit.asks
            if rates.judged_by != (None if asks is None else asks.judged_by):
                why = "the cases of the baseline were judged by another judge, or by none"
                return "unchecked", f"{why}: runner baseline {self.gated.unit.prompt.path}"
            common = [name for name in enough if name in rates.cases]
            self._note_apart(enough, common, rates)
            if not common:
                return "unchecked", f"no case has a rate: runner baseline {self.gated.unit.prompt.path}"
            of_tag = {name: case for name, case in of_tag.items() if name not in enough or name in arm}
            old = {
                name: found
                for name in common
                if name in arm and (found := self.gated.base_values(metric, name, rates)) is not None
            }
            if not old:
                return (
                    "unchecked",
                    f"the baseline does not record {metric.shown}: runner baseline {self.gated.unit.prompt.path}",
                )
            common = sorted(old)
            self.base = [old[name] for name in common]
            self._measure(common, counted)
            if self.tag is not None and not can_be_worse(bound, self.base, self.statistic):
                return (
                    "inconclusive",
                    f"{_cases(len(common))} of this tag can never be shown to be worse: there are too few, or none passed",
                )
            gone = set(rates.cases) - set(counted.cases) if self.tag is None else ()
            if len(of_tag) - len(common) > _MOST_APART * len(of_tag) or len(gone) > _MOST_APART * len(
                rates.cases
            ):
                return (
                    "inconclusive",
                    f"only {_cases(len(common))} are in both the suite and its baseline: runner baseline {self.gated.unit.prompt.path}",
                )
        else:
            common = sorted(arm)
            if not common:
                return "unchecked", "no case was answered"
            self._measure(common, counted)
            worst = self.statistic.failed([arm[name] for name in common], 1)
            if self.tag is not None and not can_be_worse(bound, worst, self.statistic):
                return (
                    "inconclusive",
                    f"{_cases(len(common))} of this tag can never be shown to be below it: there are too few",
                )
        new = [arm[name] for name in common]
        self.ids, self.new = common, as_one_sample(new) if one else new
        if metric.lower_is_better:
            numberless = sum(
                sample.within is not None and sample.error is None
                for case in enough.values()
                for sample in case.samples
            )
            if numberless > MOST_MISSING * sum(case.answered for case in enough.values()):
                return (
                    "unchecked",
                    f"{numberless} answers have no number, so {metric.name} says nothing about them",
                )
        if counted.outcomes and self.tag is None:
            kinds = ", ".join(f"{count} {word}" for word, count in sorted(counted.outcomes.items()))
            self.notes.append(f"failed without an answer to judge: {kinds}")
        return None

    def _measure(self, ids: Sequence[str], counted: UnitCount) -> None:
        """Set the statistic for these cases; those with a group are not units of their own."""
        groups = [counted.cases[name].group for name in ids]
        grouped = [group or name for group, name in zip(groups, ids, strict=True)] if any(groups) else None
        self.statistic = statistic(self.rule.metric, ids, grouped)

    def _note_apart(self, enough: Mapping[str, object], common: Sequence[str], rates: Rates) -> None:
        """Note which cases are in one arm only, and whether the rates belong to other requests."""
        conflicts = [name for name in enough if name in rates.conflicts and name not in rates.cases]
        if conflicts:
            self.notes.append(f"{_cases(len(conflicts))} in a merge conflict: {few(conflicts)}")
        new = [name for name in enough if name not in rates.cases and name not in rates.conflicts]
        if new:
            self.notes.append(
                f"{len(new)} new {'case' if len(new) == 1 else 'cases'} without a rate: {few(new)}; runner baseline --case {new[0]}"
            )
        if self.tag is None:
            gone = [name for name in rates.cases if name not in self.gated.count.cases]
            if gone:
                self.notes.append(f"{_cases(len(gone))} of the baseline no longer there: {few(gone)}")
        cases = self.gated.count.cases
        other = [name for name in common if rates.cases[name].request != short(cases[name].request)]
        if other:
            self.notes.append(f"baseline of another request for {_cases(len(other))}")
        served = self.gated.count.served
        if rates.served_model is not None and served and rates.served_model not in served:
            self.notes.append(f"served by {few(sorted(served))}, the baseline by {rates.served_model}")

    def _limited(self, counted: UnitCount) -> GateResult:
        measured: Mapping[str, Sequence[float]] = {
            "cost": counted.costs,
            "tokens": counted.tokens,
            "latency_p50": counted.latencies,
            "latency_p95": counted.latencies,
        }
        metric = self.rule.metric.name
        measures = measured[metric]
        result = self.gated.result(self.rule, None, "unchecked", "")
        if not measures:
            return replace(result, reason=f"no answer has a known {metric.partition('_')[0]}")
        value = _percentile(measures, metric)
        return replace(result, word="worse" if value > self.rule.limit else "held", value=value)


def judge(slices: Sequence[GateSlice]) -> list[GateResult]:
    """Return the result of each slice, with p adjusted for all of them."""
    tested = [each for each in slices if each.trial is not None and each.fixed is None]
    p = benjamini_hochberg([each.trial.p for each in tested if each.trial])
    adjusted = dict(zip(map(id, tested), p, strict=True))
    return [each.fixed or each.judged(adjusted[id(each)]) for each in slices]


def _as_counts(arm: Arm) -> list[tuple[float, int]]:
    """Return how many of the samples of each case are good: pairs of labels that are equal, or the sum of scores."""
    return [
        case
        if isinstance(case, tuple)
        else (sum(each[0] == each[1] if isinstance(each, tuple) else each for each in case), len(case))
        for case in arm
    ]


def _percentile(values: Sequence[float], metric: str) -> float:
    if metric in ("cost", "tokens") or len(values) == 1:
        return sum(values) / len(values)
    return quantiles(values, n=20, method="inclusive")[9 if metric == "latency_p50" else 18]


def _cases(count: int) -> str:
    return f"{count} {'case' if count == 1 else 'cases'}"


def few(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
