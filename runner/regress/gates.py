"""The gates of a test run: they receive every answer, decide after each round whether another one is needed, and judge.

A gate is judged on all cases of its prompt, or not at all. Each round sends the whole suite: repeating only the failed
cases would turn chance into a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import quantiles
from typing import Literal, TypeAlias

from ..engine.journal.record import Record
from ..engine.plan.job import Job, Unit
from ..engine.sampled import Sampled
from ..errors import Diagnostic, FormatError, Location
from ..files.model import Project
from ..verdict.exact import Counts, benjamini_hochberg
from ..verdict.gate import Bound, Evidence, Trial, as_one_sample, can_be_worse
from ..verdict.looks import Looks
from ..verdict.power import mean_variance, smallest_drop
from .counted import Counted, UnitCount
from .gate_rules import GateRule, compile_gates, refuse_without_assertions, too_fine
from .rates import Rates, read_rates, short
from .snapshots.snapshot import rates_file
from .snapshots.store import SnapshotStore

__all__ = ["CaseChange", "GateResult", "GateWord", "Gates", "load_rates", "power_hint"]

GateWord: TypeAlias = Literal["held", "worse", "inconclusive", "unchecked", "skipped"]
"""The result of a gate: `unchecked` should have been judged but could not be; `skipped` is not judged in such runs."""

_MOST_MISSING = 0.05
"""If a larger share of the answers than this is missing, the gate is not judged."""

_MOST_APART = 0.2
"""If a larger share of the cases than this is in one arm only, the others do not represent the suite."""

_NAMED = 3


@dataclass(frozen=True, slots=True)
class CaseChange:
    """One case in both arms: the passed and the total number of samples."""

    case: str
    base: tuple[int, int]
    new: tuple[int, int]

    @property
    def drop(self) -> float:
        """Return by how much the pass rate of the case fell."""
        return self.base[0] / self.base[1] - self.new[0] / self.new[1]


@dataclass(frozen=True, slots=True)
class GateResult:
    """The result of a gate. `reason` explains why it is not judged, or why it is inconclusive whatever was measured.

    `file` is the prompt's path as the user gave it, `location` the gate's place in its file. `p` is adjusted for all
    gates of the run. `changes` are the cases that fell furthest; `worse` and `better` count all that fell and rose.
    `value` is the measured value of a plain limit. `finds` is the smallest drop that a suite of this size finds 4 times
    in 5. `saved` counts the calls that were not needed.
    """

    prompt: str
    file: str
    variant: str | None
    label: str
    location: Location
    word: GateWord
    tag: str | None = None
    reason: str = ""
    bound: Bound | None = None
    evidence: Evidence | None = None
    p: float | None = None
    value: float | None = None
    limit: float | None = None
    changes: tuple[CaseChange, ...] = ()
    worse: int = 0
    better: int = 0
    calls: int = 0
    saved: int = 0
    finds: float | None = None
    notes: tuple[str, ...] = ()
    unsure_fails: bool = False

    @property
    def name(self) -> str:
        """Return the name of the prompt with its variant."""
        return self.prompt if self.variant is None else f"{self.prompt}@{self.variant}"

    @property
    def gate(self) -> str:
        """Return the label of the gate, with the tag whose cases it judges."""
        return self.label if self.tag is None else f"{self.label} [{self.tag}]"

    @property
    def outcome(self) -> Literal["ok", "failed", "unchecked"]:
        """Return what the result means for the exit code."""
        if self.word == "worse":
            return "failed"
        return (
            "unchecked"
            if self.word == "unchecked" or (self.word == "inconclusive" and self.unsure_fails)
            else "ok"
        )


@dataclass(slots=True)
class _Slice:
    """One gate over all cases of a unit, or over its cases with one tag."""

    rule: GateRule
    tag: str | None
    trial: Trial | None
    done: bool = False
    fixed: GateResult | None = None
    base: Counts = ()
    new: Counts = ()
    ids: Sequence[str] = ()
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Gated:
    """A unit that has gates."""

    unit: Unit
    rules: tuple[GateRule, ...]
    file: str
    rates: Rates | None
    asked: int = 0
    slices: list[_Slice] | None = None
    seen: dict[str, str] = field(default_factory=dict)


def load_rates(store: SnapshotStore, file: str) -> Rates | None:
    """Return the rates in a file; None if there is no file. Raises what reading it raises."""
    text = store.read_rates(file)
    return None if text is None else read_rates(text, store.shown(file))


def power_hint(rules: Sequence[GateRule], rates: Rates | None, cases: int) -> str | None:
    """Return a sentence on how large a drop the gates of a prompt would find; None if no gate looks for a drop."""
    bound = next(
        (rule.bound for rule in rules if rule.bound and rule.bound.least is None and not rule.by_tag), None
    )
    if bound is None or not cases:
        return None
    if rates is None or not rates.cases:
        base, variance, known = 10, 0.08, "with a baseline of 10 samples a case"
    else:
        base = rates.samples
        variance = mean_variance([(rate.passed, rate.total) for rate in rates.cases.values()])
        known = f"with its baseline of {base} {'sample' if base == 1 else 'samples'} a case"
    first, last = (
        100 * smallest_drop(cases, base, samples, variance, alpha=bound.alpha, about=bound.about)
        for samples in (bound.looks.samples[0], bound.looks.last)
    )
    size = (
        f"drops of {last:.0f} points"
        if first == last
        else f"drops of {first:.0f} points at its first look and of {last:.0f} at its last"
    )
    return f"{cases} {'case' if cases == 1 else 'cases'} {known} find {size}, 4 times in 5"


class Gates:
    """The gates of the units of one run. `samples` overrides their samples; `part` is the reason why none is judged.

    Raises what compiling gates and reading rates raises.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        project: Project,
        store: SnapshotStore,
        *,
        samples: int | None,
        part: str | None,
    ) -> None:
        self.counted = Counted()
        self.sampled = Sampled()
        self.further_calls = 0
        self.further_cost: float | None = None
        self._override = Looks((samples,)) if samples is not None else None
        self._part = part
        self._gated: dict[int, _Gated] = {}
        for unit in units:
            rules = compile_gates(unit.prompt, project)
            if rules:
                file = rates_file(unit.prompt, unit.variant)
                self._gated[id(unit)] = _Gated(
                    unit, self._with_looks(rules), store.shown(file), load_rates(store, file)
                )

    @property
    def judging(self) -> bool:
        """Return whether there are gates that are judged in this run."""
        return bool(self._gated) and self._part is None

    def decide(self, unit: Unit) -> bool:
        """Return whether gates, and not single cases, decide the verdict on a unit."""
        return self._part is None and id(unit) in self._gated

    def samples_of(self, unit: Unit) -> int | None:
        """Return how many samples of each case of a unit the first round requests; None if no gate decides."""
        if not self.decide(unit):
            return None
        return min(rule.looks.samples[0] for rule in self._gated[id(unit)].rules)

    def remarks(self, cases: Mapping[int, int]) -> Iterator[Diagnostic]:
        """Yield the remarks to show before anything is paid for. `cases` maps the id of a unit to its number of cases.

        Raises FormatError for a gate that can never fail.
        """
        for key, gated in self._gated.items() if self._part is None else ():
            count = cases.get(key, 0)
            refuse_without_assertions(gated.unit.prompt, gated.rules)
            for rule in gated.rules:
                if (fine := too_fine(rule, count)) is not None:
                    yield fine
                self._refuse_impossible(gated, rule, count)

    def see(self, job: Job) -> None:
        """Note a case of the run, whether its request is sent or not."""
        gated = self._gated.get(id(job.unit))
        if gated is not None:
            gated.seen[job.case.id] = short(job.fingerprint)

    def take(self, job: Job, records: Sequence[Record]) -> None:
        """Count the records of one job."""
        self.sampled.take(job, records)
        if not self.decide(job.unit):
            return
        self.counted.take(job, records)
        if self._gated[id(job.unit)].slices is not None:  # the first round is counted by its cases
            self.further_calls += 1
            if records[0]["cost"] is not None:
                self.further_cost = (self.further_cost or 0.0) + records[0]["cost"]

    def look(self) -> None:
        """Evaluate the gates after a complete round."""
        if self._part is not None:
            return
        for gated in self._gated.values():
            if gated.slices is None:
                gated.asked = self.samples_of(gated.unit) or 0
                gated.slices = list(self._slices(gated))
        tests = sum(each.trial is not None for gated in self._gated.values() for each in gated.slices or ())
        for gated in self._gated.values():
            for each in gated.slices or ():
                if not each.done and gated.asked in each.rule.looks.samples:
                    self._look_at(gated, each, max(tests, 1))

    def more(self) -> dict[int, range]:
        """Return the samples that the next round has to request, by the id of the unit; empty if all is decided."""
        wanted: dict[int, range] = {}
        for key, gated in self._gated.items():
            looks = [each.rule.looks.after(gated.asked) for each in gated.slices or () if not each.done]
            if found := [each for each in looks if each is not None]:
                wanted[key] = range(gated.asked, min(found))
        return wanted

    def asked(self, wanted: Mapping[int, range]) -> None:
        """Note that the samples of a round have arrived."""
        for key, samples in wanted.items():
            self._gated[key].asked = samples.stop

    def results(self, stopped: str | None = None) -> list[GateResult]:
        """Return the result of each gate. `stopped` is why the run ended early, in which case no gate is judged."""
        why = self._part or stopped
        if why is not None:
            return [
                self._at_rest(gated, rule, stopped) for gated in self._gated.values() for rule in gated.rules
            ]
        slices = [(gated, each) for gated in self._gated.values() for each in gated.slices or ()]
        tested = [each for _, each in slices if each.trial is not None and each.fixed is None]
        adjusted = dict(
            zip(
                map(id, tested),
                benjamini_hochberg([each.trial.p for each in tested if each.trial]),
                strict=True,
            )
        )
        return [each.fixed or self._judged(gated, each, adjusted[id(each)]) for gated, each in slices]

    # --- slices -----------------------------------------------------------------------------------------------------

    def _with_looks(self, rules: tuple[GateRule, ...]) -> tuple[GateRule, ...]:
        if self._override is None:
            return rules
        looks = self._override
        return tuple(
            replace(rule, looks=looks, bound=rule.bound and replace(rule.bound, looks=looks))
            for rule in rules
        )

    def _slices(self, gated: _Gated) -> Iterator[_Slice]:
        counted = self.counted.of(gated.unit)
        for rule in gated.rules:
            tags: Sequence[str | None] = [None]
            if rule.by_tag:
                tags = sorted({tag for case in counted.cases.values() for tag in case.tags})
                if not tags:
                    yield self._fixed(
                        gated,
                        rule,
                        None,
                        "unchecked",
                        "no case has a tag, so there is nothing to judge by tag",
                    )
                elif bare := sum(not case.tags for case in counted.cases.values()):
                    reason = f"{_cases(bare)} without a tag {'is' if bare == 1 else 'are'} judged by no gate of a tag"
                    yield self._fixed(gated, rule, None, "skipped", reason)
            for tag in tags:
                yield _Slice(rule, tag, Trial(rule.bound) if rule.bound else None)

    def _fixed(self, gated: _Gated, rule: GateRule, tag: str | None, word: GateWord, reason: str) -> _Slice:
        result = self._result(gated, rule, tag, word, reason)
        return _Slice(rule, tag, None, done=True, fixed=result)

    def _result(
        self, gated: _Gated, rule: GateRule, tag: str | None, word: GateWord, reason: str
    ) -> GateResult:
        unit = gated.unit
        return GateResult(
            unit.prompt.name,
            unit.prompt.path,
            unit.variant,
            rule.label,
            rule.location,
            word,
            tag,
            reason,
            rule.bound,
            limit=rule.limit if rule.bound is None else None,
            calls=self.counted.of(unit).calls if self.decide(unit) else 0,
            unsure_fails=rule.unsure_fails,
        )

    def _refuse_impossible(self, gated: _Gated, rule: GateRule, cases: int) -> None:
        bound = rule.bound
        if bound is None or rule.by_tag or not cases:
            return
        if bound.least is not None:
            if not can_be_worse(bound, [(0, 1)] * cases):
                raise FormatError(
                    f"min {bound.least:g} of {_cases(cases)} can never fail: even if none passed, so few cases prove nothing",
                    location=rule.location,
                    hint="add cases, or lower the confidence",
                )
            return
        if gated.rates is None:
            return
        base = [(rate.passed, rate.total) for case, rate in gated.rates.cases.items()]
        if base and not can_be_worse(bound, base):
            passing = sum(passed / total for passed, total in base) / len(base)
            why = (
                f"only {100 * passing:.3g} % of its baseline passed"
                if passing <= bound.max_drop
                else f"{_cases(len(base))} with {gated.rates.samples} baseline samples are too few for a confidence of {100 * bound.confidence:g} %"
            )
            raise FormatError(
                f"this gate can never fail: {why}",
                location=rule.location,
                hint="add cases, record a baseline with more samples, lower the confidence, or set `about: cases`",
            )

    # --- looking ----------------------------------------------------------------------------------------------------

    def _look_at(self, gated: _Gated, each: _Slice, tests: int) -> None:
        counted = self.counted.of(gated.unit)
        problem = self._problem(gated, each, counted)
        if problem is not None:
            word, reason = problem
            each.fixed = self._result(gated, each.rule, each.tag, word, reason)
            each.done = True
            return
        if each.trial is None:
            each.done = True
            each.fixed = self._limited(gated, each, counted)
            return
        each.done = each.trial.look(each.base, each.new, samples=gated.asked, tests=tests)

    def _problem(self, gated: _Gated, each: _Slice, counted: UnitCount) -> tuple[GateWord, str] | None:
        """Return why a slice cannot be judged; otherwise set its arms."""
        if counted.missing > _MOST_MISSING * counted.calls:
            return "unchecked", f"{counted.missing} of {counted.calls} answers did not arrive"
        if each.trial is None:
            return None
        of_tag = {
            name: case for name, case in counted.cases.items() if each.tag is None or each.tag in case.tags
        }
        enough = {
            name: case for name, case in of_tag.items() if 2 * case.answered >= gated.asked and case.answered
        }
        each.notes = []
        if left_out := len(of_tag) - len(enough):
            each.notes.append(f"{_cases(left_out)} with fewer than half of the answers left out")
        one = self.sampled.is_one(gated.unit)
        if one:
            each.notes.append("all samples of each case are the same answer: they count as one")
        bound = each.trial.bound
        if bound.least is None:
            rates = gated.rates
            if rates is None:
                return "unchecked", f"there is no baseline: runner baseline {gated.unit.prompt.path}"
            common = [name for name in enough if name in rates.cases]
            self._note_apart(gated, each, enough, common, rates)
            if not common:
                return "unchecked", f"no case has a rate: runner baseline {gated.unit.prompt.path}"
            each.base = [(rates.cases[name].passed, rates.cases[name].total) for name in common]
            if each.tag is not None and not can_be_worse(bound, each.base):
                return (
                    "inconclusive",
                    f"{_cases(len(common))} of this tag can never be surely worse: too few, or none passed",
                )
            gone = set(rates.cases) - set(counted.cases) if each.tag is None else ()
            if len(of_tag) - len(common) > _MOST_APART * len(of_tag) or len(gone) > _MOST_APART * len(
                rates.cases
            ):
                return (
                    "inconclusive",
                    f"only {_cases(len(common))} are in both the suite and its baseline: runner baseline {gated.unit.prompt.path}",
                )
        else:
            common = list(enough)
            if not common:
                return "unchecked", "no case was answered"
            if each.tag is not None and not can_be_worse(bound, [(0, 1)] * len(common)):
                return (
                    "inconclusive",
                    f"{_cases(len(common))} of this tag can never be surely below it: too few",
                )
        new = [(enough[name].passed, enough[name].answered) for name in common]
        each.ids, each.new = common, as_one_sample(new) if one else new
        if counted.outcomes and each.tag is None:
            kinds = ", ".join(f"{count} {word}" for word, count in sorted(counted.outcomes.items()))
            each.notes.append(f"failed without an answer to judge: {kinds}")
        return None

    def _note_apart(
        self, gated: _Gated, each: _Slice, enough: Mapping[str, object], common: Sequence[str], rates: Rates
    ) -> None:
        """Note which cases are in one arm only, and whether the rates belong to other requests."""
        conflicts = [name for name in enough if name in rates.conflicts and name not in rates.cases]
        if conflicts:
            each.notes.append(f"{_cases(len(conflicts))} in a merge conflict: {_few(conflicts)}")
        new = [name for name in enough if name not in rates.cases and name not in rates.conflicts]
        if new:
            each.notes.append(
                f"{len(new)} new {'case' if len(new) == 1 else 'cases'} without a rate: {_few(new)}; runner baseline --case {new[0]}"
            )
        if each.tag is None:
            gone = [name for name in rates.cases if name not in self.counted.of(gated.unit).cases]
            if gone:
                each.notes.append(f"{_cases(len(gone))} of the baseline no longer there: {_few(gone)}")
        cases = self.counted.of(gated.unit).cases
        other = [name for name in common if rates.cases[name].request != short(cases[name].request)]
        if other:
            each.notes.append(f"baseline of another request for {_cases(len(other))}")
        served = self.counted.of(gated.unit).served
        if rates.served_model is not None and served and rates.served_model not in served:
            each.notes.append(f"served by {_few(sorted(served))}, the baseline by {rates.served_model}")

    def _limited(self, gated: _Gated, each: _Slice, counted: UnitCount) -> GateResult:
        measured: Mapping[str, Sequence[float]] = {
            "cost": counted.costs,
            "tokens": counted.tokens,
            "latency_p50": counted.latencies,
            "latency_p95": counted.latencies,
        }
        values = measured[each.rule.metric]
        result = self._result(gated, each.rule, None, "unchecked", "")
        if not values:
            what = "cost" if each.rule.metric == "cost" else each.rule.metric.partition("_")[0]
            return replace(result, reason=f"no answer has a known {what}")
        value = _percentile(values, each.rule.metric)
        return replace(result, word="worse" if value > each.rule.limit else "held", value=value)

    # --- judging ----------------------------------------------------------------------------------------------------

    def _judged(self, gated: _Gated, each: _Slice, adjusted: float) -> GateResult:
        assert each.trial is not None
        bound, seen = each.trial.bound, each.trial.evidence
        assert seen is not None
        calls = self.counted.of(gated.unit).calls
        cases = len(self.counted.of(gated.unit).cases)
        result = replace(
            self._result(gated, each.rule, each.tag, each.trial.word(adjusted), ""),
            evidence=seen,
            p=adjusted,
            calls=calls,
            saved=max(0, cases * bound.looks.last - calls),
            notes=tuple(each.notes),
        )
        if bound.least is not None:
            return result
        changes = [
            CaseChange(name, base, new) for name, base, new in zip(each.ids, each.base, each.new, strict=True)
        ]
        fell = sorted(
            (change for change in changes if change.drop > 0), key=lambda change: (-change.drop, change.case)
        )
        most = max(total for _, total in each.new)
        variance = mean_variance(each.base)
        return replace(
            result,
            changes=tuple(fell[:_NAMED]),
            worse=len(fell),
            better=sum(change.drop < 0 for change in changes),
            finds=smallest_drop(
                len(changes),
                max(total for _, total in each.base),
                most,
                variance,
                alpha=bound.alpha,
                about=bound.about,
            ),
        )

    def _at_rest(self, gated: _Gated, rule: GateRule, stopped: str | None) -> GateResult:
        """Return the result of a gate in a run without samples; `min` is judged on the baseline if its requests are current."""
        if stopped is not None:
            return self._result(gated, rule, None, "unchecked", stopped)
        assert self._part is not None
        rates, bound = gated.rates, rule.bound
        if self._part != OFFLINE or bound is None or bound.least is None or rule.by_tag:
            return self._result(gated, rule, None, "skipped", self._part)
        stale = [
            name
            for name, request in gated.seen.items()
            if rates is None or name not in rates.cases or rates.cases[name].request != request
        ]
        if rates is None or stale or not gated.seen:
            reason = f"{self._part}, and {_cases(len(stale))} without a rate for the current request"
            return self._result(gated, rule, None, "skipped", reason)
        trial = Trial(replace(bound, looks=Looks((1,))))
        counts = [(rates.cases[name].passed, rates.cases[name].total) for name in gated.seen]
        trial.look((), counts, samples=rates.samples, tests=1)
        return replace(
            self._result(gated, rule, None, trial.word(trial.p), ""),
            evidence=trial.evidence,
            p=trial.p,
            notes=("judged on the baseline",),
        )


OFFLINE = "not judged: --live asks every case"


def _percentile(values: Sequence[float], metric: str) -> float:
    if metric in ("cost", "tokens") or len(values) == 1:
        return sum(values) / len(values)
    return quantiles(values, n=20, method="inclusive")[9 if metric == "latency_p50" else 18]


def _cases(count: int) -> str:
    return f"{count} {'case' if count == 1 else 'cases'}"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
