"""Compile the gates of one prompt: its own `regression.gate`, else the project's `gate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any

from ...engine.measured import spelled_label
from ...errors import Diagnostic, FormatError, Location
from ...files.cases import cases_of
from ...files.gate_schema import LIMITS, MEASURED
from ...files.model import Project, Prompt
from ...files.problems import ProblemList
from ...schema import show
from ...verdict.gate import Bound
from ...verdict.looks import AUTO, Looks
from ...verdict.metrics import OF_A_LABEL, Metric
from ...verdict.power import mean_variance, smallest_drop
from .declared import declared_gates
from .rates import Rates

__all__ = [
    "GateRule",
    "asserts_nothing",
    "compile_gates",
    "power_hint",
    "refuse_without_assertions",
    "too_fine",
]

_USUAL = Bound()

_OF_A_TEST = ("max_drop", "min", "confidence", "about", "prove", "by", "unsure")


@dataclass(frozen=True, slots=True)
class GateRule:
    """One gate. `bound` is its condition on a metric of the answers, or `limit` the maximum of a cost; `label` names it.

    `metric_location` is where its metric is named; `stated`: the author wrote `max_drop`. `by_tag` makes it one gate per tag; `unsure_fails` makes an inconclusive verdict end with exit code 3. `location` is
    its place in the file.
    """

    label: str
    metric: Metric
    location: Location
    bound: Bound | None
    metric_location: Location
    limit: float = 0.0
    stated: bool = False
    by_tag: bool = False
    unsure_fails: bool = False
    looks: Looks = AUTO


def compile_gates(prompt: Prompt, project: Project) -> tuple[GateRule, ...]:
    """Return the gates of a prompt; none if neither it nor the project has any.

    Raises FormatError at the wrong key, for example if a gate can never fail; Problems if there are several errors.
    """
    declared = declared_gates(prompt, project)
    return () if declared is None else _compiled(*declared)


def asserts_nothing(prompt: Prompt) -> bool:
    """Return whether no case of a prompt asserts anything, so that every complete answer passes. Raises CaseError."""
    if prompt.asserts or prompt.targets or answers_json(prompt):
        return False
    return not any(case.asserts or case.outcome for case in cases_of(prompt))


def answers_json(prompt: Prompt) -> bool:
    """Return whether the response_format of a prompt requires JSON."""
    form = prompt.request.get("response_format")
    return isinstance(form, Mapping) and form.get("type") != "text"


def refuse_without_assertions(prompt: Prompt, rules: Sequence[GateRule]) -> None:
    """Raise FormatError for a pass-rate gate on a prompt whose cases cannot fail. Raises CaseError."""
    rule = next((rule for rule in rules if rule.bound is not None), None)
    if rule is not None and asserts_nothing(prompt):
        raise FormatError(
            f"no case of {prompt.name} asserts anything, so every answer passes and this gate can never fail",
            location=rule.location,
            hint="define a correct answer with `assert` or `response_format`",
        )


def too_fine(rule: GateRule, cases: int) -> Diagnostic | None:
    """Return W023 if a margin that the author chose is finer than one case."""
    bound = rule.bound
    if not rule.stated:
        return None
    if (
        rule.metric.name != "pass_rate"
        or bound is None
        or bound.least is not None
        or not 0 < bound.max_drop * cases < 1 - 1e-9
    ):
        return None
    return Diagnostic(
        "warning",
        "W023",
        f"max_drop {show(bound.max_drop)} of {cases} cases is finer than one case, which is {100 / cases:.3g} points",
        rule.location,
        "a single failing case exceeds it: add cases, or increase max_drop",
    )


def _compiled(spec: Any, locate: Callable[..., Location]) -> tuple[GateRule, ...]:
    problems = ProblemList()
    rules: list[GateRule] = []
    several = isinstance(spec, list)
    for index, each in enumerate(spec if several else [spec]):
        at: tuple[int, ...] = (index,) if several else ()

        def place(*path: str, at: tuple[int, ...] = at) -> Location:
            return locate(*at, *path)

        with problems.kept():
            rule = _compile(each, place)
            if any(rule.label == other.label and rule.by_tag == other.by_tag for other in rules):
                raise FormatError(f"the gate {rule.label} appears twice", location=place())
            rules.append(rule)
    problems.raise_any()
    return tuple(rules)


def _compile(spec: Mapping[str, Any], place: Callable[..., Location]) -> GateRule:
    for key, message, hint in _faults(spec):
        raise FormatError(message, location=place(*([key] if key in spec else [])), hint=hint)
    name: str = spec.get("metric", "pass_rate")
    metric = Metric(name, spelled_label(spec["label"]) if "label" in spec else None)
    looks = _looks(spec.get("samples", "auto"))
    named = place(*(["label"] if "label" in spec else ["metric"] if "metric" in spec else []))
    if name in LIMITS:
        return GateRule(
            f"{name} max {show(spec['max'])}", metric, place(), None, named, spec["max"], looks=looks
        )
    # Of an error, less is better: its negative must be at least the negative of the maximum.
    least = -spec["max"] if metric.lower_is_better else spec.get("min")
    bound = Bound(
        max_drop=spec.get("max_drop", _USUAL.max_drop),
        least=least,
        confidence=spec.get("confidence", _USUAL.confidence),
        about=spec.get("about", "cases"),
        prove=spec.get("prove", False),
        looks=looks,
    )
    label = " ".join(
        [
            metric.shown,
            *([f"max {show(spec['max'])}"] if metric.lower_is_better else []),
            *([f"min {show(least)}"] if least is not None and not metric.lower_is_better else []),
            *(
                [f"max_drop {show(bound.max_drop)}"]
                if "max_drop" in spec and bound.max_drop != _USUAL.max_drop
                else []
            ),
            *(["for inputs"] if bound.about == "inputs" else []),
            *(["proven"] if bound.prove else []),
        ]
    )
    return GateRule(
        label,
        metric,
        place(),
        bound,
        named,
        stated="max_drop" in spec,
        by_tag=spec.get("by") == "tag",
        unsure_fails=spec.get("unsure") == "fail",
        looks=looks,
    )


def _looks(samples: str | int | list[int]) -> Looks:
    if isinstance(samples, str):
        return AUTO
    return Looks((samples,) if isinstance(samples, int) else tuple(samples))


def _faults(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    """Yield the errors of one gate: the key, the message, a hint."""
    samples = spec.get("samples", "auto")
    if isinstance(samples, list) and any(a >= b for a, b in pairwise(samples)):
        yield "samples", f"samples {show(samples)} must increase from look to look", None
    for key in ("max_drop", "min", "max", "confidence"):
        if key in spec and not isfinite(spec[key]):
            yield key, f"{key} is not a finite number", None
    metric = spec.get("metric", "pass_rate")
    if metric in OF_A_LABEL and "label" not in spec:
        yield (
            "metric",
            f"a gate on {metric} needs the label that it is about",
            f"{{metric: {metric}, label: ...}}",
        )
    if "label" in spec and metric not in OF_A_LABEL:
        yield "label", f"{metric} is not about one label", f"only {', '.join(OF_A_LABEL)} are"
    if metric in LIMITS:
        for key in _OF_A_TEST:
            if key in spec:
                yield key, f"{metric} is a plain limit, which has no {key}", "give it `max` alone"
        if "max" not in spec:
            yield "metric", f"a gate of {metric} needs max", f"e.g. {{metric: {metric}, max: 0.002}}"
        return
    if Metric(metric).lower_is_better:
        for key in ("min", "max_drop", "about"):
            if key in spec:
                yield key, f"{metric} is an error, of which less is better: it has no {key}", "give it `max`"
        if "max" not in spec:
            yield "metric", f"a gate on {metric} needs max", f"{{metric: {metric}, max: 0.5}}"
        return
    if metric in MEASURED["sets"] and "min" not in spec:
        yield "metric", f"a gate on {metric} needs min: a baseline does not record sets", None
    if "max" in spec:
        what = "a pass rate" if metric == "pass_rate" else metric
        yield "max", f"{what} cannot be too high, so this gate can never fail", "give min or max_drop"
    if "min" in spec and "max_drop" in spec:
        yield "min", "min and max_drop are two gates", "write a list: gate: [{max_drop: 0.05}, {min: 0.85}]"
    shares = "it is a share: 0.05 is 5 points"
    drop, least = spec.get("max_drop", 0.05), spec.get("min", 0.5)
    if drop >= 1:
        yield (
            "max_drop",
            f"max_drop {show(drop)}: a rate cannot fall by more than 1, so this gate can never fail",
            shares,
        )
    if least <= 0:
        yield "min", f"min {show(least)}: every rate is at least that, so this gate can never fail", shares
    if least > 1:
        yield "min", f"min {show(least)}: no rate is that high, so this gate can never pass", shares
    if least == 1 and spec.get("prove"):
        yield (
            "min",
            "min 1 with prove: no number of samples can prove that none will fail, so this gate can never pass",
            None,
        )
    if "min" in spec and "about" in spec:
        yield "about", "about is for max_drop: a rate on its own is about inputs like these", "leave it out"


def power_hint(rules: Sequence[GateRule], rates: Rates | None, cases: int) -> str | None:
    """Return a sentence on how large a drop the gates of a prompt would find; None if no gate looks for a drop."""
    bound = next(
        (
            rule.bound
            for rule in rules
            if rule.metric.name == "pass_rate" and rule.bound and rule.bound.least is None and not rule.by_tag
        ),
        None,
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
