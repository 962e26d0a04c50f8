"""What a gate on a metric needs to know about the cases of a prompt: their labels, their groups, the named scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ...checks.compiled_targets import compile_targets
from ...engine.measured import spelled_label
from ...errors import FormatError
from ...files.cases import cases_of
from ...files.gate_schema import MEASURED, METRICS
from ...files.model import Assertion, Prompt
from ...files.violations import near
from ...verdict.gate import Arm, can_be_worse
from ...verdict.metrics import Metric, Sample, SetMatch, statistic, values
from .gate_rules import GateRule, answers_json
from .rates import Rate

__all__ = ["GatedCases", "base_samples", "gated_cases", "refuse_unknown_metrics"]


@dataclass(slots=True)
class GatedCases:
    """The right label of each case that has one (as JSON), the kinds of right values, and the metrics of assertions."""

    number: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    named: dict[str, int] = field(default_factory=dict)

    def worst(self, metric: Metric, samples: int) -> Arm:
        """Return an arm of which no answer is any good: one that a gate on the metric must be able to find."""
        nothing = Sample(
            passed=False, error=1.0, within=False, match=SetMatch(0, 1, 1), scores={metric.name: 0.0}
        )
        wrong = [nothing] * self.number_of(metric)
        if metric.name in MEASURED["labels"]:
            wrong = [nothing._replace(label=(label, "(wrong)")) for label in self.labels.values()]
        arm = [found for each in wrong if (found := values(metric, [each])) is not None]
        return statistic(metric, ["any"]).failed(arm, samples)

    def number_of(self, metric: Metric) -> int:
        """Return how many cases a metric applies to."""
        kind = next((kind for kind, names in MEASURED.items() if metric.name in names), None)
        return self.named.get(metric.name, 0) if kind is None else self.kinds.get(kind, 0)


def gated_cases(prompt: Prompt) -> GatedCases:
    """Return what is known about all cases of a prompt. Raises what reading the cases raises."""
    found = GatedCases()
    targets = compile_targets(prompt, is_json=answers_json(prompt))
    everywhere = _named(prompt.asserts)
    for case in cases_of(prompt):
        found.number += 1
        for name in {*everywhere, *_named(case.asserts)}:
            found.named[name] = found.named.get(name, 0) + 1
        for target in targets:
            try:
                value = target.expected(case)
            except ValueError:
                continue  # the case is refused anyway
            if value is None:
                continue
            found.kinds[target.kind] = found.kinds.get(target.kind, 0) + 1
            if target.kind == "labels":
                found.labels[case.id] = spelled_label(value)
    return found


def _named(asserts: Iterable[Assertion]) -> set[str]:
    return {str(each.spec["metric"]) for each in asserts if "metric" in each.spec}


def refuse_unknown_metrics(prompt: Prompt, rules: Sequence[GateRule]) -> None:
    """Raise FormatError for a gate on a metric, or on a label, that the prompt's cases do not have.

    Also for one whose cases are so few that it can never fail. Raises what reading the cases raises.
    """
    if all(rule.bound is None or rule.metric == Metric("pass_rate") for rule in rules):
        return
    cases = gated_cases(prompt)
    for rule in rules:
        if rule.bound is not None and rule.metric.name != "pass_rate":
            _refuse_unknown(prompt, rule, cases)


def _refuse_unknown(prompt: Prompt, rule: GateRule, cases: GatedCases) -> None:
    metric = rule.metric
    kind = next((kind for kind, names in MEASURED.items() if metric.name in names), None)
    if kind is not None:
        if not any(target.kind == kind for target in prompt.targets):
            raise FormatError(
                f"{metric.name}: {prompt.name} declares no {kind}, so there is nothing to measure",
                location=rule.metric_location,
                hint=f"declare {kind}: {{path: ...}} in the prompt",
            )
        if not cases.kinds.get(kind):
            raise FormatError(
                f"{metric.name}: no case of {prompt.name} has a right value",
                location=rule.metric_location,
                hint=f"give the cases the right value, or {kind} a column to read it from",
            )
    elif metric.name not in cases.named:
        raise FormatError(
            f'no assertion of {prompt.name} has the metric "{metric.name}"',
            location=rule.metric_location,
            hint=near(metric.name, cases.named)
            or near(metric.name, METRICS)
            or (
                f"its named scores are {', '.join(cases.named)}"
                if cases.named
                else f"the metrics are {', '.join(METRICS)}, and those that assertions name"
            ),
        )
    if metric.label is not None and metric.label not in cases.labels.values():
        labels = sorted(set(cases.labels.values()))
        raise FormatError(
            f"{metric.name}: no case of {prompt.name} has the label {metric.label}",
            location=rule.metric_location,
            hint=near(metric.label, labels) or f"the labels are {', '.join(labels[:10])}",
        )
    bound = rule.bound
    assert bound is not None
    if bound.least is not None and not rule.by_tag:
        arm = cases.worst(metric, 1)
        ids = [str(place) for place in range(len(arm))]
        if not can_be_worse(bound, arm, statistic(metric, ids)):
            raise FormatError(
                f"{rule.label} can never fail: even if all answers were wrong, "
                f"{len(arm)} {'case proves' if len(arm) == 1 else 'cases prove'} nothing",
                location=rule.location,
                hint="add cases, or lower the confidence",
            )


def base_samples(rate: Rate, label: str | None) -> list[Sample]:
    """Return the samples of a recorded case, for the metrics that its rate has; `label` is its right label today."""
    pairs: list[tuple[str, str] | None] = [None] * rate.total
    if label is not None and rate.came:
        came = [each for each, number in rate.came.items() for _ in range(number)]
        came += ["(other)"] * (rate.total - len(came))
        pairs = [(label, each) for each in came]
    scores: list[dict[str, float]] = [{} for _ in range(rate.total)]
    within: list[bool | None] = [None] * rate.total
    for name, counted in rate.scores.items():
        numbers = [number for number, times in counted.items() for _ in range(times)]
        for place, number in enumerate(numbers[: rate.total]):
            if name == "within":
                within[place] = bool(number)
            else:
                scores[place][name] = number
    return [
        Sample(place < rate.passed, pairs[place], None, within[place], None, scores[place])
        for place in range(rate.total)
    ]
